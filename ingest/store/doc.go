// Package store writes blocks to ClickHouse and reads the ledger back. It is
// the only importer of clickhouse-go, and speaks both its protocols: native
// (clickhouse://) and HTTP (http://, https://), to a server or cluster and to
// the embedded engine.
//
// Its guarantee: a repeated write of the same block changes nothing. Every
// INSERT carries a deduplication token that is a function of the block's
// identity, the table and the chunk, and chunks are a function of the rows
// alone. A token counts per table partition, so an INSERT that was stored in
// some partitions and not in others is completed by its repetition. The limit
// of the guarantee is the token window (schema.DedupWindow).
//
// It does not retry, does not decide what to write, and makes no tables (see
// package schema).
//
// # The two protocols
//
// The rows, the tokens and what is stored are the same over both; make
// test-native and make chaos run the same tests over the native one. What
// differs:
//
//   - INSERT. Over HTTP the store sends one request with a body that it encodes
//     itself (wire.go), and a LowCardinality column as plain strings, which the
//     server casts. Over the native protocol it is a batch of clickhouse-go: the
//     query first, then the server tells its columns, then the rows in its
//     types. The fence is asked right before the rows are sent, in both.
//   - Settings. Over HTTP they are parameters of the URL; over the native
//     protocol clickhouse-go marks each as important, so a server that does not
//     know one refuses the query, as it does over HTTP (code 115).
//     insert_deduplication_token and async_insert=0 go with every INSERT.
//   - Time limits. clickhouse-go turns a context's deadline into a
//     max_execution_time of its own over both; the store hides its deadlines
//     (settled) and sends the limit that it means. Over the native protocol the
//     driver also bounds each read (read_timeout, 300 s by default), which a
//     server's progress packets keep alive.
//   - Ends. Over HTTP a lost connection ends its one request. Over the native
//     one it leaves the pool; the next use dials again, the DSN's addresses in
//     turn. A connection that died in the pool may cost one failed statement,
//     which the caller repeats: package retry calls it transient.
//   - A cut INSERT. A server that lost the connection between the rows and their
//     end may have stored whole blocks of min_insert_block_size_rows; one INSERT
//     of this store is smaller than that, and its token decides in any case.
package store

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
//   - INSERT. The store encodes the rows itself, once, before it asks for a
//     connection (wire.go): over HTTP they are the body of a request (post.go),
//     over the native protocol the data packet of a query (native.go), whose
//     server first tells its columns. The fence is asked right before the rows
//     are sent, in both. A LowCardinality column goes as plain strings. The
//     server reads both with its NativeReader, which converts a column to the
//     type of the table: any type by a cast
//     (input_format_native_allow_types_conversion, on since 23.3), and where the
//     protocol's handler does not hand it that setting (TCPHandler::initBlockInput
//     of older lines), still LowCardinality alone, inside arrays too
//     (recursiveLowCardinalityTypeConversion). The other types are the table's own.
//   - Revision. INSERTs are sent in revision 54449 of the native protocol, older
//     than profile events and flags of columns; other statements in that of
//     clickhouse-go.
//   - Settings. Over HTTP they are parameters of the URL; over the native
//     protocol each is marked as important, so a server that does not know one
//     refuses the query, as it does over HTTP (code 115).
//     insert_deduplication_token and async_insert=0 go with every INSERT, and
//     what the address sets beside them.
//   - Time limits. An INSERT's is its context's, and a little longer the server's
//     (max_execution_time). For other statements clickhouse-go turns a context's
//     deadline into a max_execution_time; over the native protocol it also bounds
//     each read (read_timeout), which a server's progress packets keep alive.
//   - Ends. Over HTTP a lost connection ends its one request. Over the native
//     one it leaves the pool, as does one whose exchange was cut short by a
//     context or an exception. A connection that died in the pool costs an INSERT
//     nothing: no rows were sent, and the next connection is asked, at last a new
//     one, at the address's hosts in turn. It may cost another statement one
//     failure, which the caller repeats: package retry calls it transient.
//   - A cut INSERT. A server that lost the connection between the rows and their
//     end may have stored whole blocks of min_insert_block_size_rows; one INSERT
//     of this store is smaller than that, and its token decides in any case.
package store

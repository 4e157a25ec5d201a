// Package chnative serves an embedded ClickHouse engine over ClickHouse's
// native protocol, well enough for clickhouse-go, ch-go, Grafana's plugin and
// clickhouse-client: handshake with user and password, ping, queries with
// settings and parameters, rows as they come with progress, totals and
// extremes, INSERT of blocks, LZ4, ZSTD and no compression, exceptions, cancel.
// Queries run by chquery, as those of the HTTP interface do.
//
// Blocks pass from the engine to the client and back without being decoded:
// the engine's format Native and the protocol's blocks differ in a few bytes
// between the columns, so it is enough to know where a column ends. A type
// whose end it does not know is refused by its name.
//
// The revision offered is 54460, that of clickhouse-go and ch-go: query
// parameters came with 54459, elapsed time in progress with 54460. Later ones
// bring chunked packets, password rules and sparse columns, which no client
// here needs. A client older than 54429 sends settings in a binary form that
// only their types explain: its queries are served when it sets none.
//
// What it does not do: temporary tables, external tables, INSERT INTO
// FUNCTION, profile events and server logs (both are optional), queries of
// other servers (Distributed tables over the network).
//
// Unlike a server, it runs an INSERT once all its blocks have arrived: of a
// connection that is cut before the end nothing is inserted, while a server
// may have written whole blocks of min_insert_block_size_rows.
package chnative

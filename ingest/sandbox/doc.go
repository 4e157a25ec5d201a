// Package sandbox runs a Kafka broker and a ClickHouse engine inside this
// process, on loopback ports, so that statline can be tried, tested and used on files
// without servers.
//
//	clients ── Kafka protocol ──> kfake (broker.go)                               DIR/kafka
//	clients ── HTTP ──────> chhttp ───┐
//	                                  ├─> chquery ──> libchdb, the real engine    DIR/clickhouse
//	clients ── native ────> chnative ─┘
//
// Its guarantee: what clients store and read back is the same as with servers.
// Protocols, SQL, deduplication tokens, offset commits and errors are the same, and with
// a data directory everything survives a restart or a kill of the process.
//
// What it does not do: users' rights, TLS, replication, or more than one engine per
// process.
package sandbox

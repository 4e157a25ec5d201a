// Package sandbox runs a Kafka broker and a ClickHouse engine inside this
// process, on loopback ports, so that statline needs no servers to be tried,
// tested or used on a file.
//
//	clients ── Kafka protocol ──> kfake (broker.go)                               DIR/kafka
//	clients ── HTTP ──────> chhttp ───┐
//	                                  ├─> chquery ──> libchdb, the real engine    DIR/clickhouse
//	clients ── native ────> chnative ─┘
//
// Its guarantee: clients cannot tell it from servers by what they store and
// read back. The same protocols, SQL, deduplication tokens, offset commits and
// errors hold, and with a data directory everything survives a restart or a
// kill of the process.
//
// What it does not do: rights of users, TLS, replication, or more than one
// engine per process.
package sandbox

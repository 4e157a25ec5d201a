// Package ingest moves access logs from Kafka into ClickHouse.
//
//	              one goroutine per partition          one per partition
//	source  --->  fetch | decode | classify | fold  --->  declare | insert | commit
//	Kafka         (ingest/decode) (classify/...)          (ingest/block, ingest/store)
//	                 ^                                       |
//	                 +------- one byte budget over all ------+
//
// Pipeline runs it for every partition of a topic that the consumer group gives
// this process, and Topics runs a Pipeline for each of several topics. Its guarantee is that of
// package block: every record counts exactly
// once, whatever dies. It adds the limits that hold over all partitions
// (memory, inserts per second), the status and the metrics. It makes no
// tables, shows nothing and decides nothing about responses.
package ingest

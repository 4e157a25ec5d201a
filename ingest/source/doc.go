// Package source reads a Kafka topic: group membership, commits with
// metadata, offsets, and the records themselves. It is the only importer of
// kafka-go, which it uses for connections (TLS, SASL, discovery of brokers)
// and for the encoding of requests.
//
// Its guarantee: a Batch holds exactly the records of the log from the asked
// offset on, in order, checked against their CRC-32C, without aborted and
// control records, and Batch.Next is past everything that was looked at; the
// same offsets give the same records again as long as the log keeps them. A
// commit is refused with block.ErrFenced once the partition has moved on.
//
// A topic that was deleted and made again under its name is another topic: where
// the cluster has topic ids (Kafka 2.8) TopicID tells them apart, and where
// brokers take them (Kafka 3.1) a fetch names the topic by its id, so that no
// record of the new log comes as one of the old.
//
// Several topics are read as one member of the group (Group): each has a client of
// its own, whose RunGroup takes part in the membership.
//
// Four things are done here and not by kafka-go, because its own versions
// would break that guarantee or the group's timing:
//   - Fetch responses are decoded in place (records.go): kafka-go ignores the
//     list of aborted transactions, returns records from before the asked
//     offset and decompresses without a bound.
//   - Membership (group.go): kafka-go's ConsumerGroup shows neither the time of
//     the last heartbeat nor the metadata of a commit, and its Client sends
//     heartbeats to any broker instead of the group's coordinator.
//   - Metadata is asked for afresh (topic.go): the Transport answers metadata
//     requests from a cache, which hides new partitions and new leaders.
//   - Topic ids (identity.go): kafka-go's newest Metadata and Fetch are older.
//
// It does not decide what to do about an error: Class tells the caller what
// kind it is.
package source

package store

import (
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// The columns of the tables that hold no counts, in the tables' order; those of
// the others are described by their rollups. A test compares names and types
// with the server's.

func sampleColumns(rows []aggregate.SampleRow) []insertColumn {
	type row = aggregate.SampleRow
	return []insertColumn{
		seconds(schema.Minute, of(rows, func(r *row) aggregate.Seconds { return aggregate.Seconds(r.Minute) })),
		text(schema.Service, of(rows, func(r *row) string { return r.Service })),
		text(schema.Outcome, of(rows, func(r *row) string { return r.Outcome.String() })),
		u8(schema.Slot, of(rows, func(r *row) uint8 { return r.Slot })),
		millis(schema.TS, of(rows, func(r *row) int64 { return r.UnixMilli })),
		text(schema.Route, of(rows, func(r *row) string { return r.Route })),
		text(schema.Method, of(rows, func(r *row) string { return r.Method })),
		text(schema.Path, of(rows, func(r *row) string { return r.Path })),
		u16(schema.HTTPStatus, of(rows, func(r *row) uint16 { return r.HTTPStatus })),
		u16(schema.Code, of(rows, func(r *row) uint16 { return r.Code })),
		text(schema.Message, of(rows, func(r *row) string { return r.Message })),
		keyText(schema.KeyID, of(rows, func(r *row) classify.KeyID { return r.Key })),
		addr(schema.ClientIP, of(rows, func(r *row) [16]byte { return r.ClientIP })),
		i64(schema.LatencyUS, of(rows, func(r *row) int64 { return r.LatencyMicros })),
		i16(schema.UpstreamStatus, of(rows, func(r *row) int16 { return r.UpstreamStatus })),
		text(schema.RequestID, of(rows, func(r *row) string { return r.RequestID })),
		text(schema.UserAgent, of(rows, func(r *row) string { return r.UserAgent })),
		i32(schema.Partition, of(rows, func(r *row) int32 { return r.Partition })),
		i64(schema.Offset, of(rows, func(r *row) int64 { return r.Offset })),
	}
}

func keyNameColumns(rows []aggregate.KeyNameRow) []insertColumn {
	type row = aggregate.KeyNameRow
	return []insertColumn{
		keyText(schema.KeyID, of(rows, func(r *row) classify.KeyID { return r.Key })),
		text(schema.Name, of(rows, func(r *row) string { return r.Name })),
	}
}

// rejectColumns takes what all rejects of an INSERT share: the block's identity,
// and when they are stored.
func rejectColumns(id block.ID, at time.Time, rows []block.RejectRow) []insertColumn {
	type row = block.RejectRow
	return []insertColumn{
		text(schema.Cluster, of(rows, func(*row) string { return id.Cluster })),
		text(schema.Topic, of(rows, func(*row) string { return id.Topic })),
		u32(schema.Epoch, of(rows, func(*row) uint32 { return id.Epoch })),
		i32(schema.Partition, of(rows, func(r *row) int32 { return r.Partition })),
		i64(schema.Offset, of(rows, func(r *row) int64 { return r.Offset })),
		u32(schema.Index, of(rows, func(r *row) uint32 { return r.Index })),
		millis(schema.RecordTS, of(rows, func(r *row) int64 { return r.RecordUnixMilli })),
		seconds(schema.StoredAt, of(rows, func(*row) aggregate.Seconds { return aggregate.Seconds(at.Unix()) })),
		text(schema.Reason, of(rows, func(r *row) string { return r.Reason })),
		text(schema.Detail, of(rows, func(r *row) string { return r.Detail })),
		text(schema.Format, of(rows, func(r *row) string { return r.Format })),
		u32(schema.DecoderVersion, of(rows, func(r *row) uint32 { return r.DecoderVersion })),
		text(schema.Raw, of(rows, func(r *row) string { return r.Raw })),
	}
}

func ledgerColumns(rows []block.LedgerRow) []insertColumn {
	type row = block.LedgerRow
	return []insertColumn{
		text(schema.Cluster, of(rows, func(r *row) string { return r.Cluster })),
		text(schema.Topic, of(rows, func(r *row) string { return r.Topic })),
		u32(schema.Epoch, of(rows, func(r *row) uint32 { return r.Epoch })),
		i32(schema.Partition, of(rows, func(r *row) int32 { return r.Partition })),
		i64(schema.First, of(rows, func(r *row) int64 { return r.First })),
		i64(schema.End, of(rows, func(r *row) int64 { return r.End })),
		text(schema.Kind, of(rows, func(r *row) string { return string(r.Kind) })),
		text(schema.State, of(rows, func(r *row) string { return string(r.State) })),
		text(schema.Group, of(rows, func(r *row) string { return r.Group })),
		text(schema.Instance, of(rows, func(r *row) string { return r.Instance })),
		text(schema.ConfigHash, of(rows, func(r *row) string { return r.ConfigHash })),
		text(schema.Build, of(rows, func(r *row) string { return r.Version })),
		u64(schema.Records, of(rows, func(r *row) uint64 { return r.Records })),
		u64(schema.Responded, of(rows, func(r *row) uint64 { return r.Responses })),
		u64(schema.Rejected, of(rows, func(r *row) uint64 { return r.Rejected })),
		u64(schema.Holes, of(rows, func(r *row) uint64 { return r.Holes })),
		ledgerDays(schema.Days, of(rows, func(r *row) []aggregate.DayCount { return r.Days })),
		ledgerAgented(schema.DayAgented, of(rows, func(r *row) []aggregate.DayCount { return r.Days })),
		millis(schema.MinEvent, of(rows, func(r *row) int64 { return r.MinEventUnixMilli })),
		millis(schema.MaxEvent, of(rows, func(r *row) int64 { return r.MaxEventUnixMilli })),
		millis(schema.LastRecordTS, of(rows, func(r *row) int64 { return r.LastRecordUnixMilli })),
		flag(schema.Mixed, of(rows, func(r *row) bool { return r.Mixed })),
		text(schema.Note, of(rows, func(r *row) string { return r.Note })),
		millis(schema.WrittenAt, of(rows, func(r *row) int64 { return r.WrittenAt.UnixMilli() })),
		u32(schema.Inserts, of(rows, func(r *row) uint32 { return r.Inserts })),
		text(schema.TopicID, of(rows, func(r *row) string { return r.TopicID })),
		seconds(schema.DeclaredAt,
			of(rows, func(r *row) aggregate.Seconds { return aggregate.Seconds(r.DeclaredUnix) })),
	}
}

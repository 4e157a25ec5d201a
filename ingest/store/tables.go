package store

import (
	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// The columns of every table that a block writes, in the tables' order. A test
// compares names and types with the server's.

func responseColumns() []columnOf[aggregate.ResponseRow] {
	type row = aggregate.ResponseRow
	return []columnOf[row]{
		seconds(schema.Minute, func(r *row) uint32 { return r.Minute }),
		text(schema.Service, func(r *row) string { return r.Service }),
		text(schema.Route, func(r *row) string { return r.Route }),
		text(schema.Method, func(r *row) string { return r.Method }),
		u16(schema.HTTPStatus, func(r *row) uint16 { return r.HTTPStatus }),
		u16(schema.Code, func(r *row) uint16 { return r.Code }),
		text(schema.Outcome, func(r *row) string { return r.Outcome.String() }),
		text(schema.DecidedBy, func(r *row) string { return r.DecidedBy.String() }),
		text(schema.Blame, func(r *row) string { return r.Blame.String() }),
		u64(schema.Requests, func(r *row) uint64 { return r.Requests }),
		u64(schema.Bytes, func(r *row) uint64 { return r.Bytes }),
		u64(schema.Drift, func(r *row) uint64 { return r.Drift }),
		histogram(schema.Latency, func(r *row) ([]uint16, []uint64) { return r.LatencyBuckets, r.LatencyCounts }),
		u64(schema.LatencyUS, func(r *row) uint64 { return r.LatencyMicros }),
		u64(schema.UpstreamRequests, func(r *row) uint64 { return r.UpstreamRequests }),
		u64(schema.UpstreamUS, func(r *row) uint64 { return r.UpstreamMicros }),
		flag(schema.Truncated, func(r *row) bool { return r.Truncated }),
	}
}

func serviceColumns() []columnOf[aggregate.ServiceRow] {
	type row = aggregate.ServiceRow
	return []columnOf[row]{
		seconds(schema.Minute, func(r *row) uint32 { return r.Minute }),
		text(schema.Service, func(r *row) string { return r.Service }),
		text(schema.Outcome, func(r *row) string { return r.Outcome.String() }),
		u64(schema.Requests, func(r *row) uint64 { return r.Requests }),
	}
}

func serviceHourColumns() []columnOf[aggregate.ServiceHourRow] {
	type row = aggregate.ServiceHourRow
	return []columnOf[row]{
		seconds(schema.Minute, func(r *row) uint32 { return r.Minute }),
		text(schema.Service, func(r *row) string { return r.Service }),
		text(schema.Outcome, func(r *row) string { return r.Outcome.String() }),
		u64(schema.Requests, func(r *row) uint64 { return r.Requests }),
		histogram(schema.Latency, func(r *row) ([]uint16, []uint64) { return r.LatencyBuckets, r.LatencyCounts }),
	}
}

// keyColumns takes the width of a slot, which the rows do not carry; 0 in the
// hour table, which has no slots.
func keyColumns(slotSeconds uint8) []columnOf[aggregate.KeyRow] {
	type row = aggregate.KeyRow
	return []columnOf[row]{
		seconds(schema.Minute, func(r *row) uint32 { return r.Minute }),
		keyText(schema.KeyID, func(r *row) classify.KeyID { return r.Key }),
		text(schema.Service, func(r *row) string { return r.Service }),
		text(schema.Outcome, func(r *row) string { return r.Outcome.String() }),
		u16(schema.Code, func(r *row) uint16 { return r.Code }),
		u64(schema.Requests, func(r *row) uint64 { return r.Requests }),
		u64(schema.Bytes, func(r *row) uint64 { return r.Bytes }),
		u32(schema.CountMax, func(r *row) uint32 { return r.CountMax }),
		u32(schema.LimitMax, func(r *row) uint32 { return r.LimitMax }),
		u64(schema.Slots, func(r *row) uint64 { return r.Slots }),
		u8(schema.SlotSeconds, func(r *row) uint8 {
			if r.Slots == 0 {
				return 0
			}
			return slotSeconds
		}),
		u16(schema.FirstOffset, func(r *row) uint16 { return offset(r.Minute, r.FirstSeen) }),
		u16(schema.LastOffset, func(r *row) uint16 { return offset(r.Minute, r.LastSeen) }),
		addrs(schema.ClientIPs, func(r *row) [][16]byte { return r.ClientIPs }),
		texts(schema.UserAgents, func(r *row) []string { return r.UserAgents }),
		flag(schema.Truncated, func(r *row) bool { return r.Truncated }),
	}
}

// offset is how many seconds into its minute or hour something was seen, 0
// when the row does not tell.
func offset(minute, seen uint32) uint16 {
	if seen < minute {
		return 0
	}
	return uint16(seen - minute)
}

func clientColumns() []columnOf[aggregate.ClientRow] {
	type row = aggregate.ClientRow
	return []columnOf[row]{
		seconds(schema.Minute, func(r *row) uint32 { return r.Minute }),
		addr(schema.ClientIP, func(r *row) [16]byte { return r.ClientIP }),
		text(schema.Outcome, func(r *row) string { return r.Outcome.String() }),
		u16(schema.Code, func(r *row) uint16 { return r.Code }),
		u64(schema.Requests, func(r *row) uint64 { return r.Requests }),
		u64(schema.Slots, func(r *row) uint64 { return r.Slots }),
		keys(schema.KeyIDs, func(r *row) []classify.KeyID { return r.Keys }),
		flag(schema.Truncated, func(r *row) bool { return r.Truncated }),
	}
}

func sampleColumns() []columnOf[aggregate.SampleRow] {
	type row = aggregate.SampleRow
	return []columnOf[row]{
		seconds(schema.Minute, func(r *row) uint32 { return r.Minute }),
		text(schema.Service, func(r *row) string { return r.Service }),
		text(schema.Outcome, func(r *row) string { return r.Outcome.String() }),
		u8(schema.Slot, func(r *row) uint8 { return r.Slot }),
		millis(schema.TS, func(r *row) int64 { return r.UnixMilli }),
		text(schema.Route, func(r *row) string { return r.Route }),
		text(schema.Method, func(r *row) string { return r.Method }),
		text(schema.Path, func(r *row) string { return r.Path }),
		u16(schema.HTTPStatus, func(r *row) uint16 { return r.HTTPStatus }),
		u16(schema.Code, func(r *row) uint16 { return r.Code }),
		text(schema.Message, func(r *row) string { return r.Message }),
		keyText(schema.KeyID, func(r *row) classify.KeyID { return r.Key }),
		addr(schema.ClientIP, func(r *row) [16]byte { return r.ClientIP }),
		i64(schema.LatencyUS, func(r *row) int64 { return r.LatencyMicros }),
		i16(schema.UpstreamStatus, func(r *row) int16 { return r.UpstreamStatus }),
		text(schema.RequestID, func(r *row) string { return r.RequestID }),
		text(schema.UserAgent, func(r *row) string { return r.UserAgent }),
		i32(schema.Partition, func(r *row) int32 { return r.Partition }),
		i64(schema.Offset, func(r *row) int64 { return r.Offset }),
	}
}

func keyNameColumns() []columnOf[aggregate.KeyNameRow] {
	type row = aggregate.KeyNameRow
	return []columnOf[row]{
		keyText(schema.KeyID, func(r *row) classify.KeyID { return r.Key }),
		text(schema.Name, func(r *row) string { return r.Name }),
	}
}

// rejectColumns takes what all rejects of a block share from its identity.
func rejectColumns(id block.ID) []columnOf[block.RejectRow] {
	type row = block.RejectRow
	return []columnOf[row]{
		text(schema.Cluster, func(*row) string { return id.Cluster }),
		text(schema.Topic, func(*row) string { return id.Topic }),
		u32(schema.Epoch, func(*row) uint32 { return id.Epoch }),
		i32(schema.Partition, func(r *row) int32 { return r.Partition }),
		i64(schema.Offset, func(r *row) int64 { return r.Offset }),
		u32(schema.Index, func(r *row) uint32 { return r.Index }),
		millis(schema.RecordTS, func(r *row) int64 { return r.RecordUnixMilli }),
		text(schema.Reason, func(r *row) string { return r.Reason }),
		text(schema.Detail, func(r *row) string { return r.Detail }),
		text(schema.Format, func(r *row) string { return r.Format }),
		u32(schema.DecoderVersion, func(r *row) uint32 { return r.DecoderVersion }),
		text(schema.Raw, func(r *row) string { return r.Raw }),
	}
}

func ledgerColumns() []columnOf[block.LedgerRow] {
	type row = block.LedgerRow
	return []columnOf[row]{
		text(schema.Cluster, func(r *row) string { return r.Cluster }),
		text(schema.Topic, func(r *row) string { return r.Topic }),
		u32(schema.Epoch, func(r *row) uint32 { return r.Epoch }),
		i32(schema.Partition, func(r *row) int32 { return r.Partition }),
		i64(schema.First, func(r *row) int64 { return r.First }),
		i64(schema.End, func(r *row) int64 { return r.End }),
		text(schema.Kind, func(r *row) string { return string(r.Kind) }),
		text(schema.State, func(r *row) string { return string(r.State) }),
		text(schema.Group, func(r *row) string { return r.Group }),
		text(schema.Instance, func(r *row) string { return r.Instance }),
		text(schema.ConfigHash, func(r *row) string { return r.ConfigHash }),
		text(schema.Build, func(r *row) string { return r.Version }),
		u64(schema.Records, func(r *row) uint64 { return r.Records }),
		u64(schema.Responded, func(r *row) uint64 { return r.Responses }),
		u64(schema.Rejected, func(r *row) uint64 { return r.Rejected }),
		u64(schema.Holes, func(r *row) uint64 { return r.Holes }),
		ledgerDays(schema.Days),
		millis(schema.MinEvent, func(r *row) int64 { return r.MinEventUnixMilli }),
		millis(schema.MaxEvent, func(r *row) int64 { return r.MaxEventUnixMilli }),
		millis(schema.LastRecordTS, func(r *row) int64 { return r.LastRecordUnixMilli }),
		flag(schema.Mixed, func(r *row) bool { return r.Mixed }),
		text(schema.Note, func(r *row) string { return r.Note }),
		millis(schema.WrittenAt, func(r *row) int64 { return r.WrittenAt.UnixMilli() }),
	}
}

package fold

import (
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/decode"
)

// Reject reasons of this package; the decoder has its own. A record that makes the
// decoder panic is kept without its bytes: they cannot be scrubbed.
const (
	ReasonTooOld  = "too_old"
	ReasonBadTime = "bad_time"
	ReasonPanic   = "panic"
	// A record that its reader left out because of its size.
	ReasonTooLarge = "too_large"
)

// Reasons lists the reasons of every reject, the decoder's first.
func Reasons() []string {
	return []string{decode.ReasonSyntax, decode.ReasonUnknown, decode.ReasonNoTime, decode.ReasonBadTime,
		decode.ReasonNotResponse,
		decode.ReasonBadStatus, decode.ReasonBadCode, ReasonTooOld, ReasonPanic, ReasonTooLarge}
}

// Times bound a response's own time, in Unix milliseconds.
type Times struct {
	Record   int64 // Kafka's timestamp of its record
	Declared int64 // when the block of the record was declared
}

// CheckTime returns why a response's time, in Unix milliseconds, is refused, "" when
// it is accepted. A record without a real timestamp (see block.Stamped) does not bound
// how old its responses are; they are at most MaxAhead later than its block.
func (c *Config) CheckTime(event int64, t Times) string {
	stamped := block.Stamped(t.Record)
	beside := t.Record
	if !stamped {
		beside = t.Declared
	}
	switch ahead := event - beside; {
	case c.AnyTime:
	case stamped && ahead < -c.MaxAge.Milliseconds():
		return ReasonTooOld
	case event < 0, ahead > c.MaxAhead.Milliseconds():
		return ReasonBadTime
	}
	return ""
}

// tooLarge rejects the current record, of which only the size is known.
func (f *Builder) tooLarge(size *block.TooLarge) {
	what := "a record"
	if size.Batch {
		what = "a record in a batch"
	}
	f.reject(block.RejectRow{Reason: ReasonTooLarge,
		Detail: fmt.Sprintf("%s of %d bytes; the limit (kafka-record-limit) is %d", what, size.Bytes,
			f.cfg.RecordLimit)}, nil)
}

// eventTimeDetail begins the detail of a reject because of its time. The raw bytes of
// such a reject are the whole record; those of the decoder's rejects are one line.
const eventTimeDetail = "event time "

// noTimeDetail begins the detail of a response whose time nobody knows; its raw bytes
// are the whole record too.
const noTimeDetail = "lines of this format have no time, and "

// HoldsRecord reports that a reject's bytes are its whole record, although only the
// item at its index was rejected.
func HoldsRecord(r *block.RejectRow) bool {
	return strings.HasPrefix(r.Detail, eventTimeDetail) || strings.HasPrefix(r.Detail, noTimeDetail)
}

// noTime rejects a response without a time, of a record without one.
func (f *Builder) noTime(index uint32) {
	detail := noTimeDetail +
		"a file's record has none: read them from Kafka, or with the timestamps of docker or kubectl logs"
	if !f.cfg.AnyTime {
		detail = noTimeDetail + fmt.Sprintf("their record's timestamp in Kafka, %d, is none: "+
			"let the producer set it, or the topic (message.timestamp.type=LogAppendTime)", f.record.UnixMilli)
	}
	f.reject(block.RejectRow{Index: index, Reason: decode.ReasonNoTime, Detail: detail}, f.decode.Scrub(f.record.Value))
}

func (f *Builder) badTime(index uint32, reason string, unixMilli int64) {
	beside, at := "record time", f.record.UnixMilli
	if !block.Stamped(at) {
		beside, at = fmt.Sprintf("record time %d is none, its block was declared", at), f.declared
	}
	f.reject(block.RejectRow{
		Index:  index,
		Reason: reason,
		Detail: fmt.Sprintf(eventTimeDetail+"%s, %s %s", utc(unixMilli), beside, utc(at)),
	}, f.decode.Scrub(f.record.Value))
}

func utc(unixMilli int64) string { return time.UnixMilli(unixMilli).UTC().Format(time.RFC3339) }

package fold

import (
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/decode"
)

// Reject reasons of the fold; the decoder has its own. A record that makes the
// decoder panic is kept without its bytes: they cannot be scrubbed.
const (
	ReasonTooOld  = "too_old"
	ReasonBadTime = "bad_time"
	ReasonPanic   = "panic"
	// A record that its reader has left out for its size.
	ReasonTooLarge = "too_large"
)

// Reasons lists the reasons of every reject, the decoder's first.
func Reasons() []string {
	return []string{decode.ReasonSyntax, decode.ReasonUnknown, decode.ReasonNoTime, decode.ReasonBadTime, decode.ReasonNotResponse,
		decode.ReasonBadStatus, decode.ReasonBadCode, ReasonTooOld, ReasonPanic, ReasonTooLarge}
}

// Window says why a response's time is not acceptable beside its record's, ""
// when it is. Both are in Unix milliseconds.
func (c Config) Window(event, record int64) string {
	switch ahead := event - record; {
	case c.AnyTime:
	case ahead < -c.MaxAge.Milliseconds():
		return ReasonTooOld
	case ahead > c.MaxAhead.Milliseconds():
		return ReasonBadTime
	}
	return ""
}

// tooLarge rejects the record in hand, of which nothing but its size is known.
func (f *Fold) tooLarge(size *block.TooLarge) {
	what := "a record"
	if size.Batch {
		what = "a record in a batch"
	}
	f.reject(block.RejectRow{Reason: ReasonTooLarge,
		Detail: fmt.Sprintf("%s of %d bytes; the limit (kafka-record-limit) is %d", what, size.Bytes, f.cfg.RecordLimit)}, nil)
}

// windowDetail begins the detail of a reject of the window, whose raw bytes
// are the whole record; those of the decoder's rejects are the one line.
const windowDetail = "event time "

// HoldsRecord says that a reject's bytes are its record's, of which only the
// item at its index was rejected.
func HoldsRecord(r *block.RejectRow) bool { return strings.HasPrefix(r.Detail, windowDetail) }

func (f *Fold) outOfWindow(index uint32, reason string, unixMilli int64) {
	event, record := time.UnixMilli(unixMilli).UTC(), time.UnixMilli(f.record.UnixMilli).UTC()
	f.reject(block.RejectRow{
		Index:  index,
		Reason: reason,
		Detail: fmt.Sprintf(windowDetail+"%s, record time %s", event.Format(time.RFC3339), record.Format(time.RFC3339)),
	}, f.decode.Scrub(f.record.Value))
}

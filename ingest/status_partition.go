package ingest

import (
	"math"
	"time"

	"statline/ingest/block"
)

// rateWindow is the time over which RecordsPerSecond averages.
const rateWindow = 10 * time.Second

type entry struct {
	PartitionStatus
	opened    []moment  // first records of blocks not yet committed, in order
	looked    moment    // up to which record TimeAt was asked
	behind    time.Time // since when something is known to be not stored
	held      time.Time // since when End has not moved below HighWatermark
	heldAt    int64     // that End
	missing   *Missing
	missed    time.Time // since when it is
	freshness float64
	moved     time.Time // when something was stored, or there was no work
	rate      float64
	rated     time.Time
	owned     bool
	resumed   bool
	resumedAt time.Time
	failed    bool
}

// moment is an offset with its record's timestamp; 0 when it has none.
type moment struct{ offset, unixMilli int64 }

// open takes the first record of a block. Blocks that were read from there on before
// have been dropped.
func (s *entry) open(m moment) {
	for len(s.opened) > 0 && s.opened[len(s.opened)-1].offset >= m.offset {
		s.opened = s.opened[:len(s.opened)-1]
	}
	s.opened = append(s.opened, m)
}

// measure updates since when the partition lags, and since when a transaction holds
// its end back.
func (s *entry) measure(now time.Time) {
	for len(s.opened) > 0 && s.opened[0].offset < s.Next {
		s.opened = s.opened[1:]
	}
	switch {
	case s.lag() == 0:
		s.behind = time.Time{}
	case s.behind.IsZero():
		s.behind = now
	}
	switch {
	case s.HighWatermark <= s.End:
		s.held = time.Time{}
	case s.held.IsZero() || s.heldAt != s.End:
		s.held, s.heldAt = now, s.End
	}
}

// next is the first offset that is not stored, -1 when not known.
func (s *entry) next() int64 {
	if m := s.missing; m != nil && m.First < m.End {
		return max(m.First, m.LogStart)
	}
	return s.Next
}

// lag counts the offsets up to End that are not stored.
func (s *entry) lag() int64 {
	if s.Next < 0 {
		return 0
	}
	return max(0, s.End-s.Next) + s.missingRecords()
}

func (s *entry) missingRecords() int64 {
	if s.missing == nil {
		return 0
	}
	return s.missing.Records()
}

// oldest is when the first record that is not stored was written; ok is false when
// that is not known.
func (s *entry) oldest() (m moment, ok bool) {
	next := s.next()
	switch {
	case s.looked.offset == next && s.looked.unixMilli > 0:
		return s.looked, true
	case next == s.Next && len(s.opened) > 0:
		return s.opened[0], s.opened[0].unixMilli > 0
	}
	return m, false
}

// lagSeconds is the age of the oldest record that is not stored.
func (s *entry) lagSeconds(now time.Time) float64 {
	if s.lag() == 0 {
		return 0
	}
	since := s.behind
	if m, ok := s.oldest(); ok {
		since = time.UnixMilli(m.unixMilli)
	}
	return max(0, now.Sub(since).Seconds())
}

func (s *entry) stored(e block.Event, now time.Time) {
	s.Blocks++
	s.Records += e.Row.Records
	s.Responses += e.Row.Responses
	s.Rejected += e.Row.Rejected
	s.rate = s.rateAt(now) + float64(e.Row.Records)/rateWindow.Seconds()
	s.rated = now
	s.newest(e.Row)
	if block.Stamped(e.Row.LastRecordUnixMilli) {
		s.freshness = max(0, now.Sub(s.LastRecord).Seconds())
	}
}

// newest takes over the times of a stored block.
func (s *entry) newest(row *block.LedgerRow) {
	if ts := row.LastRecordUnixMilli; block.Stamped(ts) {
		s.LastRecord = time.UnixMilli(ts)
	}
	if ts := row.MaxEventUnixMilli; ts > 0 && ts > s.LastEvent.UnixMilli() {
		s.LastEvent = time.UnixMilli(ts)
	}
}

func (s *entry) rateAt(now time.Time) float64 {
	return s.rate * math.Exp(-now.Sub(s.rated).Seconds()/rateWindow.Seconds())
}

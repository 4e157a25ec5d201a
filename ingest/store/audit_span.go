package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// SpanOptions ask for the proof of a range of event time.
type SpanOptions struct {
	AuditOptions
	// From and To are the span [From, To).
	From, To time.Time
	// Tables are those that the figures come from.
	Tables []schema.Table
	// MaxAge and MaxAhead bound how far a response's time lies from its record's
	// (fold.Config): offsets without rows could hold responses of the span when
	// their records are within it.
	MaxAge, MaxAhead time.Duration
}

// SpanAudit says where the responses of a span come from, and what makes their
// figures doubtful.
type SpanAudit struct {
	Ranges []SpanRange
	// Rejected are the lines of those ranges that could not be read when they were
	// stored.
	Rejected uint64
	// Missing says what differs, has expired or is not stored yet, a sentence each;
	// none means that every response of the span is counted exactly once.
	Missing []string
}

// SpanRange is offsets that hold responses of a span: blocks that follow each other
// and were stored under the same configuration, or one replay of rejects.
type SpanRange struct {
	Cluster, Topic string
	Epoch          uint32
	Partition      int32
	First, End     int64
	Kind           block.Kind
	ConfigHash     string
}

// AuditSpan is Audit for a range of event time: only what touches it counts.
func (s *Store) AuditSpan(ctx context.Context, o SpanOptions) (*SpanAudit, error) {
	report, err := s.Audit(ctx, o.AuditOptions)
	if err != nil {
		return nil, err
	}
	found := &SpanAudit{}
	if err := s.rangesOf(ctx, o, found); err != nil {
		return nil, fmt.Errorf("list the ledger's ranges of a span: %w", err)
	}
	found.Missing = append(o.doubtfulDays(report), o.unfinished(report)...)
	holes, err := s.holesOf(ctx, o, report)
	if err != nil {
		return nil, fmt.Errorf("look for offsets that are missing in a span: %w", err)
	}
	found.Missing = append(found.Missing, holes...)
	return found, nil
}

// doubtfulDays are the days of the span whose rows are not what the ledger says,
// or cannot be judged.
func (o *SpanOptions) doubtfulDays(report *AuditReport) (missing []string) {
	touched := func(day string) bool {
		start, err := time.Parse(time.DateOnly, day)
		return err == nil && start.Before(o.To) && start.AddDate(0, 0, 1).After(o.From)
	}
	for _, d := range report.Days {
		if !slices.Contains(o.Tables, d.Table) || !touched(d.Day) {
			continue
		}
		switch {
		case d.Expired:
			missing = append(missing, fmt.Sprintf("%s: the rows of %s have expired", d.Day, d.Table))
		case d.Incomplete:
			missing = append(missing, fmt.Sprintf("%s: %s is younger than some of the day's rows", d.Day, d.Table))
		case d.Unsettled:
			missing = append(missing,
				fmt.Sprintf("%s: a block of the day is being written; ask again when it is stored", d.Day))
		}
	}
	for _, d := range report.Differences {
		if d.Kind == Sum && touched(d.Day) {
			missing = append(missing, d.String())
		}
	}
	return missing
}

// unfinished reports that what is stored does not reach the end of the range.
func (o *SpanOptions) unfinished(report *AuditReport) []string {
	var newest time.Time
	for _, p := range report.Partitions {
		if p.Responses > 0 && p.LastEvent.After(newest) {
			newest = p.LastEvent
		}
	}
	switch {
	case newest.IsZero():
		return []string{"nothing is stored"}
	case newest.Before(o.To.Add(-time.Minute)):
		return []string{fmt.Sprintf("the span is not over: the newest stored response is of %s UTC",
			newest.UTC().Format("2006-01-02 15:04"))}
	}
	return nil
}

type spanScan struct {
	Cluster    string    `ch:"cluster"`
	Topic      string    `ch:"topic"`
	Epoch      uint32    `ch:"epoch"`
	Partition  int32     `ch:"partition"`
	First      int64     `ch:"first"`
	End        int64     `ch:"end"`
	Kind       string    `ch:"kind"`
	ConfigHash string    `ch:"config_hash"`
	Rejected   uint64    `ch:"rejected"`
	Responses  uint64    `ch:"responses"`
	MinEvent   time.Time `ch:"min_event"`
	MaxEvent   time.Time `ch:"max_event"`
	LastMS     int64     `ch:"last_ms"`
}

const (
	spanSelect = "SELECT cluster, topic, epoch, partition, first, end, toString(kind) AS kind, toString(config_hash) AS config_hash, rejected," +
		" responses, min_event, max_event, toUnixTimestamp64Milli(last_record_ts) AS last_ms FROM "
	spanOrder = " ORDER BY cluster, topic, epoch, partition, first, end, kind, config_hash"
)

// rangesOf lists the ranges with responses in the time range. Consecutive blocks are
// one range.
func (s *Store) rangesOf(ctx context.Context, o SpanOptions, found *SpanAudit) error {
	rows, err := Select[spanScan](ctx, s, spanSelect+s.Table(schema.Ledger)+
		" WHERE state = 'stored' AND kind IN ('block', 'replay') AND responses > 0"+
		" AND min_event < fromUnixTimestamp64Milli(?) AND max_event >= fromUnixTimestamp64Milli(?)"+spanOrder,
		o.To.UnixMilli(), o.From.UnixMilli())
	if err != nil {
		return err
	}
	for _, r := range rows {
		next := SpanRange{Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch, Partition: r.Partition, First: r.First,
			End:  r.End,
			Kind: block.Kind(r.Kind), ConfigHash: r.ConfigHash}
		if next.Kind == block.KindBlock {
			found.Rejected += r.Rejected
		}
		if n := len(found.Ranges); n > 0 {
			last, joined := &found.Ranges[n-1], next
			joined.First, joined.End = last.First, last.End
			if next.Kind == block.KindBlock && joined == *last && last.End == next.First {
				last.End = next.End
				continue
			}
		}
		found.Ranges = append(found.Ranges, next)
	}
	return nil
}

// holesOf are the offsets without rows, and the blocks that do not add up, that
// could hold responses of the span. A gap counts as well: retention took its records
// before they were read.
func (s *Store) holesOf(ctx context.Context, o SpanOptions, report *AuditReport) (missing []string, err error) {
	rows, err := Select[spanScan](ctx, s,
		spanSelect+s.Table(schema.Ledger)+" WHERE state = 'stored' AND kind IN ('block', 'gap')"+
			" AND (? OR (cluster, topic, epoch, partition) GLOBAL IN (SELECT cluster, topic, epoch, partition FROM "+s.Table(schema.Ledger)+
			" WHERE state = 'stored' AND kind = 'gap'))"+spanOrder, slices.ContainsFunc(report.Differences, placed))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		d := Difference{Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch, Partition: r.Partition, First: r.First,
			End: r.End}
		if r.Kind == string(block.KindGap) && o.reaches(rows, d) {
			missing = append(missing,
				fmt.Sprintf("%s/%d epoch %d [%d,%d): a gap, its records were gone before they were read",
					r.Topic, r.Partition, r.Epoch, r.First, r.End))
		}
	}
	for _, d := range report.Differences {
		if d.Kind == RejectSum || placed(d) && o.reaches(rows, d) {
			missing = append(missing, d.String())
		}
	}
	return missing, nil
}

// placed reports whether a difference has offsets.
func placed(d Difference) bool { return d.Kind != Sum && d.Kind != RejectSum }

// reaches reports whether the offsets of d can hold responses of the span: by the
// events of the blocks that cover them, or else by the records' times before and
// after them. What tells no time can be of any.
func (o *SpanOptions) reaches(rows []spanScan, d Difference) bool {
	var before, after *spanScan
	covered := false
	for i := range rows {
		r := &rows[i]
		if r.Cluster != d.Cluster || r.Topic != d.Topic || r.Epoch != d.Epoch || r.Partition != d.Partition {
			continue
		}
		switch {
		case r.End <= d.First:
			before = r
		case r.First >= d.End:
			if after == nil {
				after = r
			}
		case r.Kind == string(block.KindBlock):
			covered = true
			if r.Responses == 0 || r.MinEvent.Before(o.To) && !r.MaxEvent.Before(o.From) {
				return true
			}
		}
	}
	if covered {
		return false
	}
	if before != nil && block.Stamped(before.LastMS) && !o.To.After(time.UnixMilli(before.LastMS).Add(-o.MaxAge)) {
		return false
	}
	return after == nil || !block.Stamped(after.LastMS) || o.From.Before(time.UnixMilli(after.LastMS).Add(o.MaxAhead))
}

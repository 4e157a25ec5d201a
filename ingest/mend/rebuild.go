package mend

import (
	"context"
	"fmt"
	"slices"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// rebuild makes the hours that the partial blocks touch again. Rows in the
// tables are sums of many blocks, so what is there of a block whose tables were
// stored in part, or under rules that this binary does not have, cannot be told
// from the others' rows: all of these hours are deleted, and the rows of every
// block that has some in them are inserted, each under the rules that it was
// stored under or, when this binary does not have those, under its own.
//
// Nothing is deleted before each of those blocks has been read again and is what
// the ledger says. A rebuild that was cut leaves the blocks partial, so that the
// next one does the same again.
func (r *Repair) rebuild(ctx context.Context, parts []*partial, report *RepairReport) error {
	spans, err := r.wholeWhereShort(ctx, spansOf(parts), len(parts))
	if err != nil {
		return err
	}
	others, err := r.blocksIn(ctx, spans)
	if err != nil {
		return fmt.Errorf("make %v anew: %w%s", spans, err, wayOut(parts))
	}
	if err := r.Store.DeleteSpans(ctx, spans); err != nil {
		return err
	}
	// A token of an earlier try stands for rows that are deleted.
	kind := block.Kind(fmt.Sprintf("rebuilt-%d", time.Now().UnixMilli()))
	for i := range others {
		p, err := r.again(ctx, &others[i])
		if err != nil {
			return err
		}
		if err := r.Store.WriteSpans(ctx, p.row.ID, kind, p.contents, spans); err != nil {
			return fmt.Errorf("block %s: %w", p.row.ID, err)
		}
	}
	for _, p := range parts {
		if !p.asDeclared() {
			if err := r.Store.DeleteRejects(ctx, p.row.ID); err != nil {
				return err
			}
		}
		if err := r.Store.WriteSpans(ctx, p.row.ID, kind, p.contents, spans); err != nil {
			return fmt.Errorf("block %s: %w", p.row.ID, err)
		}
	}
	report.Rebuilt, report.From = spans, len(others)+len(parts)
	return r.verify(ctx, parts, spans)
}

// wayOut is the advice when the other blocks of the hours cannot be read again as they
// were stored.
func wayOut(parts []*partial) string {
	for _, p := range parts {
		if !p.asDeclared() {
			return fmt.Sprintf("; statline %s declared block %s and can finish it: run that version once with --migrate=false, "+
				"--until-caught-up and the configuration of then", p.row.Version, p.row.ID)
		}
	}
	return ""
}

// spansOf are the hours of the blocks' rows: of what they hold now and, for rows of
// other rules, of what they were declared with.
func spansOf(parts []*partial) []store.Span {
	var spans []store.Span
	for _, p := range parts {
		if c := p.contents; c.Responses > 0 {
			spans = append(spans, hours(c.Rows.MinUnixMilli, c.Rows.MaxUnixMilli))
		}
		if p.row.Responses > 0 && !p.asDeclared() {
			spans = append(spans, hours(p.row.MinEventUnixMilli, p.row.MaxEventUnixMilli))
		}
	}
	slices.SortFunc(spans, func(a, b store.Span) int { return int(int64(a.From) - int64(b.From)) })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && s.From <= merged[n-1].Until {
			merged[n-1].Until = max(merged[n-1].Until, s.Until)
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// wholeWhereShort widens the spans to whole days if a table lacks rows of other blocks
// there: a whole day can be compared with the ledger afterwards.
func (r *Repair) wholeWhereShort(ctx context.Context, spans []store.Span, partials int) ([]store.Span, error) {
	have, err := r.surplus(ctx, partials)
	if err != nil {
		return nil, err
	}
	var days []store.Span
	short := false
	for _, day := range daysIn(spans) {
		days = append(days, store.Span{From: uint32(day * daySeconds), Until: uint32((day + 1) * daySeconds)})
		for _, rollup := range r.Store.Rollups() {
			got := have[tableDay{schema.Table(rollup.Name), dayName(day)}]
			short = short || !got.unjudged() && got.surplus < 0
		}
	}
	if short {
		return days, nil
	}
	return spans, nil
}

const (
	hourSeconds = 3600
	hourMillis  = 1000 * hourSeconds
)

// hours is the span of whole hours that contains two moments, given in Unix
// milliseconds.
func hours(first, last int64) store.Span {
	return store.Span{From: uint32(first / hourMillis * hourSeconds),
		Until: uint32((last/hourMillis + 1) * hourSeconds)}
}

// daysIn are the Unix days that the spans touch.
func daysIn(spans []store.Span) (days []int64) {
	for _, s := range spans {
		for day := int64(s.From) / daySeconds; day*daySeconds < int64(s.Until); day++ {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// blocksIn lists the stored blocks with rows in the spans. All of them have been read
// again and are what the ledger says.
func (r *Repair) blocksIn(ctx context.Context, spans []store.Span) ([]block.LedgerRow, error) {
	rows, err := r.Store.DayBlocks(ctx, daysIn(spans))
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(row block.LedgerRow) bool {
		own := hours(row.MinEventUnixMilli, row.MaxEventUnixMilli)
		return !slices.ContainsFunc(spans, func(s store.Span) bool { return own.From < s.Until && s.From < own.Until })
	})
	if err := r.canRead(ctx, rows, func(_ *block.LedgerRow, why error) error { return why }); err != nil {
		return nil, err
	}
	for i := range rows {
		if _, err := r.again(ctx, &rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

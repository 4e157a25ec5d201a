package watch

import (
	"context"
	"fmt"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Stored decides everything that the store holds of the minutes from and to,
// without writing.
func (q *SQL) Stored(ctx context.Context, cfg *detect.Config, from, to time.Time) ([]detect.Incident, error) {
	p, err := q.Progress(ctx)
	if err != nil || p.First == 0 {
		return nil, err
	}
	r := Range{First: p.First, From: max(detect.MinuteOf(from.Unix()), p.First),
		To: min(detect.MinuteOf(to.Unix()), p.Last)}
	if q.alone != 0 {
		r = Range{First: q.alone, From: detect.MinuteOf(from.Unix()), To: detect.MinuteOf(to.Unix())}
	}
	if r.To < r.From {
		return nil, nil
	}
	rows, err := store.Select[struct {
		Day uint32 `ch:"day"`
	}](ctx, q.store,
		"SELECT DISTINCT toUInt32(intDiv(toUnixTimestamp(toStartOfDay(minute)), 60)) AS day FROM "+q.table(schema.Services)+" ORDER BY day")
	if err != nil {
		return nil, fmt.Errorf("read the stored days: %w", err)
	}
	days := make([]uint32, len(rows))
	for i := range rows {
		days[i] = rows[i].Day
	}
	var all []detect.Incident
	q.deployed = nil
	for _, r := range stretches(days, r) {
		found, deploys, err := evaluate(ctx, cfg, q, r)
		if err != nil {
			return nil, fmt.Errorf("run the detectors: %w", err)
		}
		all, q.deployed = append(all, found...), append(q.deployed, deploys...)
	}
	told := make([]*detect.Incident, len(all))
	for i := range all {
		told[i] = &all[i]
	}
	return all, retries(ctx, q, told, r.To)
}

// Alone makes Stored decide as if nothing were stored before a time, and to its end
// although nothing later is stored. So two stores can be compared of which one holds
// more before and after.
func (q *SQL) Alone(from time.Time) *SQL {
	q.alone = detect.MinuteOf(from.Unix())
	return q
}

// dayMinutes, and how long nothing may be stored within one stretch: the
// detectors' baselines look back 22 days, so that after 30 none is left. What
// is open at the end of a stretch is closed within three days.
const (
	dayMinutes    = 1440
	silentMinutes = 30 * dayMinutes
	closeMinutes  = 3 * dayMinutes
)

// stretches splits r where nothing is stored for a month: a file may hold lines of
// different years, and deciding every minute between them takes long and finds
// nothing. days are the days with rows, ascending, in minutes.
func stretches(days []uint32, r Range) []Range {
	var all []Range
	for i := 0; i < len(days); {
		first := days[i]
		for i++; i < len(days) && days[i]-days[i-1] < silentMinutes; i++ {
		}
		s := Range{First: max(r.First, detect.Minute(first)),
			To: min(r.To, detect.Minute(days[i-1]+dayMinutes+closeMinutes))}
		if s.From = max(r.From, s.First); s.From <= s.To {
			all = append(all, s)
		}
	}
	return all
}

// Keep writes what Stored has decided over everything: the incidents found, that those
// which were kept before and are not found any more are withdrawn, and the deploys that
// versions tell.
func (q *SQL) Keep(ctx context.Context, found []detect.Incident) error {
	kept, err := q.Incidents(ctx, 0)
	if err != nil {
		return err
	}
	version := uint64(1)
	for i := range kept {
		version = max(version, kept[i].Version+1)
	}
	now := map[string]bool{}
	rows := make([]Stored, len(found))
	for i := range found {
		rows[i], now[found[i].ID] = Stored{found[i], version}, true
	}
	for _, k := range kept {
		if !now[k.ID] && k.State != detect.Withdrawn {
			k.State, k.ClosedAs, k.Version = detect.Withdrawn, "", version
			rows = append(rows, k)
		}
	}
	if err := q.Seen(ctx, q.deployed); err != nil {
		return err
	}
	return q.Write(ctx, rows, nil, version)
}

package watch

import (
	"context"
	"math"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// began is the first hour that anything is stored of, by its first minute. A rule that
// looks back on more than is stored says nothing, so that its questions are not asked:
// a young store, and each that analyze makes, is spared most of them. It is read once
// for each Rows, as rows may come that are older.
func (q *SQL) began(ctx context.Context) (detect.Minute, error) {
	if q.alone != 0 {
		return q.alone, nil
	}
	if q.first != 0 {
		return q.first, nil
	}
	rows, err := store.Select[struct {
		First int64  `ch:"first"`
		Rows  uint64 `ch:"n"`
	}](ctx, q.store, "SELECT toInt64(toUnixTimestamp(min(minute))) AS first, count() AS n FROM "+q.table(
		schema.ResponsesHour))
	if err != nil {
		return 0, err
	}
	q.first = math.MinInt32 // nothing is stored there: everything is asked
	if len(rows) > 0 && rows[0].Rows > 0 {
		q.first = detect.MinuteOf(rows[0].First)
	}
	return q.first, nil
}

// reaches reports whether minutes are stored of at least so long before minute at.
func (q *SQL) reaches(ctx context.Context, at detect.Minute, back detect.Minute) (bool, error) {
	first, err := q.began(ctx)
	return first <= at-back, err
}

// seenAmong is the condition, to be put behind another, that rows of since are of those
// whom where finds in minutes, which are sorted: none when that is all that is stored.
func (q *SQL) seenAmong(ctx context.Context, t schema.Table, column, where string, minutes []detect.Minute,
	since detect.Minute) (string, error) {
	first, err := q.began(ctx)
	if err != nil {
		return "", err
	}
	last := len(minutes) - 1
	if minutes[0] <= max(first, since) && int(minutes[last]-minutes[0]) == last {
		return "", nil
	}
	return " AND " + column + " GLOBAL IN (SELECT " + column + " FROM " + q.table(t) + " WHERE " + within(minutes) +
		" AND " + where + ")", nil
}

// knowsHours reports whether enough hours can be stored, a day before a day begins, to
// say what is usual on it.
func (q *SQL) knowsHours(ctx context.Context, day detect.Minute) (bool, error) {
	return q.reaches(ctx, day-dayMinutes, knownHours*60)
}

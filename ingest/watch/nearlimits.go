package watch

import (
	"context"
	"fmt"
	"strings"

	"statline/classify"
	"statline/classify/detect"
	"statline/classify/limit"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// nearLimits are the keys that were near their limit on the day before.
type nearLimits struct {
	*entities[string, detect.Key, detect.NearDay]
}

func newNearLimits(cfg *detect.Config) *nearLimits {
	create := func(id string) detect.Key { return detect.Key{ID: id} }
	s := &nearLimits{newEntities(cfg, detect.Near(), strings.Compare, create)}
	s.find = named
	return s
}

func (s *nearLimits) take(r *NearRow) { s.put(s.get(r.Key), r.NearDay) }

func (s *nearLimits) read(_ context.Context, _ Evidence, b *Batch, _, _ detect.Minute) error {
	for i := range b.Near {
		s.take(&b.Near[i])
	}
	return nil
}

func (s *nearLimits) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	return s.Sums(inc.Rule, l.near[inc.Entity], from, to)
}

// NearRow is a day of a key that was near its limit.
type NearRow struct {
	Key string
	detect.NearDay
}

// mostNear bounds the keys of a day that are looked at: those with the most requests.
const mostNear = 1000

// nearRows reads which keys were near their limit on the days that are judged in
// minutes, which are sorted.
func (q *SQL) nearRows(ctx context.Context, minutes []detect.Minute) (rows []NearRow, err error) {
	for _, m := range minutes {
		if m%dayMinutes != detect.NearMinute {
			continue
		}
		// Before two days are stored there is no row of days.
		today := m - m%dayMinutes
		if old, err := q.reaches(ctx, today, dayMinutes+1); err != nil || !old {
			return rows, err
		}
		if rows, err = q.nearOn(ctx, today, rows); err != nil {
			return nil, fmt.Errorf("keys near their limit: %w", err)
		}
	}
	return rows, nil
}

// nearOn appends the keys that were near their limit on the day before today.
func (q *SQL) nearOn(ctx context.Context, today detect.Minute, rows []NearRow) ([]NearRow, error) {
	const toldApart = "key_id NOT IN ('', '" + classify.Other + "')"
	const near = limit.ToldAny + " AND " + limit.ToldShare + " >= %v"
	found, err := store.Select[struct {
		Key string `ch:"key_id"`
	}](ctx, q.store, fmt.Sprintf("SELECT key_id FROM %s WHERE %s AND %s GROUP BY key_id HAVING "+near+" ORDER BY sum(requests) DESC, key_id LIMIT %d",
		q.table(schema.KeysHour), between(today-dayMinutes, today-1), toldApart, detect.NearShare, mostNear))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].Key
	}
	for part := range parts(ids) {
		err := store.Each(ctx, q.store, func(r *struct {
			Key      string    `ch:"key_id"`
			Ago      []int64   `ch:"days"`
			Shares   []float64 `ch:"shares"`
			Requests uint64    `ch:"n"`
			Limit    uint32    `ch:"lim"`
			Window   uint32    `ch:"win"`
		}) error {
			d := detect.NearDay{Minute: today + detect.NearMinute, Requests: r.Requests, Limit: r.Limit, Window: r.Window}
			for d.Days < len(r.Ago) && r.Ago[d.Days] == int64(d.Days) {
				d.Most = max(d.Most, r.Shares[d.Days])
				d.Days++
			}
			if d.Days > 0 {
				d.Share = r.Shares[0]
				rows = append(rows, NearRow{r.Key, d})
			}
			return nil
		}, fmt.Sprintf(`SELECT key_id, arraySort(groupArray(ago)) AS days, arrayMap(d -> d.2, arraySort(groupArray((ago, share)))) AS shares,
				argMin(asked, ago) AS n, argMin(day_limit, ago) AS lim, argMin(day_window, ago) AS win FROM (
				SELECT key_id, toInt64(intDiv(%d - toInt64(toUnixTimestamp(minute)), 86400)) AS ago, sum(requests) AS asked,
					toFloat64(%s) AS share, toUInt32(%s) AS day_limit, toUInt32(%s) AS day_window
				FROM %s WHERE %s AND key_id IN (SELECT arrayJoin(?)) GROUP BY key_id, ago HAVING `+near+`)
			GROUP BY key_id ORDER BY key_id`, today.Unix()-1, limit.ToldShare, limit.ToldLimit, limit.ToldWindow,
			q.table(schema.KeysHour), between(today-detect.NearDays*dayMinutes, today-1), detect.NearShare), part)
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"statline/classify"
	"statline/classify/detect"
	"statline/classify/limit"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// nearLimits are the keys that were near their limit on the day before.
type nearLimits = listed[string, detect.Key, detect.NearDay, NearRow]

func newNearLimits(cfg *detect.Config) *nearLimits {
	create := func(id string) detect.Key { return detect.Key{ID: id} }
	s := &nearLimits{newEntities(cfg, detect.Near(), strings.Compare, create),
		func(b *Rows) []NearRow { return b.Near },
		func(r *NearRow) (string, detect.NearDay) { return r.Key, r.NearDay },
		func(l *later) map[string][]detect.NearDay { return l.near }}
	s.find = named
	return s
}

// NearRow is a day of a key that was near its limit.
type NearRow struct {
	Key string
	detect.NearDay
}

// mostNear bounds how many keys of a day are considered: those with the most requests.
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
	l, err := q.allowances(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := q.mayBeNear(ctx, l, today-dayMinutes)
	if err != nil {
		return nil, err
	}
	days := map[string]*detect.NearDay{}
	for ago := 1; ago <= detect.NearDays && len(ids) > 0; ago++ {
		uses, err := q.usesOn(ctx, l, today-detect.Minute(ago)*dayMinutes, ids)
		if err != nil {
			return nil, err
		}
		ids = slices.DeleteFunc(ids, func(id string) bool {
			u, known := uses[id]
			if !known || u.share < detect.NearShare {
				return true
			}
			d := days[id]
			if d == nil {
				d = &detect.NearDay{Minute: today + detect.NearMinute, Requests: u.requests, Share: u.share,
					Limit: u.limit, Window: u.window, From: u.from, Tier: u.tier}
				days[id] = d
			}
			d.Most, d.Days = max(d.Most, u.share), ago
			return false
		})
	}
	for _, id := range slices.Sorted(maps.Keys(days)) {
		rows = append(rows, NearRow{id, *days[id]})
	}
	return rows, nil
}

const keysApart = "key_id NOT IN ('', '" + classify.Other + "')"

// mayBeNear lists keys that may have been near their limit on the day that begins with a
// minute, sorted: those with the most requests.
func (q *SQL) mayBeNear(ctx context.Context, l *allowances, begins detect.Minute) ([]string, error) {
	asked := map[string]uint64{}
	err := store.Each(ctx, q.store, func(r *struct {
		Key      string `ch:"key_id"`
		Requests uint64 `ch:"n"`
	}) error {
		asked[r.Key] = r.Requests
		return nil
	},
		fmt.Sprintf("SELECT key_id, sum(requests) AS n FROM %s WHERE %s AND %s GROUP BY key_id HAVING %s AND %s >= %v ORDER BY n DESC, key_id LIMIT %d",
			q.table(schema.KeysHour), between(begins, begins+dayMinutes-1), keysApart, limit.ToldAny, limit.ToldShare,
			detect.NearShare, mostNear))
	if err != nil {
		return nil, err
	}
	for _, window := range l.file.Windows() {
		least := uint64(math.Ceil(detect.NearShare * float64(l.file.Least(window))))
		if err := q.busiest(ctx, begins, window, least, nil, func(key string, most, requests uint64) {
			if a, ok := l.of(key); ok && a.Window == window && float64(most) >= detect.NearShare*float64(a.Requests) {
				asked[key] = requests
			}
		}); err != nil {
			return nil, err
		}
	}
	ids := slices.SortedFunc(maps.Keys(asked),
		func(a, b string) int { return cmp.Or(cmp.Compare(asked[b], asked[a]), cmp.Compare(a, b)) })
	ids = ids[:min(len(ids), mostNear)]
	slices.Sort(ids)
	return ids, nil
}

// limitUse is what a key used of its limit on a day.
type limitUse struct {
	share         float64
	requests      uint64
	limit, window uint32
	from, tier    string
}

// usesOn reads how much of their limits keys used at most on the day that begins with
// a minute. What headers told counts first, then the limits file, then what refusals
// told, which only exist on days with refusals.
func (q *SQL) usesOn(ctx context.Context, l *allowances, begins detect.Minute, ids []string) (map[string]limitUse,
	error) {
	uses := map[string]limitUse{}
	for part := range parts(ids) {
		err := store.Each(ctx, q.store, func(r *struct {
			Key      string  `ch:"key_id"`
			Headers  uint8   `ch:"headers"`
			Share    float64 `ch:"share"`
			Requests uint64  `ch:"n"`
			Limit    uint32  `ch:"lim"`
			Window   uint32  `ch:"win"`
		}) error {
			u := limitUse{share: r.Share, requests: r.Requests, limit: r.Limit, window: r.Window,
				from: limit.FromRefusals}
			if r.Headers > 0 {
				u.from = limit.FromHeaders
			}
			uses[r.Key] = u
			return nil
		},
			fmt.Sprintf("SELECT key_id, toUInt8(%s) AS headers, toFloat64(%s) AS share, sum(requests) AS n, toUInt32(%s) AS lim, toUInt32(%s) AS win FROM %s WHERE %s AND key_id IN (SELECT arrayJoin(?)) GROUP BY key_id HAVING %s",
				limit.ToldByHeaders, limit.ToldShare, limit.ToldLimit, limit.ToldWindow, q.table(schema.KeysHour),
				between(begins, begins+dayMinutes-1), limit.ToldAny), part)
		if err != nil {
			return nil, err
		}
		for _, window := range l.file.Windows() {
			if err := q.busiest(ctx, begins, window, 1, part, func(key string, most, requests uint64) {
				if a, ok := l.of(key); ok && a.Window == window && uses[key].from != limit.FromHeaders {
					uses[key] = limitUse{share: float64(most) / float64(a.Requests), requests: requests,
						limit: uint32(a.Requests), window: window, from: limit.FromFile, tier: a.Tier}
				}
			}); err != nil {
				return nil, err
			}
		}
	}
	return uses, nil
}

// busiest reads the most requests that keys made in a window of so many seconds on the day
// that begins with a minute, where they are at least so many, and all that they made on
// it. No ids are every key.
func (q *SQL) busiest(ctx context.Context, begins detect.Minute, window uint32, least uint64, ids []string,
	each func(key string, most, requests uint64)) error {
	table, which, args := schema.Keys, keysApart, []any{}
	if window%3600 == 0 {
		table = schema.KeysHour
	}
	if ids != nil {
		which, args = "key_id IN (SELECT arrayJoin(?))", append(args, ids)
	}
	return store.Each(ctx, q.store, func(r *struct {
		Key      string `ch:"key_id"`
		Most     uint64 `ch:"most"`
		Requests uint64 `ch:"n"`
	}) error {
		each(r.Key, r.Most, r.Requests)
		return nil
	}, fmt.Sprintf(`SELECT key_id, max(c) AS most, sum(c) AS n FROM (
			SELECT key_id, intDiv(toUnixTimestamp(minute), %d) AS w, sum(requests) AS c FROM %s WHERE %s AND %s GROUP BY key_id, w)
		GROUP BY key_id HAVING most >= %d`, window, q.table(table), between(begins, begins+dayMinutes-1), which, least), args...)
}

// allowances are the limits of the limits file for the keys of a store.
type allowances struct {
	file *limit.File
	name map[string]string // by key id, of the customers that the file may name
}

func (l *allowances) of(id string) (limit.Allowed, bool) { return l.file.Of(id, l.name[id]) }

// Limited makes near_limit use the limits file that limits returns, nil for none. It
// is called for each day that is judged.
func (q *SQL) Limited(limits func() *limit.File) *SQL {
	q.limits = limits
	return q
}

func (q *SQL) allowances(ctx context.Context) (*allowances, error) {
	l := &allowances{name: map[string]string{}}
	if q.limits != nil {
		l.file = q.limits()
	}
	for part := range parts(l.file.Who()) {
		err := store.Each(ctx, q.store, func(r *struct {
			Key  string `ch:"key_id"`
			Name string `ch:"label"`
		}) error {
			l.name[r.Key] = r.Name
			return nil
		}, fmt.Sprintf(`SELECT key_id, if(max(said) != '', max(said), max(given)) AS label FROM (
				SELECT key_id, name AS given, '' AS said FROM %s UNION ALL
				SELECT key_id, '' AS given, argMax(name, revision) AS said FROM %s GROUP BY key_id)
			GROUP BY key_id HAVING label IN (SELECT arrayJoin(?))`, q.table(schema.KeyNames), q.table(schema.KeyLabels)), part)
		if err != nil {
			return nil, fmt.Errorf("customers of the limits file: %w", err)
		}
	}
	return l, nil
}

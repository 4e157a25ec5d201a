package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// floods are the client addresses, or the keys, that were answered often enough in
// some minute to open an incident.
type floods struct {
	*entities[string, detect.Flooder, detect.FloodMinute]
}

func newFloods(cfg *detect.Config, of detect.EntityType) *floods {
	create := func(name string) detect.Flooder { return detect.Flooder{Name: name} }
	f := &floods{newEntities(cfg, detect.Floods(of), strings.Compare, create)}
	f.find = named
	return f
}

func (f *floods) take(r *FloodRow) { f.put(f.get(r.Name), r.FloodMinute) }

func (f *floods) read(ctx context.Context, ev Evidence, b *Rows, settled, to detect.Minute) error {
	candidates, err := ev.FloodCandidates(ctx, f.Type, b.Minutes, f.cfg.Flood.MinPerMinute)
	if err != nil {
		return fmt.Errorf("look for a %s that floods: %w", f.Type, err)
	}
	fresh, known := f.follow(candidates, nil)
	for _, need := range []struct {
		ids     []string
		minutes []detect.Minute
	}{{known, b.Minutes}, {fresh, minutesOf(settled+1-detect.FloodLookback, to)}} {
		if err := ev.Floods(ctx, f.Type, need.ids, need.minutes, f.take); err != nil {
			return fmt.Errorf("read how often %d of type %s ask: %w", len(need.ids), f.Type, err)
		}
	}
	f.complete(fresh)
	return nil
}

func (f *floods) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	return f.Sums(inc.Rule, l.floods[f.Type][inc.Entity], from, to)
}

// FloodRow is one minute of a client address or a key.
type FloodRow struct {
	Name string
	detect.FloodMinute
}

// answered are the outcomes that were not refused and are not the caller's own fault.
var answered = outcome(classify.GroupOf(classify.Success, classify.Redirect) | classify.ServerSide)

// asker is where the requests of client addresses or keys are counted.
type asker struct {
	table        schema.Table
	column, name string // the column, and what shows it
	some, in     string // conditions: answered, to a known one; it is one of the parameter
}

func askerOf(of detect.EntityType) asker {
	if of == detect.KeyEntity {
		return asker{
			table: schema.Keys, column: "key_id", name: "key_id",
			some: "key_id != '" + classify.Other + "' AND " + answered, in: "key_id IN (SELECT arrayJoin(?))",
		}
	}
	return asker{
		table: schema.Clients, column: "client_ip", name: "toString(client_ip)",
		some: oneClient + " AND " + answered, in: "client_ip IN (SELECT toIPv6(arrayJoin(?)))",
	}
}

// FloodCandidates implements Evidence.
func (q *SQL) FloodCandidates(ctx context.Context, of detect.EntityType, minutes []detect.Minute,
	least uint64) (names []string, err error) {
	if len(minutes) == 0 {
		return nil, nil
	}
	if old, err := q.reaches(ctx, minutes[len(minutes)-1], detect.FloodLookback); !old {
		return nil, err
	}
	a := askerOf(of)
	err = store.Each(ctx, q.store, func(r *struct {
		Name string `ch:"name"`
	}) error {
		names = append(names, plainIP(r.Name))
		return nil
	},
		fmt.Sprintf("SELECT DISTINCT %s AS name FROM (SELECT %s FROM %s WHERE %s AND %s GROUP BY %s, minute HAVING sum(requests) >= %d)",
			a.name, a.column, q.table(a.table), within(minutes), a.some, a.column, least))
	if err != nil {
		return nil, fmt.Errorf("flood candidates: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// Floods implements Evidence.
func (q *SQL) Floods(ctx context.Context, of detect.EntityType, names []string, minutes []detect.Minute,
	each func(*FloodRow)) error {
	if len(names) == 0 || len(minutes) == 0 {
		return nil
	}
	first, err := q.firstMinute(ctx)
	if err != nil {
		return err
	}
	a := askerOf(of)
	for part := range parts(names) {
		var rows []FloodRow
		err := store.Each(ctx, q.store, func(r *struct {
			Name   string    `ch:"name"`
			Minute time.Time `ch:"minute"`
			N      uint64    `ch:"n"`
		}) error {
			m := minuteOf(r.Minute)
			rows = append(rows, FloodRow{plainIP(r.Name),
				detect.FloodMinute{Minute: m, Requests: r.N, Few: r.N, Known: int(m - first)}})
			return nil
		},
			fmt.Sprintf("SELECT %s AS name, minute, sum(requests) AS n FROM %s WHERE %s AND %s AND %s GROUP BY %s, minute ORDER BY minute, name",
				a.name, q.table(a.table), within(minutes), a.some, a.in, a.column), part)
		if err != nil {
			return fmt.Errorf("how often a %s asks: %w", of, err)
		}
		if err := q.compare(ctx, of, rows); err != nil {
			return err
		}
		for i := range rows {
			each(&rows[i])
		}
	}
	return nil
}

// firstMinute is the first minute that anything is stored of.
func (q *SQL) firstMinute(ctx context.Context) (detect.Minute, error) {
	if q.alone != 0 {
		return q.alone, nil
	}
	rows, err := store.Select[struct {
		First int64 `ch:"first"`
	}](ctx, q.store, "SELECT toInt64(toUnixTimestamp(min(minute))) AS first FROM "+q.table(schema.Services))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return detect.MinuteOf(rows[0].First), nil
}

// compare fills in what the large rows, which are sorted by minute, are compared with.
func (q *SQL) compare(ctx context.Context, of detect.EntityType, rows []FloodRow) error {
	var large []*FloodRow
	var minutes []detect.Minute
	for i := range rows {
		if r := &rows[i]; r.Requests >= detect.FloodFloor {
			large = append(large, r)
			minutes = append(minutes, r.Minute)
		}
	}
	if len(large) == 0 {
		return nil
	}
	minutes = slices.Compact(minutes)
	crowd, err := q.crowd(ctx, of, minutes)
	if err != nil {
		return err
	}
	few, err := q.ofFewKeys(ctx, of, minutes)
	if err != nil {
		return err
	}
	own, err := q.ownRates(ctx, of, large)
	if err != nil {
		return err
	}
	for _, r := range large {
		r.Crowd, r.Own = crowd[r.Minute], own[r.Minute-r.Minute%dayMinutes][r.Name]
		if n, counted := few[r.Minute]; counted {
			r.Few = n
		}
	}
	return nil
}

// crowd is, by minute, the number of requests that 99 of 100 clients or keys stay
// below; with fewer than 300, all but the two largest.
func (q *SQL) crowd(ctx context.Context, of detect.EntityType, minutes []detect.Minute) (map[detect.Minute]uint64,
	error) {
	a := askerOf(of)
	crowd, err := q.byMinute(ctx, fmt.Sprintf(`SELECT minute, if(count() > 300, quantileExact(0.99)(n), arrayReverseSort(groupArray(300)(n))[3]) AS v
		FROM (SELECT minute, %s, sum(requests) AS n FROM %s WHERE %s AND %s GROUP BY minute, %s) GROUP BY minute`,
		a.column, q.table(a.table), within(minutes), a.some, a.column))
	if err != nil {
		return nil, fmt.Errorf("how often others ask: %w", err)
	}
	return crowd, nil
}

// ofFewKeys is, by minute, how many requests came without a key or with one of the
// three busiest: an address that sent more uses many keys. It does not apply to keys.
func (q *SQL) ofFewKeys(ctx context.Context, of detect.EntityType, minutes []detect.Minute) (map[detect.Minute]uint64,
	error) {
	if of != detect.ClientEntity {
		return nil, nil
	}
	where := within(minutes) + " AND " + answered
	few, err := q.byMinute(ctx, fmt.Sprintf(`SELECT minute, toUInt64(greatest(0, sum(n))) AS v FROM (
			SELECT minute, toInt64(sum(requests)) AS n FROM %s WHERE %s GROUP BY minute
			UNION ALL SELECT minute, toInt64(arraySum(arraySlice(arrayReverseSort(groupArray(if(key_id = '%s', 0, k))), 1, 3))) - toInt64(sum(k)) AS n
			FROM (SELECT minute, key_id, sum(requests) AS k FROM %s WHERE %s GROUP BY minute, key_id) GROUP BY minute)
		GROUP BY minute`, q.table(schema.Services), where, classify.Other, q.table(schema.Keys), where))
	if err != nil {
		return nil, fmt.Errorf("how often few keys ask: %w", err)
	}
	return few, nil
}

func (q *SQL) byMinute(ctx context.Context, query string) (map[detect.Minute]uint64, error) {
	values := map[detect.Minute]uint64{}
	return values, store.Each(ctx, q.store, func(r *struct {
		Minute time.Time `ch:"minute"`
		V      uint64    `ch:"v"`
	}) error {
		values[minuteOf(r.Minute)] = r.V
		return nil
	}, query)
}

// flooder is one whose own rate is known.
type flooder struct {
	of   detect.EntityType
	name string
}

// ownRates are, by the first minute of a day, the usual rates of the large ones in the
// week that ended a day before.
func (q *SQL) ownRates(ctx context.Context, of detect.EntityType,
	large []*FloodRow) (map[detect.Minute]map[string]uint64, error) {
	own := map[detect.Minute]map[string]uint64{}
	for _, r := range large {
		day := r.Minute - r.Minute%dayMinutes
		if own[day] == nil {
			own[day] = map[string]uint64{}
		}
		own[day][r.Name] = 0
	}
	for day, names := range own {
		known := q.rates[day]
		if known == nil {
			known = map[flooder]uint64{}
			keepDays(q.rates, day, known)
		}
		var ask []string
		for name := range names {
			if _, ok := known[flooder{of, name}]; !ok {
				ask = append(ask, name)
			}
		}
		slices.Sort(ask)
		for part := range parts(ask) {
			if err := q.learnRates(ctx, of, day, part, known); err != nil {
				return nil, err
			}
		}
		for name := range names {
			names[name] = known[flooder{of, name}]
		}
	}
	return own, nil
}

// learnRates adds the own rates of names on a day to known: the largest in a minute,
// without the busiest hours.
func (q *SQL) learnRates(ctx context.Context, of detect.EntityType, day detect.Minute, names []string,
	known map[flooder]uint64) error {
	a := askerOf(of)
	for _, name := range names {
		known[flooder{of, name}] = 0
	}
	err := store.Each(ctx, q.store, func(r *struct {
		Name string `ch:"name"`
		Rate uint64 `ch:"rate"`
	}) error {
		known[flooder{of, plainIP(r.Name)}] = r.Rate
		return nil
	}, fmt.Sprintf(`SELECT %s AS name, arrayReverseSort(groupArray(most))[%d] AS rate FROM (
			SELECT %s, toStartOfHour(minute) AS hour, max(n) AS most FROM (
				SELECT %s, minute, sum(requests) AS n FROM %s WHERE %s AND %s AND %s GROUP BY %s, minute)
			GROUP BY %s, hour)
		GROUP BY %s`, a.name, detect.FloodBusy+1, a.column, a.column, q.table(a.table),
		between(day-(detect.FloodDays+1)*dayMinutes, day-dayMinutes-1), a.some, a.in, a.column, a.column, a.column),
		names)
	if err != nil {
		for _, name := range names { // looked up, even if not found
			delete(known, flooder{of, name})
		}
		return fmt.Errorf("how often they usually ask: %w", err)
	}
	return nil
}

// Package limits simulates rate limits on stored traffic, and finds the keys near theirs.
// The arithmetic is in package classify/limit, the SQL in package query.
package limits

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"statline/classify"
	"statline/classify/limit"
	"statline/dashboards/query"
	"statline/dashboards/report"
)

// Question is which limits to try on which requests.
type Question struct {
	limit.Trial
	report.Filter
	Route string
	// TimeRange is moved to begin with a window.
	report.TimeRange
	// EachWindow asks for Answer.Windows.
	EachWindow bool
}

// Answer is the result of a simulation.
type Answer struct {
	Limits []string `json:"limits"`
	// CountRefused says whether a refused request counted against the limits too.
	CountRefused bool      `json:"count_refused"`
	Source       string    `json:"source"` // store or kafka
	Exact        bool      `json:"exact"`  // else refusals are bounds
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	// Requests and Keys count what was simulated; Clean counts the keys that no rate limit
	// refuses today.
	Requests uint64 `json:"requests"`
	Keys     uint64 `json:"keys"`
	Clean    uint64 `json:"clean_keys"`
	// Refused counts requests, KeysRefused the keys with refused requests, and
	// CleanRefused those of these keys that are clean today.
	Refused      limit.Bounds `json:"refused"`
	KeysRefused  limit.Bounds `json:"keys_refused"`
	CleanRefused limit.Bounds `json:"clean_keys_refused"`
	// Untold counts the requests of keys beyond the budget, which are not simulated.
	Untold uint64 `json:"requests_of_keys_not_told_apart"`
	// Stored counts the stored responses when Kafka was read, nil otherwise.
	Stored *uint64 `json:"requests_stored,omitempty"`

	ByKey     []Key        `json:"by_key"`
	ByHour    []Hour       `json:"by_hour"`
	Suggested []Suggestion `json:"suggested"`
	Windows   []Window     `json:"-"`
}

// Key is what the limits do to one key.
type Key struct {
	Key     string       `json:"key_id"`
	Name    string       `json:"name"`
	Refused limit.Bounds `json:"refused"`
	// Requests are all of the key's; RefusedToday those that a rate limit refused.
	Requests     uint64         `json:"requests"`
	RefusedToday uint64         `json:"refused_today"`
	Windows      []limit.Bounds `json:"windows"` // in which each of the limits refuses
	First        time.Time      `json:"first"`
	Last         time.Time      `json:"last"`
}

// Hour is how many requests the limits refuse in an hour.
type Hour struct {
	Hour    time.Time    `json:"hour"`
	Refused limit.Bounds `json:"refused"`
}

// Window is one in which a limit refuses, or may refuse, some requests of a key.
type Window struct {
	Key   string    `json:"key_id"`
	Limit string    `json:"limit"`
	Start time.Time `json:"start"`
}

const (
	minute = 60
	hour   = 3600
	day    = 24 * hour
	// maxIDs is how many keys a query names; with more it reads all keys. Twice as many
	// days of keys bound its groups: 24 groups of at most 60 numbers each.
	maxIDs = 5000
)

// bucket is the shortest number of whole minutes that is a multiple of every window.
func (q *Question) bucket() uint32 {
	all := uint32(minute)
	for _, l := range q.Limits {
		all = all / divisor(all, l.Window) * l.Window
	}
	return all
}

// divisor is the greatest common divisor.
func divisor(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// width is the length of a tick in seconds: the longest that divides every window, at most
// an hour. It is a minute if that is no whole minute, or if minutes cannot be columns of
// hours (see query.KeyTicks).
func (q *Question) width() uint32 {
	width := uint32(hour)
	for _, l := range q.Limits {
		width = divisor(width, l.Window)
	}
	if b := q.bucket(); width%minute != 0 || q.Route != "" || hour%b != 0 && b%hour != 0 {
		return minute
	}
	return width
}

// Span moves the beginning of a time range to the beginning of an hour and of every limit's
// window, so that none is cut: earlier, or later if the minutes before have expired.
func Span(ctx context.Context, s report.Store, w report.TimeRange, q *Question) (report.TimeRange, error) {
	type stored struct {
		first, last, hours time.Time
		n                  uint64
	}
	rows, err := report.Collect(ctx, s, "the stored minutes", query.StoredMinutes(), query.Params{},
		func(scan report.Scan) (r stored, err error) {
			err = scan(&r.first, &r.last, &r.n, &r.hours)
			return r, err
		})
	if err != nil || len(rows) == 0 {
		return w, err
	}
	align := time.Duration(q.chunk(hour)) * time.Second
	from := w.From.Truncate(align)
	expired := rows[0].hours.Before(rows[0].first.Truncate(time.Hour))
	if from.Before(rows[0].first) && expired {
		from = from.Add(align)
	}
	if !from.Before(w.To) {
		return w, fmt.Errorf("since: got a span without one whole window; want at least %s",
			limit.Span(uint32(2*align/time.Second)))
	}
	return report.TimeRange{From: from, To: w.To}, nil
}

// chunk is a whole number of buckets of at least so many seconds in all.
func (q *Question) chunk(least uint32) uint32 {
	b := q.bucket()
	if b >= least && b%hour == 0 {
		return b
	}
	all := b
	for all < least || all%hour != 0 {
		all += b
	}
	return all
}

// Simulate tries the limits on what is stored.
func Simulate(ctx context.Context, s report.Store, q Question) (*Answer, error) {
	q.Width = minute
	if err := q.Check(q.Route != ""); err != nil {
		return nil, err
	}
	q.Width = q.width()
	a := q.answer("store", q.Exact() && q.Route == "")
	t := newTally(a, &q)
	chunks, err := t.busy(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, b := range portions(chunks, int(2*maxIDs*day/q.chunk(q.span()))) {
		if err := t.read(ctx, s, b); err != nil {
			return nil, err
		}
	}
	return a, t.finish(ctx, s)
}

// portion is a range of chunks [from, to) that is read at once, with the keys that may be
// refused in them; no keys means every key.
type portion struct {
	from, to uint32
	ids      []string
}

// portions reads as many chunks at once as the bound on minutes of keys allows.
func portions(chunks map[uint32][]string, maxChunks int) (list []portion) {
	held := 0
	var keys map[string]bool
	for _, c := range slices.Sorted(maps.Keys(chunks)) {
		if held += len(chunks[c]); len(list) == 0 || held > maxChunks {
			list, held, keys = append(list, portion{from: c}), len(chunks[c]), map[string]bool{}
		}
		b := &list[len(list)-1]
		b.to = c + 1
		for _, k := range chunks[c] {
			keys[k] = true
		}
		b.ids = slices.Sorted(maps.Keys(keys))
	}
	for i := range list {
		if len(list[i].ids) > maxIDs {
			list[i].ids = nil
		}
	}
	return list
}

func (q *Question) answer(source string, exact bool) *Answer {
	a := &Answer{CountRefused: q.CountRefused, Source: source, Exact: exact, From: q.From.UTC(), To: q.To.UTC(),
		ByKey: []Key{}, ByHour: []Hour{}, Suggested: []Suggestion{}, Windows: []Window{}}
	for _, l := range q.Limits {
		a.Limits = append(a.Limits, l.String())
	}
	return a
}

func (q *Question) params() query.Params {
	p := query.Params{From: q.From, To: q.To}
	if q.Service != "" {
		p.Services = []string{q.Service}
	}
	if q.Filter.Key != "" {
		p.Keys = []string{q.Filter.Key}
	}
	if q.Route != "" {
		p.Routes = []string{q.Route}
	}
	return p
}

func (a *Answer) untold(ctx context.Context, s report.Store, q *Question) error {
	others, err := report.Collect(ctx, s, "the keys beyond the budget", query.UntoldKeys(), q.params(),
		func(scan report.Scan) (n uint64, err error) {
			err = scan(&n)
			return n, err
		})
	if err == nil && len(others) == 1 {
		a.Untold = others[0]
	}
	return err
}

// busy sums the requests, and lists in which chunks which keys may be refused.
func (t *tally) busy(ctx context.Context, s report.Store) (map[uint32][]string, error) {
	type busy struct{}
	least, long := t.q.least(0, hour), uint64(0)
	if t.q.Limits[len(t.q.Limits)-1].Window > hour {
		long = t.q.least(hour+1, 1<<31)
	}
	chunks := map[uint32][]string{}
	t.today = map[string]today{}
	_, err := report.Collect(ctx, s, "the busy keys", query.BusyKeys(t.q.chunk(t.q.span()), least, long), t.q.params(),
		func(scan report.Scan) (busy, error) {
			var k today
			var in []uint32
			if err := scan(&k.id, &k.requests, &k.refused, &in); err != nil {
				return busy{}, err
			}
			if k.id == classify.Other {
				t.Untold = k.requests
				return busy{}, nil
			}
			t.Keys++
			t.Requests += k.requests
			if k.refused == 0 {
				t.Clean++
			}
			if len(in) > 0 {
				t.today[begin(k.id)] = k
			}
			for _, c := range in {
				chunks[c] = append(chunks[c], k.id)
			}
			return busy{}, nil
		})
	return chunks, err
}

// span is the least length of a chunk: a day if the chunk's total shows whether a limit may
// refuse some requests; longer if its hours show it, which makes fewer groups.
func (q *Question) span() uint32 {
	if q.Limits[len(q.Limits)-1].Window > hour {
		return day
	}
	return 4 * day
}

// least is the lowest limit of the windows of from to until seconds.
func (q *Question) least(from, until uint32) uint64 {
	least := uint64(1 << 62)
	for _, l := range q.Limits {
		if l.Window >= from && l.Window <= until {
			least = min(least, l.Requests)
		}
	}
	return least
}

// tally adds up the verdicts.
type tally struct {
	*Answer
	q     *Question
	keys  map[string]*Key
	hours map[uint32]limit.Bounds
	ticks []limit.Tick
	// today has what the keys that may be refused do today, by the beginnings of their ids;
	// nil if it was not asked for.
	today map[string]today
}

// today is what a key does now.
type today struct {
	id                string
	requests, refused uint64
}

func newTally(a *Answer, q *Question) *tally {
	return &tally{Answer: a, q: q, keys: map[string]*Key{}, hours: map[uint32]limit.Bounds{}}
}

// read tries the limits on the minutes of some chunks.
func (t *tally) read(ctx context.Context, s report.Store, b portion) error {
	p := t.q.params()
	size := int64(t.q.chunk(t.q.span()))
	p.From, p.To = time.Unix(max(int64(b.from)*size, p.From.Unix()), 0),
		time.Unix(min(int64(b.to)*size, p.To.Unix()), 0)
	text := query.KeyTicks(t.q.Width, t.q.bucket(), t.q.Limits, b.ids)
	if t.q.Route != "" {
		text = query.RouteTicks(t.q.bucket(), t.q.least(0, 1<<31), b.ids)
	}
	_, err := report.Collect(ctx, s, "the busy minutes", text, p, func(scan report.Scan) (struct{}, error) {
		var key string
		var at []uint32
		var low, high []uint64
		if err := scan(&key, &at, &low, &high); err != nil {
			return struct{}{}, err
		}
		t.ticks = t.ticks[:0]
		for i := range at {
			t.ticks = append(t.ticks, limit.Tick{At: at[i], Low: low[i], High: high[i]})
		}
		slices.SortFunc(t.ticks, func(a, b limit.Tick) int { return cmp.Compare(a.At, b.At) })
		t.try(key, t.ticks)
		return struct{}{}, nil
	})
	return err
}

// try adds the verdict on a key's ticks.
func (t *tally) try(key string, ticks []limit.Tick) {
	last := make([]uint32, len(t.q.Limits))
	v := t.q.Run(ticks, func(at uint32, refused limit.Bounds, windows []uint32) {
		h := t.hours[at/hour*hour]
		h.Add(refused)
		t.hours[at/hour*hour] = h
		if !t.q.EachWindow {
			return
		}
		for i, w := range windows {
			if w > 0 && last[i] != w {
				last[i] = w
				t.Windows = append(t.Windows, Window{Key: key, Limit: t.q.Limits[i].String(),
					Start: time.Unix(int64(w), 0).UTC()})
			}
		}
	})
	if v.Refused.High == 0 {
		return
	}
	k := t.keys[key]
	if k == nil {
		k = &Key{Key: key, Windows: make([]limit.Bounds, len(t.q.Limits)), First: time.Unix(int64(v.First), 0).UTC()}
		t.keys[key] = k
	}
	k.Refused.Add(v.Refused)
	for i := range v.Windows {
		k.Windows[i].Add(v.Windows[i])
	}
	k.Last = time.Unix(int64(v.Last), 0).UTC()
}

// finish adds what the refused keys do today, and sorts.
func (t *tally) finish(ctx context.Context, s report.Store) error {
	ids := slices.Sorted(maps.Keys(t.keys))
	if err := t.name(ctx, s, ids); err != nil {
		return err
	}
	for _, id := range ids {
		k := t.keys[id]
		one := limit.Bounds{High: 1}
		if k.Refused.Low > 0 {
			one.Low = 1
		}
		t.KeysRefused.Add(one)
		if k.RefusedToday == 0 {
			t.CleanRefused.Add(one)
		}
		t.Refused.Add(k.Refused)
		t.ByKey = append(t.ByKey, *k)
	}
	slices.SortStableFunc(t.ByKey, func(a, b Key) int {
		return cmp.Or(cmp.Compare(b.Refused.High, a.Refused.High), cmp.Compare(b.Refused.Low, a.Refused.Low))
	})
	for _, h := range slices.Sorted(maps.Keys(t.hours)) {
		t.ByHour = append(t.ByHour, Hour{time.Unix(int64(h), 0).UTC(), t.hours[h]})
	}
	for i := range t.Windows {
		if k := t.keys[t.Windows[i].Key]; k != nil {
			t.Windows[i].Key = k.Key
		}
	}
	slices.SortFunc(t.Windows, func(a, b Window) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Limit, b.Limit), a.Start.Compare(b.Start))
	})
	return nil
}

// name adds to the refused keys their whole ids, names, and what they do today.
func (t *tally) name(ctx context.Context, s report.Store, begins []string) error {
	const maxKeys = 2000 // what fits a query
	for some := range slices.Chunk(begins, maxKeys) {
		p := t.q.params()
		p.Keys = some
		if t.today == nil {
			if err := t.askToday(ctx, s, p); err != nil {
				return err
			}
			continue
		}
		p.Keys = nil
		for _, at := range some {
			k, now := t.keys[at], t.today[at]
			k.Key, k.Requests, k.RefusedToday = now.id, now.requests, now.refused
			p.Keys = append(p.Keys, now.id)
		}
		_, err := report.Collect(ctx, s, "the keys' names", query.KeyNames(), p,
			func(scan report.Scan) (struct{}, error) {
				var id, name string
				err := scan(&id, &name)
				t.keys[begin(id)].Name = name
				return struct{}{}, err
			})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tally) askToday(ctx context.Context, s report.Store, p query.Params) error {
	_, err := report.Collect(ctx, s, "what the keys do today", query.KeysToday(), p,
		func(scan report.Scan) (struct{}, error) {
			var at, id, name string
			var n, refused uint64
			err := scan(&at, &id, &name, &n, &refused)
			if k := t.keys[at]; k != nil {
				k.Key, k.Name, k.Requests, k.RefusedToday = id, name, n, refused
			}
			return struct{}{}, err
		})
	return err
}

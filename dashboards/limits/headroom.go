package limits

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"statline/classify/limit"
	"statline/dashboards/query"
	"statline/dashboards/report"
)

// Headroom is how near a key comes to its limit, in shares of the limit.
type Headroom struct {
	Key    string  `json:"key_id"`
	Name   string  `json:"name"`
	Limit  string  `json:"limit"`
	From   string  `json:"from"` // source of the limit: headers, file or refusals
	Tier   string  `json:"tier"` // of the limits file, "" for none
	Days   int     `json:"days"` // with requests
	Median float64 `json:"median_share"`
	Peak   float64 `json:"peak_share"`
	// PerDay is the growth of the day's largest share; 0 when it is not certain.
	PerDay float64 `json:"growth_per_day"`
	// Breach is the day on which the limit is reached at that growth.
	Breach *time.Time `json:"breach"`
	// DaysLeft counts from the newest stored day; 0 when the limit is reached.
	DaysLeft *int `json:"days_left"`
}

// use is what a key used, by day.
type use struct {
	name, limit, from, tier string
	days                    []limit.Use
}

// HeadroomOf lists the keys whose limit is known: from headers, else from the file (nil for
// none), else from refusals. Those nearest to their limit come first.
func HeadroomOf(ctx context.Context, s report.Store, w report.TimeRange, f report.Filter, file *limit.File) ([]Headroom,
	error) {
	q := &Question{TimeRange: w, Filter: f, Trial: limit.Trial{Width: minute}}
	uses, err := told(ctx, s, q)
	if err != nil {
		return nil, err
	}
	if file != nil {
		if err := fromFile(ctx, s, q, file, uses); err != nil {
			return nil, err
		}
	}
	newest := int32(w.To.Add(-time.Second).Unix() / day)
	list := []Headroom{}
	for key, u := range uses {
		slices.SortFunc(u.days, func(a, b limit.Use) int { return cmp.Compare(a.Day, b.Day) })
		t := limit.TrendOf(u.days)
		h := Headroom{Key: key, Name: u.name, Limit: u.limit, From: u.from, Tier: u.tier, Days: len(u.days),
			Median: t.Median, Peak: t.Peak, PerDay: t.PerDay}
		if left := int(t.Breach - newest); t.Over || t.Breach > 0 {
			if t.Over {
				left = 0
			} else {
				at := time.Unix(int64(t.Breach)*day, 0).UTC()
				h.Breach = &at
			}
			left = max(left, 0)
			h.DaysLeft = &left
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Headroom) int {
		return cmp.Or(cmp.Compare(daysLeft(a), daysLeft(b)), cmp.Compare(b.Peak, a.Peak), cmp.Compare(a.Key, b.Key))
	})
	return list, nil
}

func daysLeft(h Headroom) int {
	if h.DaysLeft == nil {
		return 1 << 30
	}
	return *h.DaysLeft
}

// told reads what responses say about limits.
func told(ctx context.Context, s report.Store, q *Question) (map[string]*use, error) {
	uses := map[string]*use{}
	_, err := report.Collect(ctx, s, "what responses tell of limits", query.ToldHeadroom(), q.params(),
		func(scan report.Scan) (struct{}, error) {
			var id, name string
			var days []int32
			var shares []float64
			var most, window uint32
			var headers uint8
			if err := scan(&id, &name, &days, &shares, &most, &window, &headers); err != nil {
				return struct{}{}, err
			}
			u := &use{name: name, limit: fmt.Sprint(most), from: limit.FromRefusals}
			if window > 0 {
				u.limit = limit.Limit{Requests: uint64(most), Window: window}.String()
			}
			if headers > 0 {
				u.from = limit.FromHeaders
			}
			for i := range days {
				u.days = append(u.days, limit.Use{Day: days[i], Share: shares[i]})
			}
			uses[id] = u
			return struct{}{}, nil
		})
	return uses, err
}

// fromFile counts what keys use of the file's limits, except keys whose limit headers give.
func fromFile(ctx context.Context, s report.Store, q *Question, file *limit.File, uses map[string]*use) error {
	allowed, err := allowances(ctx, s, file)
	if err != nil {
		return err
	}
	counted := map[string]*use{}
	for _, window := range file.Windows() {
		if err := q.countDays(ctx, s, window, func(key string, at int32, most uint64) {
			a, ok := allowed(key)
			if !ok || a.Window != window {
				return
			}
			u := counted[key]
			if u == nil {
				u = &use{limit: a.String(), from: limit.FromFile, tier: a.Tier}
				counted[key] = u
			}
			u.days = append(u.days, limit.Use{Day: at, Share: float64(most) / float64(a.Requests)})
		}); err != nil {
			return err
		}
	}
	return whole(ctx, s, q, counted, uses)
}

// allowances maps the beginning of a key's id to its limit.
func allowances(ctx context.Context, s report.Store, file *limit.File) (func(begins string) (limit.Allowed, bool),
	error) {
	type called struct{ id, name string }
	known := map[string]called{}
	for _, who := range file.Who() {
		known[begin(who)] = called{id: who}
	}
	const maxNames = 2000 // what fits a query
	for some := range slices.Chunk(file.Who(), maxNames) {
		_, err := report.Collect(ctx, s, "the customers of the limits file", query.NamedKeys(),
			query.Params{Keys: some}, func(scan report.Scan) (struct{}, error) {
				var id, name string
				err := scan(&id, &name)
				known[begin(id)] = called{id, name}
				return struct{}{}, err
			})
		if err != nil {
			return nil, err
		}
	}
	return func(begins string) (limit.Allowed, bool) {
		k := known[begins]
		return file.Of(k.id, k.name)
	}, nil
}

func begin(id string) string { return id[:min(16, len(id))] }

// countDays counts the most requests of each key in a window of each day.
func (q *Question) countDays(ctx context.Context, s report.Store, window uint32,
	each func(key string, at int32, most uint64)) error {
	for at := q.From.Unix() / day; at*day < q.To.Unix(); at++ {
		p := q.params()
		p.From, p.To = time.Unix(max(at*day, q.From.Unix()), 0), time.Unix(min((at+1)*day, q.To.Unix()), 0)
		_, err := report.Collect(ctx, s, "the keys' maxima", query.KeyPeaks(window), p,
			func(scan report.Scan) (struct{}, error) {
				var key string
				var most, requests, refused uint64
				err := scan(&key, &most, &requests, &refused)
				each(key, int32(at), most)
				return struct{}{}, err
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// whole replaces the beginnings of ids by whole ids, and adds the names.
func whole(ctx context.Context, s report.Store, q *Question, counted, uses map[string]*use) error {
	const maxKeys = 2000 // what fits a query
	for some := range slices.Chunk(slices.Sorted(maps.Keys(counted)), maxKeys) {
		p := q.params()
		p.Keys = some
		_, err := report.Collect(ctx, s, "the keys", query.KeysToday(), p, func(scan report.Scan) (struct{}, error) {
			var begins, id, name string
			var n, refused uint64
			err := scan(&begins, &id, &name, &n, &refused)
			u, by := counted[begins], uses[id]
			if u != nil && (by == nil || by.from != limit.FromHeaders) {
				u.name = name
				uses[id] = u
			}
			return struct{}{}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

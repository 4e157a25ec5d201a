package limits

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"statline/classify/limit"
	"statline/dashboards/query"
	"statline/dashboards/report"
)

// Headroom is how near a key comes to its limit. Shares are of the limit: 1 is all
// of it.
type Headroom struct {
	Key    string  `json:"key_id"`
	Name   string  `json:"name"`
	Limit  string  `json:"limit"`
	From   string  `json:"from"` // who says the limit: file, headers or refusals
	Days   int     `json:"days"` // with requests that tell
	Median float64 `json:"median_share"`
	Peak   float64 `json:"peak_share"`
	// PerDay is the growth of the day's largest share; 0 when it is not certain.
	PerDay float64 `json:"growth_per_day"`
	// Breach is the day on which the limit is reached at that growth.
	Breach *time.Time `json:"breach"`
	// DaysLeft are those from the newest stored day on; 0 when the limit is reached.
	DaysLeft *int `json:"days_left"`
}

// Limits are those of a file, by who.
type Limits map[string]limit.Limit

// Everybody is who of a limits file stands for all who are not named in it.
const Everybody = "*"

// ParseLimits reads a CSV file of two columns: a customer's name or a key's whole id,
// or * for everybody else, and the limit, such as 600/1m.
func ParseLimits(path string, text []byte) (Limits, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', 2, true
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("limits %s: %w; want two columns: a customer's name, a key id or *, and a limit such as 600/1m", path, err)
	}
	all := Limits{}
	for i, row := range rows {
		who, text := strings.TrimSpace(row[0]), strings.TrimSpace(row[1])
		if i == 0 && text == "limit" {
			continue
		}
		parsed, err := limit.Parse(text)
		if err == nil && (len(parsed) != 1 || parsed[0].Window%minute != 0 || day%parsed[0].Window != 0 || parsed[0].Requests == 0) {
			err = fmt.Errorf("got %q; want one limit, of a window of whole minutes that a day has a whole number of", text)
		}
		if _, twice := all[who]; err == nil && (twice || who == "") {
			err = fmt.Errorf("got %q twice, or nobody; want each customer once", who)
		}
		if err != nil {
			return nil, fmt.Errorf("limits %s: row %d: %w", path, i+1, err)
		}
		all[who] = parsed[0]
	}
	return all, nil
}

// use is what a key used, by day.
type use struct {
	name, limit, from string
	days              []limit.Use
}

// HeadroomOf lists the keys that have a limit: those of the file, and, of the others,
// those whose responses told it. The nearest to their limit come first.
func HeadroomOf(ctx context.Context, s report.Store, w report.Window, f report.Filter, file Limits) ([]Headroom, error) {
	q := &Question{Window: w, Filter: f, Trial: limit.Trial{Width: minute}}
	uses, err := told(ctx, s, q)
	if err != nil {
		return nil, err
	}
	if len(file) > 0 {
		if err := fromFile(ctx, s, q, file, uses); err != nil {
			return nil, err
		}
	}
	newest := int32(w.To.Add(-time.Second).Unix() / day)
	list := []Headroom{}
	for key, u := range uses {
		slices.SortFunc(u.days, func(a, b limit.Use) int { return cmp.Compare(a.Day, b.Day) })
		t := limit.TrendOf(u.days)
		h := Headroom{Key: key, Name: u.name, Limit: u.limit, From: u.from, Days: len(u.days), Median: t.Median, Peak: t.Peak, PerDay: t.PerDay}
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

// told reads what responses tell keys of their limits.
func told(ctx context.Context, s report.Store, q *Question) (map[string]*use, error) {
	uses := map[string]*use{}
	_, err := report.Collect(ctx, s, "what responses tell of limits", query.ToldHeadroom(), q.params(), func(scan report.Scan) (struct{}, error) {
		var id, name string
		var days []int32
		var shares []float64
		var most, window uint32
		var headers uint8
		if err := scan(&id, &name, &days, &shares, &most, &window, &headers); err != nil {
			return struct{}{}, err
		}
		u := &use{name: name, limit: fmt.Sprint(most), from: "refusals"}
		if window > 0 {
			u.limit = limit.Limit{Requests: uint64(most), Window: window}.String()
		}
		if headers > 0 {
			u.from = "headers"
		}
		for i := range days {
			u.days = append(u.days, limit.Use{Day: days[i], Share: shares[i]})
		}
		uses[id] = u
		return struct{}{}, nil
	})
	return uses, err
}

// fromFile counts what keys use of the limits of a file, which beat what responses
// tell.
func fromFile(ctx context.Context, s report.Store, q *Question, file Limits, uses map[string]*use) error {
	of := map[string]limit.Limit{} // by the beginning of a key's id
	named := map[string]string{}
	p := query.Params{Keys: slices.Sorted(maps.Keys(file))}
	_, err := report.Collect(ctx, s, "the customers of the limits", query.NamedKeys(), p, func(scan report.Scan) (struct{}, error) {
		var id, name string
		err := scan(&id, &name)
		of[begin(id)], named[begin(id)] = file[name], name
		return struct{}{}, err
	})
	if err != nil {
		return err
	}
	for who, l := range file {
		if len(who) == 26 {
			of[begin(who)] = l
		}
	}
	windows := map[uint32]bool{}
	for _, l := range file {
		windows[l.Window] = true
	}
	counted := map[string]*use{}
	for window := range windows {
		if err := q.countDays(ctx, s, window, func(key string, at int32, most uint64) {
			l, ok := of[key]
			if !ok {
				l, ok = file[Everybody]
			}
			if !ok || l.Window != window {
				return
			}
			u := counted[key]
			if u == nil {
				u = &use{name: named[key], limit: l.String(), from: "file"}
				counted[key] = u
			}
			u.days = append(u.days, limit.Use{Day: at, Share: float64(most) / float64(l.Requests)})
		}); err != nil {
			return err
		}
	}
	return whole(ctx, s, q, counted, uses)
}

func begin(id string) string { return id[:min(16, len(id))] }

// countDays tells the most requests of each key in a window of each day.
func (q *Question) countDays(ctx context.Context, s report.Store, window uint32, each func(key string, at int32, most uint64)) error {
	for at := q.From.Unix() / day; at*day < q.To.Unix(); at++ {
		p := q.params()
		p.From, p.To = time.Unix(max(at*day, q.From.Unix()), 0), time.Unix(min((at+1)*day, q.To.Unix()), 0)
		_, err := report.Collect(ctx, s, "the keys' maxima", query.KeyPeaks(window), p, func(scan report.Scan) (struct{}, error) {
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

// whole gives what was counted its keys' whole ids and names.
func whole(ctx context.Context, s report.Store, q *Question, counted, uses map[string]*use) error {
	const maxKeys = 2000 // what fits a query
	for some := range slices.Chunk(slices.Sorted(maps.Keys(counted)), maxKeys) {
		p := q.params()
		p.Keys = some
		_, err := report.Collect(ctx, s, "the keys", query.KeysToday(), p, func(scan report.Scan) (struct{}, error) {
			var begins, id, name string
			var n, refused uint64
			err := scan(&begins, &id, &name, &n, &refused)
			if u := counted[begins]; u != nil {
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

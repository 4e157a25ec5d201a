package limits

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"statline/classify/limit"
	"statline/dashboards/query"
	"statline/dashboards/report"
)

// Suggestion is a limit and the keys that it would refuse.
type Suggestion struct {
	// Tier is the tier of the limits file that it is for; "" for keys without one.
	Tier  string `json:"tier"`
	Limit string `json:"limit"`
	// Of is its quantile of the clean keys' maxima: p99.9 is above the maximum of all but
	// one key in a thousand.
	Of string `json:"of"`
	// CleanRefused counts refused keys that are clean today, OthersRefused the others.
	CleanRefused  uint64 `json:"clean_keys_refused"`
	OthersRefused uint64 `json:"other_keys_refused"`
	Suggested     bool   `json:"suggested"`
}

// suggested is the quantile that is proposed.
const suggested = 0.999

// quantiles are those of the clean keys' maxima in the table.
func quantiles() []struct {
	name string
	q    float64
} {
	return []struct {
		name string
		q    float64
	}{{"p90", 0.9}, {"p99", 0.99}, {"p99.9", suggested}, {"the highest", 1}}
}

// Suggest proposes a limit for each window of the question, and for each tier of the limits
// file (nil for none): the p99.9 of the clean keys' maxima, rounded up to two digits.
func Suggest(ctx context.Context, s report.Store, q Question, file *limit.File) (*Answer, error) {
	q.Width = minute
	for _, l := range q.Limits {
		if l.Window%minute != 0 || q.Route != "" {
			return nil,
				fmt.Errorf("suggest: got a window of %s and route %q; want whole minutes and no route: that is what is stored by the key",
					limit.Span(l.Window), q.Route)
		}
	}
	a := q.answer("store", true)
	if err := a.untold(ctx, s, &q); err != nil {
		return nil, err
	}
	allowed, err := allowances(ctx, s, file)
	if err != nil {
		return nil, err
	}
	for i, l := range q.Limits {
		peaks, err := q.peaks(ctx, s, l.Window)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			for _, p := range peaks {
				a.Keys++
				a.Requests += p.requests
				if p.refused == 0 {
					a.Clean++
				}
			}
		}
		tiers := map[string][]*peak{}
		for key, p := range peaks {
			of, _ := allowed(key)
			tiers[of.Tier] = append(tiers[of.Tier], p)
		}
		for _, tier := range slices.Sorted(maps.Keys(tiers)) {
			a.Suggested = append(a.Suggested, suggest(tier, l.Window, tiers[tier])...)
		}
	}
	a.Limits = nil
	return a, nil
}

// peak is the most that a key asked in a window.
type peak struct{ most, requests, refused uint64 }

// peaks reads them a day at a time.
func (q *Question) peaks(ctx context.Context, s report.Store, window uint32) (map[string]*peak, error) {
	all := map[string]*peak{}
	size := int64(q.chunk(day))
	for at := q.From.Unix(); at < q.To.Unix(); at = (at/size + 1) * size {
		p := q.params()
		p.From, p.To = time.Unix(at, 0), time.Unix(min((at/size+1)*size, q.To.Unix()), 0)
		_, err := report.Collect(ctx, s, "the keys' maxima", query.KeyPeaks(window), p,
			func(scan report.Scan) (struct{}, error) {
				var key string
				var x peak
				if err := scan(&key, &x.most, &x.requests, &x.refused); err != nil {
					return struct{}{}, err
				}
				k := all[key]
				if k == nil {
					k = &peak{}
					all[key] = k
				}
				k.most, k.requests, k.refused = max(k.most, x.most), k.requests+x.requests, k.refused+x.refused
				return struct{}{}, nil
			})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func suggest(tier string, window uint32, peaks []*peak) (list []Suggestion) {
	var clean, others []uint64
	for _, p := range peaks {
		if p.refused == 0 {
			clean = append(clean, p.most)
		} else {
			others = append(others, p.most)
		}
	}
	if len(clean) == 0 {
		return nil
	}
	slices.Sort(clean)
	for _, x := range quantiles() {
		at := clean[min(len(clean)-1, max(0, int(math.Ceil(x.q*float64(len(clean))))-1))]
		l := limit.Limit{Requests: roundUp(at), Window: window}
		list = append(list, Suggestion{Tier: tier, Limit: l.String(), Of: x.name,
			CleanRefused:  above(clean, l.Requests),
			OthersRefused: above(others, l.Requests), Suggested: x.q == suggested})
	}
	return list
}

func above(values []uint64, limit uint64) (n uint64) {
	for _, v := range values {
		if v > limit {
			n++
		}
	}
	return n
}

// roundUp rounds up to two significant digits.
func roundUp(n uint64) uint64 {
	unit := uint64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit - 1) / unit * unit
}

package limits

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"statline/classify"
	"statline/classify/limit"
	"statline/dashboards/query"
	"statline/dashboards/report"
)

// Counter counts requests, added one by one in any order, by key and tick. The tick is the
// longest time that divides every window.
type Counter struct {
	q      *Question
	width  uint32
	counts map[tickOf]uint64
	keys   map[classify.KeyID]*counted
}

type tickOf struct {
	key classify.KeyID
	at  uint32
}

type counted struct{ requests, refused uint64 }

// maxTicks bounds a Counter's memory, at some 100 bytes each.
const maxTicks = 20_000_000

// NewCounter counts for a question.
func NewCounter(q *Question) *Counter {
	width := uint32(0)
	for _, l := range q.Limits {
		width = divisor(width, l.Window)
	}
	return &Counter{q: q, width: width, counts: map[tickOf]uint64{}, keys: map[classify.KeyID]*counted{}}
}

// Add counts a response and its outcome.
func (c *Counter) Add(r *classify.Response, outcome classify.Outcome) {
	var none classify.KeyID
	if r.Key == none || c.q.Service != "" && string(r.Service) != c.q.Service || c.q.Route != "" &&
		string(r.Route) != c.q.Route {
		return
	}
	k := c.keys[r.Key]
	if k == nil {
		k = &counted{}
		c.keys[r.Key] = k
	}
	k.requests++
	if classify.Limited.Has(outcome) {
		k.refused++
	}
	if len(c.counts) < maxTicks {
		c.counts[tickOf{r.Key, uint32(r.UnixMilli/1000) / c.width * c.width}]++
	}
}

// Answer tries the limits on what was counted.
func (c *Counter) Answer(ctx context.Context, s report.Store) (*Answer, error) {
	if len(c.counts) >= maxTicks {
		return nil,
			fmt.Errorf("since: got more than %d seconds of keys with requests; want a shorter span, or a service or key alone", maxTicks)
	}
	c.q.Width = c.width
	a := c.q.answer("kafka", true)
	t := newTally(a, c.q)
	ticks := map[classify.KeyID][]limit.Tick{}
	for x, n := range c.counts {
		ticks[x.key] = append(ticks[x.key], limit.Tick{At: x.at, Low: n, High: n})
	}
	for key, k := range c.keys {
		id := key.String()
		if c.q.Filter.Key != "" && id != c.q.Filter.Key {
			continue
		}
		a.Keys++
		a.Requests += k.requests
		if k.refused == 0 {
			a.Clean++
		}
		list := ticks[key]
		slices.SortFunc(list, func(x, y limit.Tick) int { return cmp.Compare(x.At, y.At) })
		t.try(id[:min(16, len(id))], list)
	}
	if c.q.Route == "" {
		if err := t.stored(ctx, s); err != nil {
			return nil, err
		}
	}
	return a, t.finish(ctx, s)
}

// stored is how many of the same requests the store has.
func (t *tally) stored(ctx context.Context, s report.Store) error {
	t.Stored = new(uint64)
	_, err := report.Collect(ctx, s, "the stored requests of keys", query.KeyRequests(), t.q.params(),
		func(scan report.Scan) (struct{}, error) {
			return struct{}{}, scan(t.Stored)
		})
	return err
}

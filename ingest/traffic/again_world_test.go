package traffic

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Again is traffic of clients that do not say which try a request is: an hour as usual,
// then a span in which much fails. Which requests are retries is known.
type Again struct {
	Name string
	// Clients send Before and During calls a minute each, at random times; each call is
	// Burst requests of one route within a second, the next burst after it.
	Clients        int
	Before, During float64
	Burst          int
	// Every, when it is not 0, is the time between the calls instead: a client that polls.
	Every time.Duration
	// Failing is the share of requests that fail in the span, and Latency how long
	// those take.
	Failing float64
	Latency time.Duration
	// Retrying is the share of clients that try again what failed, so many Tries in all,
	// the first after Backoff and each next after twice as long, give or take a half.
	Retrying float64
	Tries    int
	Backoff  time.Duration
}

// Tried is a request of Again.
type Tried struct {
	At      time.Time // of its beginning
	Client  int
	Route   string
	Latency time.Duration
	Failed  bool
	Retry   bool // the truth
}

// Agains are the worlds that the estimate of retries is judged on.
func Agains() []Again {
	const second = time.Second
	return []Again{
		{Name: "outage, all clients try four times", Clients: 200, Before: 1, During: 1, Failing: 0.9, Retrying: 1, Tries: 4, Backoff: second},
		{Name: "errors, half of the clients try three times", Clients: 200, Before: 1, During: 1, Failing: 0.2, Retrying: 0.5, Tries: 3, Backoff: second},
		{Name: "timeouts of 30 s, one more try", Clients: 200, Before: 0.5, During: 0.5, Failing: 0.5, Latency: 30 * second, Retrying: 1, Tries: 2, Backoff: second},
		{Name: "one more try at once", Clients: 200, Before: 1, During: 1, Failing: 0.5, Retrying: 1, Tries: 2, Backoff: second / 10},
		{Name: "pages of five requests, two more tries", Clients: 200, Before: 0.3, During: 0.3, Burst: 5, Failing: 0.5, Retrying: 1, Tries: 3, Backoff: second},
		{Name: "clients of ten requests a minute and route", Clients: 50, Before: 50, During: 50, Failing: 0.5, Retrying: 1, Tries: 3, Backoff: second},
		{Name: "a surge of first tries, one in three fails", Clients: 200, Before: 1, During: 10, Failing: 0.33},
		{Name: "a surge of first tries, all fail", Clients: 200, Before: 1, During: 10, Failing: 1},
		{Name: "a surge of new clients, all fail", Clients: 200, During: 5, Failing: 1},
		{Name: "a surge of pages, half fails", Clients: 200, Before: 0.3, During: 3, Burst: 5, Failing: 0.5},
		{Name: "clients that poll every 5 s, all fails", Clients: 50, Every: 5 * second, Failing: 1},
		{Name: "an outage, nobody tries again", Clients: 200, Before: 1, During: 1, Failing: 0.9},
	}
}

const (
	againBefore = time.Hour
	againSpan   = 30 * time.Minute
	againRoutes = 5
)

// Make makes the traffic, sorted by time, whose span begins at a time. Same seed, same
// requests.
func (a *Again) Make(seed uint64, begin time.Time) (all []Tried, until time.Time) {
	until = begin.Add(againSpan)
	for client := range a.Clients {
		r := stream(seed, "again/"+a.Name, client)
		retries := r.Float64() < a.Retrying
		at := begin.Add(-againBefore)
		if a.Every > 0 {
			at = at.Add(time.Duration(r.Float64() * float64(a.Every)))
		}
		for {
			perMinute := a.Before
			if !at.Before(begin) {
				perMinute = a.During
			}
			switch {
			case a.Every > 0:
				at = at.Add(a.Every)
			case perMinute == 0:
				at = begin
				perMinute = a.During
				fallthrough
			default:
				next := at.Add(time.Duration(r.ExpFloat64() / perMinute * float64(time.Minute)))
				if at.Before(begin) && next.After(begin) { // the rate is another from there on
					next = begin
				}
				at = next
			}
			if !at.Before(until) {
				break
			}
			route := fmt.Sprintf("/route/%d", r.IntN(againRoutes))
			for range max(a.Burst, 1) {
				within := time.Duration(min(a.Burst, 1)) * time.Second
				first := at.Add(time.Duration(r.Float64() * float64(within)))
				all = a.call(all, r, client, route, first, begin, retries)
			}
		}
	}
	all = slices.DeleteFunc(all, func(t Tried) bool { return !t.At.Before(until) })
	slices.SortStableFunc(all, func(x, y Tried) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Client, y.Client))
	})
	return all, until
}

// call appends a request and its retries.
func (a *Again) call(all []Tried, r *rand.Rand, client int, route string, at, begin time.Time, retries bool) []Tried {
	backoff := a.Backoff
	for try := range max(a.Tries, 1) {
		t := Tried{At: at, Client: client, Route: route, Retry: try > 0}
		t.Latency = time.Duration((20 + 60*r.Float64()) * float64(time.Millisecond))
		failing := 0.01
		if !at.Before(begin) {
			failing = a.Failing
		}
		if t.Failed = r.Float64() < failing; t.Failed {
			t.Latency = max(t.Latency, a.Latency)
		}
		all = append(all, t)
		if !t.Failed || !retries {
			break
		}
		at = at.Add(t.Latency + time.Duration((0.5+r.Float64())*float64(backoff)))
		backoff *= 2
	}
	return all
}

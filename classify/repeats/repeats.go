// Package repeats estimates how many requests are retries, for clients that do not mark
// them. Its guarantee: requests that follow failures no more often than they follow
// successes, or no more often than chance explains, are not retries; what it cannot compare
// it does not count. It names no single request, and ignores requests without a key.
//
// The estimate. Requests of the same key, method and route are sorted by time. A request
// that begins within Window of the end of a failure is a follow-up of it. (A failure is an
// answer that was the service's own fault, or a refusal by the rate limit.) A failure has a
// follow-up by chance with probability p, for one of two reasons:
//
//   - the key's successes there are followed up so often, in the span and the hour before
//     it; few successes are weighed with those of all keys on the route;
//   - one of the key's other requests there within Near of the failure would follow as soon
//     if they came at random: in a surge many do.
//
// With f of m failures followed up, the retries are (f-m*p)/(1-p), summed over the failures.
// Failures with p above MaxChance are not judged, nor those in a run of more than MaxRun:
// that is a client that polls. A sum below three standard deviations counts as 0.
package repeats

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"statline/classify"
)

// The limits of the estimate.
const (
	MaxGap    = 10 * time.Second
	Near      = time.Minute
	Before    = time.Hour // the time before the span whose successes are compared too
	MaxChance = 0.8
	MaxRun    = 10
	// prior is the weight of the route's other keys, in successes.
	prior = 10
	// sigmas is how many standard deviations an estimate must be above chance.
	sigmas = 3
	// MaxRequests bounds an Estimator's memory, at some 40 bytes each.
	MaxRequests = 10_000_000
)

// Estimator takes the requests of a span and of the time before it, in any order.
type Estimator struct {
	from, to int64 // milliseconds; requests before from are only compared with
	series   map[series][]request
	routes   map[route]int
	n        int
	keyless  uint64 // requests of the span
}

type route struct{ method, route string }

type series struct {
	key   classify.KeyID
	route int
}

type request struct {
	at      int64 // milliseconds
	latency int32 // milliseconds
	failed  bool
	again   bool // declared as a retry
}

// New makes an Estimator for the requests with a time in [from, to).
func New(from, to time.Time) *Estimator {
	return &Estimator{from: from.UnixMilli(), to: to.UnixMilli(),
		series: map[series][]request{}, routes: map[route]int{}}
}

// failure is the group of outcomes that a client may retry.
const failure = classify.ServerSide | classify.Limited

// Add adds a request and its outcome. It ignores times outside the span and Before.
func (e *Estimator) Add(r *classify.Response, o classify.Outcome) {
	var none classify.KeyID
	at := r.UnixMilli
	switch {
	case at < e.from-Before.Milliseconds() || at >= e.to:
		return
	case r.Key == none:
		if at >= e.from {
			e.keyless++
		}
		return
	}
	if e.n++; e.n > MaxRequests {
		return
	}
	of := route{string(r.Method), string(r.Route)}
	id, known := e.routes[of]
	if !known {
		id = len(e.routes)
		e.routes[route{strings.Clone(of.method), strings.Clone(of.route)}] = id
	}
	s := series{r.Key, id}
	latency := int32(min(max(r.LatencyMicros, 0)/1000, math.MaxInt32))
	e.series[s] = append(e.series[s], request{at, latency, failure.Has(o), r.Attempt > 1})
}

// Full reports whether there were more requests than an Estimator holds; the estimate then
// covers only a part.
func (e *Estimator) Full() bool { return e.n > MaxRequests }

// Estimate is the result for the span.
type Estimate struct {
	Requests uint64 `json:"requests"` // with a key
	Failures uint64 `json:"failures"` // of them
	Keyless  uint64 `json:"requests_without_key"`
	// Judged counts the failures that could be compared, Followed those of them that were
	// followed up, and Chance the follow-ups that chance explains.
	Judged   uint64  `json:"failures_judged"`
	Followed uint64  `json:"followed"`
	Chance   float64 `json:"followed_by_chance"`
	// Retries is the estimate, 0 if chance explains it; Margin is three of its standard
	// deviations.
	Retries uint64 `json:"retries"`
	Margin  uint64 `json:"margin"`
	// Declared counts the requests that declared themselves retries.
	Declared uint64       `json:"declared"`
	Keys     []KeyRetries `json:"by_key"`
}

// KeyRetries is the estimate for one key.
type KeyRetries struct {
	Key     string `json:"key_id"`
	Retries uint64 `json:"retries"`
	Margin  uint64 `json:"margin"`
}

// sum adds up judged failures.
type sum struct {
	judged, followed          uint64
	chance, retries, variance float64
}

func (s *sum) add(followed bool, p float64) {
	s.judged++
	s.chance += p
	s.variance += p / (1 - p) // of (followed-p)/(1-p), when there are no retries
	s.retries -= p / (1 - p)
	if followed {
		s.followed++
		s.retries += 1 / (1 - p)
	}
}

func (s *sum) join(o *sum) {
	s.judged, s.followed = s.judged+o.judged, s.followed+o.followed
	s.chance, s.retries, s.variance = s.chance+o.chance, s.retries+o.retries, s.variance+o.variance
}

// estimate is the retries and their margin, 0 when chance explains them.
func (s *sum) estimate() (retries, margin uint64) {
	m := sigmas * math.Sqrt(s.variance)
	if s.retries <= max(m, 1) {
		return 0, 0
	}
	return uint64(math.Round(min(s.retries, float64(s.followed)))), uint64(math.Ceil(m))
}

// Estimate judges the requests. It sorts them in place.
func (e *Estimator) Estimate() *Estimate {
	all := make([]series, 0, len(e.series))
	usual := make([]share, len(e.routes)) // of all keys, by route
	own := map[series]share{}
	for s, list := range e.series {
		slices.SortFunc(list, func(a, b request) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.latency, b.latency))
		})
		all = append(all, s)
		of := successes(list)
		own[s] = of
		usual[s.route].followed += of.followed
		usual[s.route].n += of.n
	}
	slices.SortFunc(all, func(a, b series) int {
		return cmp.Or(slices.Compare(a.key[:], b.key[:]), cmp.Compare(a.route, b.route))
	})
	found := &Estimate{Keyless: e.keyless, Keys: []KeyRetries{}}
	var total, key sum
	for i, s := range all {
		e.judge(found, &key, e.series[s], own[s].towards(usual[s.route]))
		if i+1 < len(all) && all[i+1].key == s.key {
			continue
		}
		if n, margin := key.estimate(); n > 0 {
			found.Keys = append(found.Keys, KeyRetries{s.key.String(), n, margin})
		}
		total.join(&key)
		key = sum{}
	}
	slices.SortStableFunc(found.Keys, func(a, b KeyRetries) int { return cmp.Compare(b.Retries, a.Retries) })
	found.Judged, found.Followed, found.Chance = total.judged, total.followed, total.chance
	found.Retries, found.Margin = total.estimate()
	return found
}

// share is how many of n requests were followed up.
type share struct{ followed, n float64 }

// successes are those of a series.
func successes(list []request) (s share) {
	for i := range list {
		if list[i].failed {
			continue
		}
		s.n++
		if follows(list, i) {
			s.followed++
		}
	}
	return s
}

// towards is the share, drawn towards the usual one, and that to one half.
func (s share) towards(usual share) float64 {
	p := (usual.followed + 1) / (usual.n + 2)
	return (s.followed + prior*p) / (s.n + prior)
}

// follows reports whether the request after the i-th begins within Window of its end. A
// log's time is the beginning or the end of the request, depending on the format; for the
// end, the window is longer by the duration, in the chance too.
func follows(list []request, i int) bool {
	if i+1 == len(list) {
		return false
	}
	gap := list[i+1].at - list[i].at - int64(list[i].latency)
	return gap <= MaxGap.Milliseconds()
}

// judge adds the failures of a series that are in the span.
func (e *Estimator) judge(found *Estimate, to *sum, list []request, usual float64) {
	near := Near.Milliseconds()
	first, last, run := 0, 0, 0
	for i := range list {
		r := &list[i]
		if i > 0 && follows(list, i-1) && list[i-1].failed {
			run++
		} else {
			run = 0
		}
		for list[first].at < r.at-near {
			first++
		}
		for last < len(list) && list[last].at <= r.at+near {
			last++
		}
		if r.at < e.from {
			continue
		}
		found.Requests++
		if r.again {
			found.Declared++
		}
		if !r.failed {
			continue
		}
		found.Failures++
		within := min(1, float64(MaxGap.Milliseconds()+int64(r.latency))/float64(2*near))
		p := 1 - (1-usual)*math.Pow(1-within, float64(last-first-1))
		if p > MaxChance || run >= MaxRun || runOn(list, i, MaxRun-run) {
			continue
		}
		to.add(follows(list, i), p)
	}
}

// runOn reports whether so many more failures directly follow the i-th.
func runOn(list []request, i, more int) bool {
	for ; more > 0; i, more = i+1, more-1 {
		if !list[i].failed || !follows(list, i) {
			return false
		}
	}
	return true
}

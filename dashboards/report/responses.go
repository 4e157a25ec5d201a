package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"statline/classify"
)

// responses are those of one service, outcome, code and HTTP status.
type responses struct {
	service, outcome string
	code, status     uint16
	requests         uint64
	first, last      time.Time
}

func scanResponses(scan Scan) (r responses, err error) {
	err = scan(&r.service, &r.outcome, &r.code, &r.status, &r.requests, &r.first, &r.last)
	return r, err
}

// latency is that of a service, in microseconds.
type latency struct {
	service       string
	p50, p95, p99 float64
}

func scanLatency(scan Scan) (l latency, err error) {
	err = scan(&l.service, &l.p50, &l.p95, &l.p99)
	return l, err
}

// How many lines a report has of each.
const (
	maxWhy      = 20
	maxServices = 50
)

// count adds up the responses in every way that a report shows. For keys, HTTP
// statuses and whole services are unknown.
func (r *Report) count(all []responses, latencies []latency, ofKeys bool) {
	r.ByHTTPStatus, r.ByCode, r.ByOutcome, r.ByService = Counts{}, Counts{}, Counts{}, Counts{}
	for _, a := range all {
		r.ByOutcome[a.outcome] += a.requests
		r.ByCode[strconv.Itoa(int(a.code))] += a.requests
		r.ByService[a.service] += a.requests
		if !ofKeys {
			r.ByHTTPStatus[strconv.Itoa(int(a.status))] += a.requests
		}
	}
	r.Why, r.Services = why(all), []Service{}
	if !ofKeys {
		r.Services = services(all, latencies)
	}
}

// why sums the failures of each outcome, code and status.
func why(all []responses) []Why {
	type reason struct {
		outcome      string
		code, status uint16
	}
	byReason := map[reason]*Why{}
	most := map[reason]uint64{} // of the worst service
	for _, a := range all {
		if !classify.Failed.HasName(a.outcome) {
			continue
		}
		of := reason{a.outcome, a.code, a.status}
		w := byReason[of]
		if w == nil {
			w = &Why{Outcome: a.outcome, Code: a.code, HTTPStatus: a.status, Since: a.first, Until: a.last}
			byReason[of] = w
		}
		w.Requests += a.requests
		w.Services++ // each has one row of a reason
		if n := most[of]; a.requests > n || a.requests == n && a.service < w.WorstService {
			most[of], w.WorstService = a.requests, a.service
		}
		w.Since, w.Until = earlier(w.Since, a.first), later(w.Until, a.last)
	}
	list := make([]Why, 0, len(byReason))
	for _, w := range byReason {
		list = append(list, *w)
	}
	slices.SortFunc(list, func(a, b Why) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Code, b.Code), cmp.Compare(a.HTTPStatus,
			b.HTTPStatus), cmp.Compare(a.Outcome, b.Outcome))
	})
	return list[:min(len(list), maxWhy)]
}

// services sums the responses of each service, those that fail most first.
func services(all []responses, latencies []latency) []Service {
	byName := map[string]*Service{}
	for _, a := range all {
		s := byName[a.service]
		if s == nil {
			s = &Service{Service: a.service}
			byName[a.service] = s
		}
		s.Requests += a.requests
		if classify.ServerSide.HasName(a.outcome) {
			s.Failures += a.requests
		}
		if a.outcome == classify.Timeout.String() {
			s.Timeouts += a.requests
			since := a.first
			if s.TimeoutSince != nil {
				since = earlier(*s.TimeoutSince, since)
			}
			s.TimeoutSince = &since
		}
	}
	for _, l := range latencies {
		if s := byName[l.service]; s != nil {
			s.P50Micros, s.P95Micros, s.P99Micros = l.p50, l.p95, l.p99
		}
	}
	list := make([]Service, 0, len(byName))
	for _, s := range byName {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Service) int {
		return cmp.Or(cmp.Compare(b.Failures, a.Failures), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Service,
			b.Service))
	})
	return list[:min(len(list), maxServices)]
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

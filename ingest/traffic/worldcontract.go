package traffic

import (
	"fmt"
	"math/rand/v2"
)

// ContractSeries is a service's day of responses by code and HTTP status, with labels
// where it breaks the catalogue's contract.
type ContractSeries struct {
	Service string
	Rows    []ContractMinute
	Labels  []Label
}

// Contracts is the number of services of the contract world; the first four
// break the contract, the others keep it.
func (w *World) Contracts() int { return 8 }

// breach makes responses of a service come with another code or status.
type breach struct {
	from, length int // minutes of the day
	code         uint16
	http         int
	perMinute    float64
	total        uint64 // 0: as many as come
	kind         string
}

// Contract makes the day of contract service i, the first after the warm-up.
func (w *World) Contract(i int) ContractSeries {
	r := stream(w.cfg.Seed, "contract", i)
	s := ContractSeries{Service: fmt.Sprintf("contract-%02d", i)}
	start := r.IntN(900)
	var breaches []breach
	switch i {
	case 0:
		breaches = []breach{
			{from: start, length: 180, code: 25, http: 403, perMinute: 3, kind: "contract_drift"},
			{from: start, length: 180, code: 25, http: 200, perMinute: 1.5, kind: "contract_drift"},
		}
	case 1:
		breaches = []breach{{from: start, length: 1440 - start, code: 24, http: 500, perMinute: 2,
			kind: "contract_drift"}}
	case 2:
		breaches = []breach{{from: start, length: 4, code: 7, http: 200, perMinute: 6, total: 10,
			kind: "contract_drift"}}
	case 3:
		breaches = []breach{{from: start, length: 240, code: 60, http: 422, perMinute: 2, kind: "unknown_code"}}
	}
	left := make([]uint64, len(breaches))
	for j, b := range breaches {
		left[j] = b.total
		s.Labels = append(s.Labels, Label{
			Kind: b.kind, Entity: fmt.Sprintf("%s/%d/%d", s.Service, b.code, b.http), Detectable: true,
			Start: w.at(w.cfg.WarmUp*1440 + b.from), End: w.at(w.cfg.WarmUp*1440 + b.from + b.length),
		})
	}
	for minute := range 1440 {
		at := w.at(w.cfg.WarmUp*1440 + minute)
		s.conform(r, at)
		for j, b := range breaches {
			if minute < b.from || minute >= b.from+b.length {
				continue
			}
			n := poisson(r, b.perMinute)
			if b.total > 0 {
				if n = min(n, left[j]); minute == b.from+b.length-1 {
					n = left[j]
				}
				left[j] -= n
			}
			s.add(at, b.code, b.http, n)
		}
	}
	return s
}

// conform adds a minute of responses that keep the contract. A few are the gateway's own
// and have no code.
func (s *ContractSeries) conform(r *rand.Rand, at int64) {
	s.add(at, 0, 200, poisson(r, 20))
	s.add(at, 0, 502, poisson(r, 0.01))
	s.add(at, 0, 504, poisson(r, 0.01))
	for _, row := range statuses[1:] {
		s.add(at, row.code, int(row.http), poisson(r, 0.3))
	}
}

func (s *ContractSeries) add(at int64, code uint16, http int, n uint64) {
	if n > 0 {
		s.Rows = append(s.Rows, ContractMinute{Minute: at, Service: s.Service, Code: code, HTTPStatus: http,
			Requests: n})
	}
}

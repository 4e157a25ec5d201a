package judge

import (
	"slices"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/traffic"
)

func minuteOfStamp(s string) detect.Minute {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return detect.MinuteOf(t.Unix())
}

// contractScore is what contract_drift and unknown_code did.
type contractScore struct {
	recall, precision tally
	delays            []int
}

// contracts judges contract_drift and unknown_code. Errors without a code that
// the gateway itself makes (502, 504) are its own, as in the store.
func contracts(o Options) (*contractScore, error) {
	cfg := presetConfig("default")
	catalogue := classify.Builtin()
	sc := &contractScore{}
	for _, seed := range o.Seeds {
		w, err := traffic.NewWorld(traffic.WorldConfig{Kind: traffic.Default, Seed: seed})
		if err != nil {
			return nil, err
		}
		for i := range w.Contracts() {
			s := w.Contract(i)
			list := contractIncidents(&cfg, catalogue, &s)
			for _, l := range s.Labels {
				at := slices.IndexFunc(list,
					func(i detect.Incident) bool { return i.Entity == l.Entity && string(i.Kind) == l.Kind })
				sc.recall.add(at >= 0)
				if at >= 0 {
					sc.delays = append(sc.delays, int(list[at].OpenedAt-detect.MinuteOf(l.Start))+1)
				}
			}
			for _, inc := range list {
				sc.precision.add(slices.ContainsFunc(s.Labels,
					func(l traffic.Label) bool { return l.Entity == inc.Entity }))
			}
		}
	}
	slices.Sort(sc.delays)
	return sc, nil
}

func contractIncidents(cfg *detect.Config, catalogue *classify.Catalogue,
	s *traffic.ContractSeries) (list []detect.Incident) {
	type minuteCode struct {
		minute int64
		code   uint16
	}
	totals := map[minuteCode]uint64{}
	for _, r := range s.Rows {
		totals[minuteCode{r.Minute, r.Code}] += r.Requests
	}
	type series struct {
		detect.Contract
		rows []detect.ContractMinute
	}
	pairs := map[[2]int]*series{}
	var order []*series
	for _, r := range s.Rows {
		entry, known := catalogue.Entry(r.Code)
		if r.Code == 0 || known && entry.Promises(int16(r.HTTPStatus)) {
			continue
		}
		id := [2]int{int(r.Code), r.HTTPStatus}
		p := pairs[id]
		if p == nil {
			p = &series{Contract: detect.Contract{
				Service: s.Service, Code: r.Code, HTTPStatus: uint16(r.HTTPStatus), Reason: detect.WrongStatus,
				Catalogue: entry.HTTPStatus,
			}}
			if !known {
				p.Reason = detect.CodeUnknown
			}
			pairs[id] = p
			order = append(order, p)
		}
		p.rows = append(p.rows, detect.ContractMinute{Minute: detect.MinuteOf(r.Minute), Count: r.Requests,
			Total: totals[minuteCode{r.Minute, r.Code}]})
	}
	for _, p := range order {
		list = append(list, incidentsOf(detect.Contracts(), cfg, &p.Contract, p.rows, 0)...)
	}
	return list
}

// burnScore compares slo_burn with its definition, evaluated anew each minute.
type burnScore struct {
	onsets tally // times the definition began to hold, found within a minute
	extra  int   // incidents that opened while it did not hold
	opened int
}

// burns judges slo_burn.
func burns(o Options) (*burnScore, error) {
	cfg := presetConfig("default")
	sc := &burnScore{}
	type result struct {
		onsets []int // not those that an incident of the six hours before explains
		holds  []bool
		opened []alarm
	}
	o.Seeds = o.Seeds[:1]
	err := worldsOf(traffic.WorldConfig{Kind: traffic.Default, Services: o.Services}, o, func(s *series) (r result) {
		r.holds = oracle(s, &cfg.SLO)
		quiet := cfg.SLO.CalmMinutes
		list, base := incidents(s, &cfg), detect.MinuteOf(s.start)
		explained := func(t int) bool {
			return slices.ContainsFunc(list, func(i detect.Incident) bool {
				closed := int(i.ClosedAt - base)
				if i.Rule == "slo_burn" || i.ClosedAt == 0 || closed > t || closed <= t-longestPair(&cfg.SLO) {
					return false
				}
				var later uint64 // what fails after it is another burn, once it is enough
				for _, c := range s.counts[closed+1 : t+1] {
					later += c.Bad
				}
				return closed > t-360 || later < cfg.SLO.MinBad
			})
		}
		for t, h := range r.holds {
			if h && quiet >= cfg.SLO.CalmMinutes && !explained(t) {
				r.onsets = append(r.onsets, t)
			}
			if h {
				quiet = 0
			} else {
				quiet++
			}
		}
		for _, inc := range list {
			if inc.Kind != detect.SLOBurn {
				continue
			}
			a := alarm{int(inc.OpenedAt - base), len(s.counts)}
			if inc.ClosedAt > 0 {
				a.end = int(inc.ClosedAt - base)
			}
			r.opened = append(r.opened, a)
		}
		return r
	}, func(s *series, r result) {
		for _, t := range r.onsets {
			sc.onsets.add(slices.ContainsFunc(r.opened, func(a alarm) bool { return a.start <= t+1 && a.end > t }))
		}
		for _, a := range r.opened {
			sc.opened++
			if !r.holds[a.start] {
				sc.extra++
			}
		}
	})
	return sc, err
}

// longestPair is the longest window of a burn, in minutes.
func longestPair(c *detect.SLOConfig) (w int) {
	for _, p := range c.Pairs {
		w = max(w, p.Long)
	}
	return w
}

// oracle says in which minutes the definition of slo_burn holds.
func oracle(s *series, c *detect.SLOConfig) []bool {
	n, bad := make([]float64, len(s.counts)+1), make([]float64, len(s.counts)+1)
	for i, x := range s.counts {
		n[i+1], bad[i+1] = n[i]+float64(x.N), bad[i]+float64(x.Bad)
	}
	burn := func(t, w int) (rate, count float64) {
		from := max(0, t+1-w)
		m, b := n[t+1]-n[from], bad[t+1]-bad[from]
		if m == 0 {
			return 0, b
		}
		return b / m / (1 - c.Objective), b
	}
	first := slices.IndexFunc(s.counts, func(x detect.Counts) bool { return x.N > 0 })
	out := make([]bool, len(s.counts))
	for t := range s.counts {
		covered := t - first + 1
		for _, p := range c.Pairs {
			long, b := burn(t, p.Long)
			short, _ := burn(t, p.Short)
			if covered >= p.Long/4 && b >= float64(c.MinBad) && long > p.Factor && short > p.Factor {
				out[t] = true
			}
		}
		if low, b := burn(t, 360); covered >= 90 && b >= float64(c.LowBad) && low >= c.LowFactor {
			out[t] = true
		}
	}
	return out
}

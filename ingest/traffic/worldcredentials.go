package traffic

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
)

func natIP(i int) string { return fmt.Sprintf("203.0.113.%d", 10+i) }

// lognormal draws a factor with median 1.
func lognormal(r *rand.Rand, sigma float64) float64 { return math.Exp(sigma * r.NormFloat64()) }

func between64(r *rand.Rand, low, high uint64) uint64 { return low + r.Uint64N(high-low+1) }

func compare(m1, m2 int64, o1, o2 string, c1, c2 uint16) int {
	return cmp.Or(cmp.Compare(m1, m2), cmp.Compare(o1, o2), cmp.Compare(c1, c2))
}

// How a suspended key goes on being used.
const (
	DeadCron5       = "cron 5 min"
	DeadCron15      = "cron 15 min"
	DeadCron60      = "cron 60 min"
	DeadDaily       = "cron daily"
	DeadInteractive = "interactive"
	DeadFleet       = "fleet"
)

const (
	deadKeys       = 50
	deadReinstated = 20 // the first of them
)

// DeadKeys is the number of keys that are suspended or disabled mid-run; the
// first twenty are reinstated later.
func (w *World) DeadKeys() int { return deadKeys }

// DeadKey makes the series of dead key i over the days after the warm-up:
// successes until it dies, refusals with code 10 or 31, and successes again if
// it is reinstated. The label spans the refusals; it is detectable when they
// are three in two minutes within a day or come on two days of a week.
func (w *World) DeadKey(i int) KeySeries { return w.deadKey(i, "dead", 0) }

// RetriedDeadKey is DeadKey for a client whose library retries every refusal five times,
// after 1, 2, 4, 8 and 16 seconds.
func (w *World) RetriedDeadKey(i int) KeySeries { return w.deadKey(i, "dead, retried", 5) }

func (w *World) deadKey(i int, name string, retries int) KeySeries {
	r := stream(w.cfg.Seed, name, i)
	s := KeySeries{Key: newKey(r), Class: []string{DeadCron5, DeadCron15, DeadCron60, DeadDaily, DeadInteractive,
		DeadFleet}[i%6]}
	from, to := w.at(w.cfg.WarmUp*1440), w.at(w.minutes())
	died := from + int64(float64(to-from)*between(r, 0.1, 0.4))
	back := to
	if i < deadReinstated {
		back = died + int64(float64(to-died)*between(r, 0.3, 0.7))
	}
	code, o := uint16(10), suspendedKey
	if i%2 == 1 {
		code, o = 31, disabledAccount
	}
	rows := newKeyRows(s.Key, "api")
	agent := pickUserAgent(r)
	ips := []string{newIP(r)}
	if s.Class == DeadFleet {
		for range 19 {
			ips = append(ips, newIP(r))
		}
	}
	var refusals []int64
	for at := from + int64(r.IntN(600)); at < to; {
		pause, burst := deadPause(r, s.Class)
		for range burst {
			if at >= to {
				break
			}
			ip := ips[r.IntN(len(ips))]
			if at >= died && at < back {
				s.Uses = append(s.Uses, at)
				for try := range retries + 1 {
					again := at + 1<<try - 1
					rows.add(again, o, code, 1, ip, agent)
					refusals = append(refusals, again)
				}
			} else {
				rows.add(at, success, 0, 1, ip, agent)
			}
			at += int64(1)<<retries + 1 + int64(r.IntN(20))
		}
		at += pause
	}
	if len(refusals) > 0 {
		l := Label{Kind: "dead_key", Entity: s.Key, Note: s.Class, Start: refusals[0],
			End: refusals[len(refusals)-1] + 1, Detectable: deadDetectable(refusals)}
		if back < to {
			l.Note += fmt.Sprintf(", reinstated at %d", back)
		}
		s.Labels = append(s.Labels, l)
	}
	s.Rows = rows.sorted()
	return s
}

// deadPause gives the seconds to the next use of a key, and how often it is
// tried then.
func deadPause(r *rand.Rand, class string) (pause int64, burst int) {
	jitter := int64(r.IntN(8))
	switch class {
	case DeadCron5:
		return 295 + jitter, 1
	case DeadCron15:
		return 890 + jitter, 1
	case DeadCron60:
		return 3590 + jitter, 1 + r.IntN(2)
	case DeadDaily:
		return 86390 + jitter, 1
	case DeadInteractive:
		return int64(6 * 3600 * r.ExpFloat64()), 1 + r.IntN(5)
	default: // the fleet
		return 1 + int64(120*r.ExpFloat64()), 1
	}
}

func deadDetectable(refusals []int64) bool {
	for i, at := range refusals {
		if i >= 2 && at-refusals[i-2] < 86_400 && at/60 != refusals[i-2]/60 {
			return true
		}
		for j := i - 1; j >= 0 && at-refusals[j] < 7*86_400; j-- {
			if at/86_400 != refusals[j]/86_400 {
				return true
			}
		}
	}
	return false
}

// InvalidKeys is the number of invalid keys: one in ten belongs to a
// misconfigured client, the others are typing errors.
func (w *World) InvalidKeys() int { return 300 }

// InvalidKey makes the series of invalid key i over one day.
func (w *World) InvalidKey(i int) KeySeries {
	r := stream(w.cfg.Seed, "invalid", i)
	s := KeySeries{Key: newKey(r), Class: "typo"}
	rows := newKeyRows(s.Key, "api")
	day := w.at(w.cfg.WarmUp * 1440)
	ip, agent := newIP(r), pickUserAgent(r)
	at := day + int64(r.IntN(16*3600))
	if i%10 != 0 {
		for range 1 + r.IntN(3) {
			rows.add(at, invalidKey, 7, 1, ip, agent)
			at += int64(r.IntN(15))
		}
		s.Rows = rows.sorted()
		return s
	}
	s.Class = "misconfigured"
	start, every := at, between(r, 20, 600) // seconds
	for end := at + 3600 + int64(r.IntN(5*3600)); at < end; at += 1 + int64(every*between(r, 0.8, 1.2)) {
		rows.add(at, invalidKey, 7, 1, ip, agent)
	}
	s.Labels = []Label{{Kind: "invalid_key", Entity: s.Key, Start: start, End: at, Detectable: true,
		Note: fmt.Sprintf("every %.0f s", every)}}
	s.Rows = rows.sorted()
	return s
}

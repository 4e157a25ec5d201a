package detect

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// origin is a Monday, 00:00 UTC.
var origin = MinuteOf(1780272000)

func testConfig(t testing.TB, preset string) *Config {
	t.Helper()
	c, err := Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// run settles counts, one a minute from origin on, and returns every incident;
// a minute in which nothing at all arrived is a gap.
func run(cfg *Config, counts []Counts, gap func(i int) bool) (list []Incident, s *Service) {
	s = NewService("api", cfg)
	for i, c := range counts {
		t := origin + Minute(i)
		s.History.Set(t, c)
		list = s.Settle(t, gap == nil || !gap(i), list)
	}
	return s.Settled.Open(list), s
}

// steady makes n minutes of Poisson traffic around mean with a share of
// timeouts.
func steady(r *rand.Rand, n int, mean, share float64) []Counts {
	out := make([]Counts, n)
	for i := range out {
		out[i].N = poisson(r, mean)
		out[i].Timeout = min(poisson(r, mean*share), out[i].N)
		out[i].Bad = out[i].Timeout
	}
	return out
}

func poisson(r *rand.Rand, mean float64) uint64 {
	if mean > 50 {
		return uint64(max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	limit, p := math.Exp(-mean), 1.0
	for k := uint64(0); ; k++ {
		if p *= r.Float64(); p <= limit {
			return k
		}
	}
}

// add plants share more failures into [from, to).
func add(r *rand.Rand, c []Counts, from, to int, share float64, series int) {
	for i := from; i < to; i++ {
		k := poisson(r, float64(c[i].N)*share)
		if series == seriesOffline {
			k = min(k, c[i].N-c[i].Timeout)
			c[i].Offline += k
		} else {
			k = min(k, c[i].N-c[i].Timeout)
			c[i].Timeout += k
		}
		c[i].Bad += k
	}
}

func only(list []Incident, kinds ...Kind) (out []Incident) {
	for _, i := range list {
		for _, k := range kinds {
			if i.Kind == k {
				out = append(out, i)
			}
		}
	}
	return out
}

func TestSpikes(t *testing.T) {
	const at = 2 * day
	for name, c := range map[string]struct {
		mean, share float64
		plant       func(r *rand.Rand, c []Counts)
		gap         func(i int) bool
		want        int
		kind        Kind
		within      int // minutes until it opens
		closesAs    string
		severity    Severity
		openFor     int
	}{
		"nothing happens": {mean: 60, share: 0.002, want: 0},
		"a rise to 20 %": {mean: 60, share: 0.002, want: 1, kind: TimeoutSpike, within: 3, closesAs: ClosedCalm,
			severity: Page, openFor: 55,
			plant: func(r *rand.Rand, c []Counts) { add(r, c, at, at+20, 0.2, seriesTimeout) }},
		"a rise on a service that never failed": {mean: 6, share: 0, want: 1, kind: TimeoutSpike, within: 8,
			closesAs: ClosedCalm, severity: Page, openFor: 62,
			plant: func(r *rand.Rand, c []Counts) { add(r, c, at, at+30, 0.5, seriesTimeout) }},
		"an outage is its own kind": {mean: 600, share: 0.002, want: 1, kind: Outage, within: 1, closesAs: ClosedCalm,
			severity: Page, openFor: 55,
			plant: func(r *rand.Rand, c []Counts) { add(r, c, at, at+15, 0.9, seriesOffline) }},
		"one minute of retries is no incident": {mean: 60, share: 0.002, want: 0,
			plant: func(r *rand.Rand, c []Counts) { c[at].Timeout += 6; c[at].N += 6 }},
		"a few timeouts in a huge service": {mean: 6000, share: 0.0003, want: 0,
			plant: func(r *rand.Rand, c []Counts) { add(r, c, at, at+10, 0.0005, seriesTimeout) }},
		"a drop of the traffic is no spike": {mean: 600, share: 0.01, want: 0,
			plant: func(r *rand.Rand, c []Counts) {
				for i := at; i < at+40; i++ {
					c[i].N, c[i].Timeout, c[i].Bad = c[i].N/10, c[i].Timeout/10, c[i].Bad/10
				}
			}},
		"a gap in the log holds the incident open": {mean: 60, share: 0.002, want: 1, kind: TimeoutSpike, within: 3,
			closesAs: ClosedCalm, severity: Page, openFor: 85,
			gap: func(i int) bool { return i >= at+20 && i < at+40 },
			plant: func(r *rand.Rand, c []Counts) {
				add(r, c, at, at+50, 0.3, seriesTimeout)
				for i := at + 20; i < at+40; i++ {
					c[i] = Counts{}
				}
			}},
		"a level that lasts is one incident, then the baseline": {mean: 600, share: 0.002, want: 1, kind: TimeoutSpike,
			within: 5, closesAs: ClosedShifted, severity: Page, openFor: 121,
			plant: func(r *rand.Rand, c []Counts) { add(r, c, at, len(c), 0.03, seriesTimeout) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			counts := steady(r, 4*day, c.mean, c.share)
			if c.plant != nil {
				c.plant(r, counts)
			}
			list, _ := run(testConfig(t, "default"), counts, c.gap)
			got := only(list, TimeoutSpike, Outage)
			if len(got) != c.want {
				t.Fatalf("got %d incidents; want %d: %+v", len(got), c.want, got)
			}
			if c.want == 0 {
				return
			}
			i := got[0]
			if i.Kind != c.kind || i.ClosedAs != c.closesAs || i.Severity != c.severity || i.State != Closed {
				t.Errorf("got %s %s closed as %q, severity %s; want %s %q %s", i.State, i.Kind, i.ClosedAs, i.Severity,
					c.kind, c.closesAs, c.severity)
			}
			if d := int(i.OpenedAt-origin) - at + 1; d < 1 || d > c.within {
				t.Errorf("opened after %d min; want within %d", d, c.within)
			}
			if d := int(i.ClosedAt - i.OpenedAt); d > c.openFor {
				t.Errorf("open for %d min; want at most %d", d, c.openFor)
			}
			if i.Summary == "" || i.Affected == 0 || i.Observed <= i.Expected || i.ID == "" {
				t.Errorf("incident says too little: %+v", i)
			}
		})
	}
}

// In its first hour a service only opens on what is plainly wrong.
func TestColdStart(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	quiet := steady(r, 120, 60, 0.005)
	if list, _ := run(testConfig(t, "default"), quiet, nil); len(only(list, TimeoutSpike)) != 0 {
		t.Errorf("a base share of 0.5 %% is an incident in the first hour: %+v", list)
	}
	bad := steady(r, 60, 60, 0)
	add(r, bad, 20, 30, 0.5, seriesTimeout)
	if list, _ := run(testConfig(t, "default"), bad, nil); len(only(list, TimeoutSpike)) != 1 {
		t.Errorf("half of the requests time out in the first hour: got %+v", list)
	}
}

// The baseline never learns an incident: after it closed, the usual share is
// what it was before, though the incident lies inside every window.
func TestBaselineNeverLearnsAnIncident(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		counts := steady(r, 3*day, 120, 0.004)
		add(r, counts, 2*day, 2*day+30, 0.3, seriesTimeout)
		cfg := testConfig(t, "default")
		s := NewService("api", cfg)
		var list []Incident
		var before, after baseline
		for i, c := range counts {
			now := origin + Minute(i)
			s.History.Set(now, c)
			list = s.Settle(now, true, list)
			switch i {
			case 2*day - 1:
				before = cfg.Spike.usual(s.History, reader{series: seriesTimeout}, now)
			case 2*day + 120:
				after = cfg.Spike.usual(s.History, reader{series: seriesTimeout}, now)
			}
		}
		if len(only(list, TimeoutSpike)) == 0 {
			t.Fatalf("seed %d: the incident was not found", seed)
		}
		if after.share > 1.3*before.share || after.over(5) > 1.5*before.over(5)+0.1 {
			t.Errorf("seed %d: usual share %.4f, cv2 %.3f before the incident, %.4f and %.3f after it", seed,
				before.share, before.over(5), after.share, after.cv2)
		}
	}
}

// Previewing minutes before they are settled changes nothing: the settled
// incidents are the same, and what a preview says of minute t is what settling
// says of it.
func TestPreviewAgreesWithSettling(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 6))
		counts := steady(r, 2*day, 90, 0.003)
		for range 6 {
			at := 60 + r.IntN(2*day-200)
			add(r, counts, at, at+5+r.IntN(60), 0.02+0.3*r.Float64(), r.IntN(2))
		}
		plain, _ := run(testConfig(t, "default"), counts, nil)

		s := NewService("api", testConfig(t, "default"))
		var settled []Incident
		seen := map[string]Minute{}
		for i := range counts {
			now := origin + Minute(i)
			s.History.Set(now, counts[i])
			if i < SettleMinutes {
				continue
			}
			settled = s.Settle(now-SettleMinutes, true, settled)
			ahead := s.Settled
			var closed []Incident
			for m := now - SettleMinutes + 1; m <= now; m++ {
				closed = s.Preview(&ahead, m, true, closed)
			}
			for _, inc := range append(ahead.Open(nil), closed...) {
				if first, ok := seen[inc.ID]; ok && first != inc.OpenedAt {
					t.Fatalf("seed %d: %s opened at %d, later at %d", seed, inc.Kind, first, inc.OpenedAt)
				}
				seen[inc.ID] = inc.OpenedAt
			}
		}
		for m := len(counts) - SettleMinutes; m < len(counts); m++ {
			settled = s.Settle(origin+Minute(m), true, settled)
		}
		settled = s.Settled.Open(settled)
		if d := cmp.Diff(plain, settled); d != "" {
			t.Errorf("seed %d: previews change what is settled:\n%s", seed, d)
		}
		if len(plain) == 0 {
			t.Errorf("seed %d: nothing was planted that can be seen", seed)
		}
		ids := map[string]bool{}
		for _, i := range plain {
			ids[i.ID] = true
		}
		for id := range seen {
			if !ids[id] {
				t.Errorf("seed %d: an incident was only seen in a preview", seed)
			}
		}
	}
}

// Late rows that move the opening by minutes leave the id as it is; the next
// incident has another.
func TestIDsAreStable(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	counts := steady(r, day+300, 60, 0)
	add(r, counts, day, day+20, 0.3, seriesTimeout)
	add(r, counts, day+100, day+120, 0.3, seriesTimeout)
	a, _ := run(testConfig(t, "default"), counts, nil)
	for i := day; i < day+3; i++ { // the first minutes are missing
		counts[i].Timeout = 0
	}
	b, _ := run(testConfig(t, "default"), counts, nil)
	a, b = only(a, TimeoutSpike), only(b, TimeoutSpike)
	if len(a) != 2 || len(b) != 2 {
		t.Fatalf("got %d and %d incidents; want 2", len(a), len(b))
	}
	if a[0].OpenedAt >= b[0].OpenedAt || a[0].ID != b[0].ID || a[1].ID != b[1].ID || a[0].ID == a[1].ID {
		t.Errorf("opened %d and %d, ids %s %s and %s %s; want the later opening under the same id", a[0].OpenedAt,
			b[0].OpenedAt, a[0].ID, a[1].ID, b[0].ID, b[1].ID)
	}
}

// slo_burn is its definition: an oracle that sums every window again agrees in
// every minute, but for six hours after an incident that explains what burned.
func TestSLOBurnIsItsDefinition(t *testing.T) {
	cfg := testConfig(t, "default")
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		counts := steady(r, 5*day, 40, 0.0004)
		for range 5 {
			at := r.IntN(4 * day)
			add(r, counts, at, at+1+r.IntN(300), 0.05*r.Float64(), seriesTimeout)
		}
		s := NewService("api", cfg)
		openBefore := false
		for i, c := range counts {
			now := origin + Minute(i)
			s.History.Set(now, c)
			s.Settle(now, true, nil)
			holds := oracle(cfg, counts[:i+1])
			inc := only(s.Settled.Open(nil), SLOBurn)
			explained := s.Settled.explained() > now-lowWindow
			if holds && len(inc) == 0 && !explained {
				t.Fatalf("seed %d minute %d: the budget burns and no incident is open", seed, i)
			}
			if len(inc) > 0 && !openBefore && !holds {
				t.Fatalf("seed %d minute %d: an incident opened and the budget does not burn", seed, i)
			}
			openBefore = len(inc) > 0
		}
	}
}

func oracle(cfg *Config, c []Counts) bool {
	burn := func(w int) (float64, uint64) {
		var n, bad uint64
		for i := max(0, len(c)-w); i < len(c); i++ {
			n, bad = n+uint64(c[i].N), bad+uint64(c[i].Bad)
		}
		if n == 0 {
			return 0, 0
		}
		return float64(bad) / float64(n) / (1 - cfg.SLO.Objective), bad
	}
	for _, p := range cfg.SLO.Pairs {
		long, bad := burn(p.Long)
		short, _ := burn(p.Short)
		if len(c) >= p.Long/4 && bad >= cfg.SLO.MinBad && long > p.Factor && short > p.Factor {
			return true
		}
	}
	low, bad := burn(360)
	return len(c) >= 90 && low >= cfg.SLO.LowFactor && bad >= cfg.SLO.LowBad
}

func TestTrafficDrop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	counts := steady(r, 5*day, 60, 0)
	for i := 4 * day; i < 4*day+60; i++ {
		counts[i].N /= 10
	}
	gap := func(i int) bool { return i >= 4*day+600 && i < 4*day+640 }
	for i := range counts {
		if gap(i) {
			counts[i] = Counts{}
		}
	}
	list, _ := run(testConfig(t, "default"), counts, gap)
	got := only(list, TrafficDrop)
	if len(got) != 1 {
		t.Fatalf("got %+v; want one drop (a gap in the log is none)", got)
	}
	if d := int(got[0].OpenedAt-origin) - 4*day; d < 5 || d > 20 || got[0].State != Closed {
		t.Errorf("opened after %d min, %s; want within 20 and closed", d, got[0].State)
	}
}

// An incident of the error budget belongs to the spike that caused it.
func TestParents(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	counts := steady(r, 2*day, 300, 0.0001)
	add(r, counts, day, day+30, 0.4, seriesTimeout)
	add(r, counts, day+2, day+30, 0.4, seriesOffline)
	list, _ := run(testConfig(t, "default"), counts, nil)
	all := make([]*Incident, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	Attach(all)
	roots := 0
	for _, i := range list {
		if i.Parent == "" {
			roots++
			if i.Kind != TimeoutSpike {
				t.Errorf("the root is %s; want the spike that came first", i.Kind)
			}
		}
	}
	if roots != 1 || len(only(list, SLOBurn)) == 0 || len(only(list, Outage)) != 1 {
		t.Errorf("got %d roots among %+v; want one", roots, list)
	}
}

// Only incidents of related kinds become causes or get one, so that the others
// need not be looked at.
func TestRelated(t *testing.T) {
	attached := 0
	for _, cause := range Kinds() {
		for _, effect := range Kinds() {
			list := []*Incident{
				{ID: "a", Kind: cause, Entity: "192.0.2.1", Service: "api", OpenedAt: origin},
				{ID: "b", Kind: effect, Entity: "192.0.2.1", Service: "api", OpenedAt: origin + 1, Evidence: Evidence{ClientIPs: []string{"192.0.2.1"}}},
			}
			Attach(list)
			for i, other := range []int{1, 0} {
				if list[i].Parent != "" {
					attached++
				}
				if list[i].Parent != "" && !(Related(list[i].Kind) && Related(list[other].Kind)) {
					t.Errorf("%s causes %s, and not both are related", list[other].Kind, list[i].Kind)
				}
			}
		}
	}
	if attached == 0 {
		t.Error("nothing was attached")
	}
}

func TestDeviance(t *testing.T) {
	if z := deviance(5, 0.01, 1e-9); math.Abs(z-7.2) > 0.1 {
		t.Errorf("k = 5, mu = 0.01: got z = %.2f; want 7.2", z)
	}
	if z := deviance(3, 3, 0.1); z != 0 {
		t.Errorf("k = mu: got z = %g; want 0", z)
	}
	for k, last := 1.0, 0.0; k < 100; k++ {
		z := deviance(k, 0.5, 0.25)
		if z < last {
			t.Fatalf("z falls from %g to %g at k = %g", last, z, k)
		}
		last = z
	}
}

// A history rebuilt from blocks and minutes scores as the one that lived.
func TestHistoryForgetsInOrder(t *testing.T) {
	h := NewHistory()
	h.Set(origin, Counts{N: 1})
	h.Set(origin+10, Counts{N: 2})
	if h.At(origin+5) != (Counts{}) || h.At(origin+10).N != 2 || h.At(origin).N != 1 {
		t.Error("a skipped minute is not empty")
	}
	h.Set(origin+minuteHistory+20, Counts{N: 3})
	if h.At(origin) != (Counts{}) || h.At(origin+10) != (Counts{}) || h.At(origin+minuteHistory+20).N != 3 {
		t.Error("old minutes are still there")
	}
	h.Set(origin, Counts{N: 9})
	if h.At(origin) != (Counts{}) {
		t.Error("a minute older than the ring overwrote a newer one")
	}
}

func BenchmarkSettle(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 11))
	counts := steady(r, 7*day, 600, 0.002)
	cfg := testConfig(b, "default")
	for b.Loop() {
		run(cfg, counts, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(counts)), "ns/minute")
}

package traffic

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testWorld(t *testing.T, c WorldConfig) *World {
	t.Helper()
	w, err := NewWorld(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A service's series depends on the seed and on its own number alone.
func TestServiceSeriesIsReproducible(t *testing.T) {
	for _, kind := range []string{Clean, Default, Rough} {
		a := testWorld(t, WorldConfig{Kind: kind, Seed: 3, Days: 10})
		b := testWorld(t, WorldConfig{Kind: kind, Seed: 3, Days: 10})
		other := testWorld(t, WorldConfig{Kind: kind, Seed: 4, Days: 10})
		b.Service(0)
		if d := cmp.Diff(a.Service(5), b.Service(5)); d != "" {
			t.Errorf("%s: series differ between calls:\n%s", kind, d)
		}
		if cmp.Equal(a.Service(5).Rows, other.Service(5).Rows) {
			t.Errorf("%s: two seeds give the same rows", kind)
		}
	}
}

// The labelled mix is what the evaluation needs: about one incident per
// service-day, most of them detectable, none in the warm-up, every failure
// inside a minute's requests.
func TestServiceLabels(t *testing.T) {
	w := testWorld(t, WorldConfig{Kind: Default, Seed: 11})
	labels, detectable, nuisances := 0, 0, map[string]int{}
	for i := range w.Services() {
		s := w.Service(i)
		if len(s.Rows) < w.minutes()-20*len(w.Gaps()) || len(s.Rows) > w.minutes() {
			t.Fatalf("%s: got %d rows; want one for each of %d minutes outside the gaps", s.Service, len(s.Rows),
				w.minutes())
		}
		for _, row := range s.Rows {
			if row.Timeout+row.Offline+row.Internal+row.ServerErr > row.N {
				t.Fatalf("more failures than requests: %+v", row)
			}
		}
		for _, l := range s.Labels {
			labels++
			if l.Detectable {
				detectable++
			}
			if l.Start < w.at(w.cfg.WarmUp*1440) || l.End <= l.Start {
				t.Fatalf("label outside the evaluated days: %+v", l)
			}
		}
		for _, l := range s.Nuisances {
			nuisances[l.Kind]++
		}
	}
	days := w.Services() * (w.cfg.Days - w.cfg.WarmUp)
	t.Logf("%d service-days: %d incidents, %d detectable, nuisances %v", days, labels, detectable, nuisances)
	if perDay := float64(labels) / float64(days); perDay < 0.8 || perDay > 1.2 {
		t.Errorf("got %.2f incidents per service-day; want about 1", perDay)
	}
	for _, kind := range []string{"drop", "surge", "retry_blip", "deploy_shift"} {
		if nuisances[kind] == 0 {
			t.Errorf("no %s in %d service-days", kind, days)
		}
	}
}

// A world that cannot be made says why.
func TestNewWorldRefuses(t *testing.T) {
	for _, c := range []WorldConfig{
		{Kind: "wild"}, {Kind: Clean, Services: -1}, {Kind: Clean, Days: 5}, {Kind: Clean, Keys: -4},
	} {
		if _, err := NewWorld(c); err == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
}

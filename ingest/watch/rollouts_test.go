package watch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
)

// rolloutStart is a minute of no hour's beginning.
const rolloutStart = detect.Minute(29_671_207)

// rolloutScene are services whose versions change in ways, and what of it are deploys.
func rolloutScene(seed uint64, late func(r *rand.Rand) int64) (rows []arrival, want []string) {
	r := rand.New(rand.NewPCG(seed, 5))
	step := func(at int) func(int) int {
		return func(m int) int {
			if m >= at {
				return 100
			}
			return 0
		}
	}
	shares := map[string]func(m int) int{ // percent of version 2
		"canary":   func(m int) int { return step(100)(m) / 10 },
		"flapping": func(m int) int { return step(300)(m) * ((m/3 + 1) % 2) },
		"old":      func(int) int { return 0 },
		"rolled":   func(m int) int { return step(300)(m) - step(340)(m) },
		"rolling":  func(m int) int { return min(100, max(0, 5*(m-499))) },
		"shipped":  step(610),
	}
	for service, share := range shares {
		for m := range 900 {
			at := rolloutStart + detect.Minute(m)
			two := share(m)
			for version, n := range map[string]int{"1.8.0": 100 - two, "1.9.0": two} {
				for part := range 2 { // a minute comes in several blocks
					if n := uint64(n*(part+1)/2 - n*part/2); n > 0 {
						rows = append(rows, arrival{at.Unix() + r.Int64N(60) + late(r),
							func(m *memory) { m.addVersion(at, service, version, n) }})
					}
				}
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b arrival) int { return int(a.at - b.at) })
	return rows, []string{"rolled 1.9.0 300", "rolled 1.8.0 340", "rolling 1.9.0 500", "shipped 1.9.0 610"}
}

// toldDeploys are the deploys that were told, but the first versions of services.
func toldDeploys(list []detect.Deploy) (names []string) {
	for _, d := range list {
		if !d.First {
			names = append(names, fmt.Sprintf("%s %s %d", d.Service, d.Version, d.At-rolloutStart))
		}
	}
	return names
}

// Promise: the deploys that versions tell are the same whether rows come in order or up to
// ten minutes late, whether one instance watches or three do, whether it is killed and
// starts again, and live as over what is stored.
func TestRolloutsAreTheSame(t *testing.T) {
	inTime, want := rolloutScene(1, inOrder)
	late, _ := rolloutScene(2, tenMinutes)
	until := rolloutStart + 930
	tries := map[string]func(m *memory){
		"in order": func(m *memory) {
			w := testWatch(t, m)
			live(t, m, inTime, until, func(detect.Minute) []*Watch { return []*Watch{w} })
			for d, n := range m.deploys {
				if n != 1 {
					t.Errorf("%+v was told %d times by one instance", d, n)
				}
			}
		},
		"late": func(m *memory) {
			w := testWatch(t, m)
			live(t, m, late, until, func(detect.Minute) []*Watch { return []*Watch{w} })
		},
		"three": func(m *memory) {
			r := rand.New(rand.NewPCG(3, 3))
			w := []*Watch{testWatch(t, m), testWatch(t, m), testWatch(t, m)}
			live(t, m, late, until, func(detect.Minute) []*Watch { return w[r.IntN(3):] })
		},
		"killed": func(m *memory) {
			w := testWatch(t, m)
			live(t, m, late, until, func(at detect.Minute) []*Watch {
				if (at-rolloutStart)%17 == 0 {
					w = testWatch(t, m) // only the tables remain
				}
				return []*Watch{w}
			})
		},
		"replayed": func(m *memory) {
			for _, row := range late {
				row.put(m)
			}
			m.mark = (until + 30).Time()
			if err := testWatch(t, m).Round(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	}
	var all []detect.Deploy
	for name, try := range tries {
		m := newMemory()
		try(m)
		got := m.told()
		if d := cmp.Diff(want, toldDeploys(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if all == nil {
			all = got
		} else if d := cmp.Diff(all, got); d != "" {
			t.Errorf("%s tells others than another way:\n%s", name, d)
		}
	}
}

// Promise: an error that comes after a deploy that requests tell is new, and says so, of a
// restored evaluator too; a deploy that somebody marked within the hour is the same one,
// and theirs. Each deploy is stored once, and the first version of a service is none.
func TestNewErrorAfterARollout(t *testing.T) {
	s := storetest.Open(t)
	q := testSQL(s)
	day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
	first := detect.MinuteOf(day.Unix())
	exec := func(format string, args ...any) {
		t.Helper()
		if err := s.Exec(t.Context(), fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	const deployed, last = 730, 900
	exec(`INSERT INTO %s (minute, service, outcome, requests) SELECT toDateTime(%d, 'UTC') + 3600 * number, 'movies', 'success', 6000 FROM numbers(84)`,
		s.Table(schema.ServicesHour), day.Add(-60*time.Hour).Unix())
	exec(`INSERT INTO %s (minute, service, outcome, version, requests) SELECT toDateTime(%d, 'UTC') + 60 * number, 'movies', 'success', if(number < %d, '1.8.0', '1.9.0'), 500 FROM numbers(%d)`,
		s.Table(schema.Services), first.Unix(), deployed, last)
	exec(`INSERT INTO %s (minute, service, route, method, http_status, outcome, error_type, requests)
		SELECT toDateTime(%d, 'UTC') + 60 * number, 'movies', '/d', 'GET', 500, 'internal_error', 'regressed', 5 FROM numbers(20)`,
		s.Table(schema.Responses), (first + deployed + 10).Unix())
	cfg := DefaultConfig()
	judge := func(want string) detect.Incident {
		t.Helper()
		list, err := q.Stored(t.Context(), &cfg.Detectors, day, day.Add((last-1)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(i detect.Incident) bool { return i.Kind != detect.NewError })
		if len(list) != 1 || !strings.HasSuffix(list[0].Summary, want) {
			t.Fatalf("got %+v; want one error, with %q", list, want)
		}
		return list[0]
	}
	found := judge("it came after version 1.9.0 was deployed at 12:10 (service.version)")
	if found.Evidence.DeployedBy != detect.SeenDeploy || found.Evidence.Version != "1.9.0" {
		t.Errorf("got evidence %+v", found.Evidence)
	}
	restoredAlike(t, s, []detect.Incident{found}, first+deployed+20)
	for range 2 { // what is told again is stored once
		if err := q.Keep(t.Context(), []detect.Incident{found}); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := q.seen(t.Context())
	if err != nil || len(stored) != 2 || !stored[0].First || stored[1] != (detect.Deploy{Service: "movies",
		Version: "1.9.0", At: first + deployed, Known: first + deployed + 4}) {
		t.Errorf("got %+v, %v; want the first version and one deploy", stored, err)
	}
	if n := storetest.Number(t, s, "(SELECT count() FROM "+s.Table(schema.Deploys)+")"); n != 2 {
		t.Errorf("got %d rows; want two", n)
	}
	restoredAlike(t, s, []detect.Incident{found}, first+deployed+20) // from what is stored
	if err := q.Mark(t.Context(), Deploy{At: day.Add((deployed + 3) * time.Minute), Service: "movies", Version: "1.9.0",
		Author: "ci"}); err != nil {
		t.Fatal(err)
	}
	judge("it came after version 1.9.0 was deployed")
}

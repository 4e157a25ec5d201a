package watch

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/classify/detect"
	"statline/ingest/schema"
)

// A young store is spared the questions whose rules look back on more than it has,
// and tells of the same incidents as when everything is asked: a flood at the first
// minute that can be told of, a scan and a flood of an older hour, that an hour later
// has rows of others only.
func TestYoungStoreTellsTheSame(t *testing.T) {
	w := newWorld(t, 240)
	w.everybody()
	w.ask(68, 90, 3000, func(*rand.Rand) line { return line{ip: "192.0.2.77", path: "/3/search", status: 200} })
	w.ask(100, 110, 40, scanner("203.0.113.7"))
	w.ask(180, 200, 3000, func(*rand.Rand) line { return line{ip: "192.0.2.78", path: "/3/search", status: 200} })
	found := w.livelyFound()
	if all := byName(t, found); len(all) != 3 || all["client_flood 192.0.2.77"].OpenedAt > w.first()+76 {
		t.Fatalf("got %v; want the two floods and the scan", found)
	}
	// where no hour says how far back the store reaches, everything is asked
	if err := w.store.Exec(t.Context(), "TRUNCATE TABLE "+w.store.Table(schema.ResponsesHour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.livelyFound(), found); diff != "" {
		t.Errorf("the young store tells otherwise (-everything asked +young):\n%s", diff)
	}
}

// livelyFound is found by an evaluator that reads five minutes after five minutes.
func (w *world) livelyFound() (found []detect.Incident) {
	w.t.Helper()
	w.until(len(w.lines))
	cfg := DefaultConfig()
	e := NewEvaluator(&cfg.Detectors, testSQL(w.store))
	e.Start(w.first())
	for at := 4; at < len(w.lines)+60; at += 5 {
		res, _, err := e.Advance(w.t.Context(), w.first()+detect.Minute(at))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, i := range res.Final {
			if i.Kind == detect.PathScan || i.Kind == detect.ClientFlood {
				found = append(found, i)
			}
		}
	}
	return found
}

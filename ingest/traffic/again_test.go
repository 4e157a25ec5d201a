package traffic

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/repeats"
)

var update = flag.Bool("update", false, "write the table of the estimate of retries anew")

// The estimate of retries finds none where clients send first tries alone, and elsewhere
// is right as often as the page says, whose table this test makes.
func TestEstimateOfRetries(t *testing.T) {
	const page, begins, ends = "../../dashboards/RETRIES.md", "<!-- estimate -->\n", "<!-- end -->"
	begin := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	table := "| traffic | retries | estimate | precision | recall |\n|---|---:|---:|---:|---:|\n"
	for _, world := range Agains() {
		var truth, estimate, both uint64
		for seed := range uint64(5) {
			all, until := world.Make(seed, begin)
			e := repeats.New(begin, until)
			var retries uint64
			for _, x := range all {
				r := classify.Response{UnixMilli: x.At.UnixMilli(), Method: []byte("GET"), Route: []byte(x.Route),
					LatencyMicros: x.Latency.Microseconds()}
				binary.BigEndian.PutUint32(r.Key[:], uint32(x.Client)+1)
				outcome := classify.Success
				if x.Failed {
					outcome = classify.Timeout
				}
				e.Add(&r, outcome)
				if x.Retry && !x.At.Before(begin) {
					retries++
				}
			}
			found := e.Estimate()
			if retries == 0 && (found.Retries > 0 || len(found.Keys) > world.Clients/50) {
				t.Errorf("%s, seed %d: got %+v; want no retries", world.Name, seed, found)
			}
			truth, estimate, both = truth+retries, estimate+found.Retries, both+min(retries, found.Retries)
		}
		share := func(of uint64) string {
			if of == 0 {
				return "-"
			}
			return fmt.Sprintf("%.2f", float64(both)/float64(of))
		}
		table += fmt.Sprintf("| %s | %d | %d | %s | %s |\n", world.Name, truth, estimate, share(estimate), share(truth))
	}
	t.Log("\n" + table)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begins)
	was, after, found2 := strings.Cut(rest, ends)
	switch {
	case !found || !found2:
		t.Fatalf("%s has no place for the table", page)
	case *update:
		if err := os.WriteFile(page, []byte(before+begins+table+ends+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case was != table:
		t.Errorf("the table of %s is another: go test ./ingest/traffic -run TestEstimateOfRetries -args -update\n%s", page, table)
	}
}

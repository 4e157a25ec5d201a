package grafanatest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/store"
)

// Panels over thirty days: the best of three runs each. With
// STATLINE_PANEL_LIMIT (such as 300ms, on an idle machine) all rows are written
// and every panel is held to it; otherwise the newest tenth of them, with a
// limit that only a query gone wrong exceeds.
func TestPanelsOverThirtyDays(t *testing.T) {
	limit, share := 5*time.Second, 10
	if v := os.Getenv("STATLINE_PANEL_LIMIT"); v != "" {
		share = 1
		var err error
		if limit, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openStore(t.Context(), "month")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err := Open(t.Context(), shared.url+"/month")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	if err := sandboxtest.FillMonth(s.Database(), share,
		func(text string) error { return s.Exec(t.Context(), text) }); err != nil {
		t.Fatal(err)
	}
	awaitMerges(t, s)
	list, _ := boards(t, s)
	type timed struct {
		name string
		best time.Duration
		cpu  time.Duration
	}
	var all []timed
	for _, q := range everything(t, list) {
		best, cpu := time.Hour, time.Hour
		for range 3 {
			began, used := time.Now(), processorTime(t)
			ask(t, g, q, nil, 30*24*time.Hour)
			best, cpu = min(best, time.Since(began)), min(cpu, processorTime(t)-used)
		}
		all = append(all, timed{q.board + "/" + q.title, best, cpu})
		if best > limit {
			t.Errorf("%s/%s: %v; want at most %v", q.board, q.title, best, limit)
		}
	}
	slices.SortFunc(all, func(a, b timed) int { return int(b.cpu - a.cpu) })
	var report strings.Builder
	fmt.Fprintf(&report,
		"# Panels over thirty days\n\nWritten by `make panel-times`: the best of three runs of each query through Grafana's query code on the embedded engine (%d processors), with thirty days of hour rows for 100 services of 20 routes and 10,000 keys.\n\n| Panel | Time, ms | Processor time, ms |\n|---|--:|--:|\n", runtime.NumCPU())
	for _, q := range all {
		t.Logf("%8.1f ms, %8.1f ms of processors  %s", q.best.Seconds()*1000, q.cpu.Seconds()*1000, q.name)
		fmt.Fprintf(&report, "| %s | %.0f | %.0f |\n", q.name, q.best.Seconds()*1000, q.cpu.Seconds()*1000)
	}
	if path := os.Getenv("STATLINE_PANEL_TIMES"); path != "" {
		if err := os.WriteFile(path, []byte(report.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitMerges waits until the engine has merged what was written, as it has in a
// store that is a month old: the merges would be counted as the panels' time. The
// engine looks for what to merge every few seconds, so that one look is not enough.
func awaitMerges(t *testing.T, s *store.Store) {
	t.Helper()
	quiet := 0
	for deadline := time.Now().Add(2 * time.Minute); quiet < 50; time.Sleep(100 * time.Millisecond) {
		var running uint64
		if err := s.Conn().QueryRow(t.Context(), in(s, "SELECT count() FROM system.merges WHERE database = '{db}'")).
			Scan(&running); err != nil {
			t.Fatal(err)
		}
		quiet++
		if running > 0 {
			quiet = 0
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d merges still run after two minutes", running)
		}
	}
}

// processorTime is what this process, the engine in it included, has used: on a
// busy machine it says more than the clock.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

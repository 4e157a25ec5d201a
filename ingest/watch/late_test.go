package watch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/detect"
	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
)

// A source whose lines begin to come 24 minutes late is silent first, and then one
// ticket, also when the instance is killed meanwhile. What fails in another source
// is told as soon as ever, and what fails in the late one when it has come.
func TestLateSourceIsAnIncident(t *testing.T) {
	const (
		at, by  = 9 * dayOf, 24 // from when on, and how late
		failsAt = at + 240
	)
	m := newMemory()
	w := testWatch(t, m)
	n, rec := testNotifier(t, m, "a")
	pending := map[detect.Minute][]ServiceRow{}
	var told []string
	seen := 0
	for i := range at + 600 {
		minute := monday + detect.Minute(i)
		counts := func(from int) detect.Counts {
			c := detect.Counts{N: 600}
			if i >= from && i < from+30 {
				c.Timeout, c.Bad = 300, 300
			}
			return c
		}
		m.addService(ServiceRow{minute, "well", counts(failsAt + 60)})
		late := 0
		if i >= at && i < at+480 {
			late = min(by, at+480-i)
		}
		pending[minute+detect.Minute(late)] = append(pending[minute+detect.Minute(late)],
			ServiceRow{minute, "api", counts(failsAt)})
		m.late = 0
		for _, row := range pending[minute] {
			m.addService(row)
			m.late = time.Duration(minute-row.Minute) * time.Minute
			m.addSource(SourceRow{"access/1", detect.SourceMinute{Minute: minute, Responses: 600,
				Late: 60 * int(minute-row.Minute)}})
		}
		m.addSource(SourceRow{"access/0", detect.SourceMinute{Minute: minute, Responses: 600}})
		if i < at-2*dayOf && i%60 != 0 {
			continue
		}
		now := minute.Time().Add(time.Minute)
		m.mark = now
		w.now, n.now = func() time.Time { return now }, func() time.Time { return now }
		if i == at+120 {
			m.lateOf = map[string]int{"api": by}
			w = testWatch(t, m) // killed: only the tables remain
			w.now = n.now
		}
		if err := w.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids := rec.notices(t)
		for ; seen < len(ids); seen++ {
			id, what, _ := strings.Cut(ids[seen], "/")
			inc := m.incidents[id]
			told = append(told, fmt.Sprintf("%s %s %s %s", inc.Kind, inc.Entity, what, slot(i-at)))
		}
	}
	want := []string{
		"traffic_drop api open/page +5", "late_data access/1 open/ticket +35",
		"timeout_spike api open/page +270", "timeout_spike well open/page +305",
	}
	opened := slices.DeleteFunc(slices.Clone(told), func(s string) bool { return strings.Contains(s, "closed") })
	if d := cmp.Diff(want, opened); d != "" {
		t.Errorf("told (-want +got):\n%s\nall: %s", d, strings.Join(told, "\n"))
	}
	if len(told) != len(want)+4 {
		t.Errorf("told %d times; want the four ends too:\n%s", len(told), strings.Join(told, "\n"))
	}
}

// Rows that come a few minutes late take back the silence that they were taken
// for, and it is told as what it was.
func TestSilenceThatWasLate(t *testing.T) {
	const at = 9*dayOf + 700
	m := newMemory()
	w := testWatch(t, m)
	n, rec := testNotifier(t, m, "a")
	for i := range at + 60 {
		minute := monday + detect.Minute(i)
		m.addService(ServiceRow{minute, "well", detect.Counts{N: 300}})
		if i < at || i > at+10 {
			m.addService(ServiceRow{minute, "api", detect.Counts{N: 600}})
		}
		for j := at; i == at+11 && j <= at+10; j++ {
			m.addService(ServiceRow{monday + detect.Minute(j), "api", detect.Counts{N: 600}})
		}
		if i < at-100 && i%300 != 0 {
			continue
		}
		now := minute.Time().Add(time.Minute)
		m.mark = now
		w.now, n.now = func() time.Time { return now }, func() time.Time { return now }
		if err := w.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var last Notice
	bodies := rec.bodies["/hook"]
	if len(bodies) != 2 {
		t.Fatalf("told %q; want that it opens, and what it was", rec.notices(t))
	}
	if err := json.Unmarshal(bodies[1], &last); err != nil {
		t.Fatal(err)
	}
	if last.Kind != detect.LateData || last.State != detect.Withdrawn || last.Severity != detect.Ticket ||
		!strings.Contains(last.Summary, "came at least") {
		t.Errorf("told at last: %s %s %s: %s", last.State, last.Kind, last.Severity, last.Summary)
	}
}

// slot is after which five minutes something was told.
func slot(minutes int) string { return fmt.Sprintf("+%d", (minutes+4)/5*5) }

// The ledger says how late each source is: the watermark does not wait for a late
// one, minutes settle when its rows have come, and its services are known.
func TestSourcesOnTheEngine(t *testing.T) {
	s := storetest.Open(t)
	q := testSQL(s)
	base := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	write := func(partition int32, first int64, record time.Time, late time.Duration) {
		t.Helper()
		err := s.WriteLedger(t.Context(), block.LedgerRow{
			ID:   block.ID{Cluster: "c", Topic: "access", Partition: partition, First: first, End: first + 10},
			Kind: block.KindBlock, State: block.Stored, Records: 10, Responses: 10, WrittenAt: record.Add(time.Second),
			MinEventUnixMilli: record.Add(-late - time.Minute).UnixMilli(), MaxEventUnixMilli: record.Add(-late).
						UnixMilli(),
			LastRecordUnixMilli: record.UnixMilli(),
		}, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(5) {
		at := base.Add(time.Duration(i) * 20 * time.Second)
		write(0, i*10, at, 2*time.Second)
		write(1, i*10, at, 24*time.Minute)
		write(2, i*10, at, 3*time.Hour)
	}
	p, err := q.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := base.Add(78 * time.Second); !p.Watermark.Equal(want) || p.Late != 24*time.Minute-2*time.Second {
		t.Errorf("watermark %s, late by %s; want %s, 23m58s", p.Watermark, p.Late, want)
	}
	first := detect.MinuteOf(base.Unix())
	b, err := q.Rows(t.Context(), minutesOf(first, first))
	if err != nil {
		t.Fatal(err)
	}
	want := []SourceRow{
		{"access/0", detect.SourceMinute{Minute: first, Responses: 30, Late: 2}},
		{"access/1", detect.SourceMinute{Minute: first, Responses: 30, Late: 1440}},
		{"access/2", detect.SourceMinute{Minute: first, Responses: 30, Late: 10800}},
	}
	if d := cmp.Diff(want, b.Sources); d != "" {
		t.Errorf("sources:\n%s", d)
	}
	for _, x := range []struct {
		service   string
		partition int
	}{{"in time", 0}, {"late", 1}, {"both", 0}, {"both", 1}} {
		if err := s.Exec(t.Context(),
			fmt.Sprintf("INSERT INTO %s (minute, service, outcome, slot, partition) VALUES (toDateTime(%d, 'UTC'), '%s', 'success', %d, %d)",
				s.Table(schema.Samples), base.Add(-10*time.Minute).Unix(), x.service, x.partition,
				x.partition)); err != nil {
			t.Fatal(err)
		}
	}
	past, err := q.Past(t.Context(), first+2, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"late": 24}, past.Late); d != "" || len(past.Sources) != 6 {
		t.Errorf("%d rows of sources, late services:\n%s", len(past.Sources), d)
	}
}

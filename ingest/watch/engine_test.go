package watch

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

var testSecret = []byte("a secret of this test only")

// feed folds a scenario's lines into a store, a block for each few seconds of
// event time, until the event time minutes after the start.
type feed struct {
	t      *testing.T
	store  *store.Store
	gen    *traffic.Generator
	fold   *fold.Builder
	offset int64
	start  time.Time
	line   []byte
}

func newFeed(t *testing.T, s *store.Store, scenario string, seed uint64) *feed {
	t.Helper()
	return newFeedOf(t, s, traffic.Config{Scenario: scenario, Seed: seed})
}

func newFeedOf(t *testing.T, s *store.Store, c traffic.Config) *feed {
	t.Helper()
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c.Rate, c.Start = 60, start
	g, err := traffic.New(c)
	if err != nil {
		t.Fatal(err)
	}
	cfg := fold.DefaultConfig()
	cfg.Decode.Secret = testSecret
	f, err := fold.New(cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &feed{t: t, store: s, gen: g, fold: f, start: start}
}

// until stores everything up to an event time.
func (f *feed) until(at time.Time) {
	f.t.Helper()
	first := f.offset
	var last int64
	flush := func() {
		if f.offset == first {
			return
		}
		contents := f.fold.Contents()
		id := block.ID{Cluster: "c", Topic: "access", First: first, End: f.offset}
		free := func() error { return nil }
		if err := f.store.WriteRows(f.t.Context(), id, contents, free); err != nil {
			f.t.Fatal(err)
		}
		if err := f.store.WriteLedger(f.t.Context(), block.LedgerRow{
			ID: id, Kind: block.KindBlock, State: block.Stored, Records: uint64(f.offset - first),
			Responses:         contents.Rows.Responded,
			MinEventUnixMilli: contents.Rows.MinUnixMilli, MaxEventUnixMilli: contents.Rows.MaxUnixMilli,
			LastRecordUnixMilli: last,
			WrittenAt:           time.Now(),
		}, free); err != nil {
			f.t.Fatal(err)
		}
		f.fold.Reset()
		first = f.offset
	}
	for last < at.UnixMilli() {
		line, ms, _, ok := f.gen.Next(f.line[:0])
		if !ok {
			break
		}
		f.line, last = line, ms
		f.fold.Add([]block.Record{{Offset: f.offset, UnixMilli: ms, Value: line}})
		f.offset++
		if f.offset-first >= 20_000 {
			flush()
		}
	}
	flush()
}

// expect compares incidents with what the scenario planted: each one due by
// until is there, opened by the time it was due, and what else is there has one of them
// as its parent.
func (f *feed) expect(list []detect.Incident, until time.Time) {
	f.t.Helper()
	found := map[string]bool{}
	for _, p := range f.gen.Truth().Planted {
		name := p.Entity
		if p.EntityType == "key" {
			name = decode.KeyID(testSecret, p.Entity).String()
		}
		first := time.Time{}
		for _, inc := range list {
			at := inc.OpenedAt.Time()
			if string(inc.Kind) != p.Kind || inc.Entity != name || at.Before(p.Start.Add(-time.Minute)) ||
				at.After(p.End.Add(5*time.Minute)) {
				continue
			}
			if found[inc.ID] = true; first.IsZero() || at.Before(first) {
				first = at
			}
		}
		switch decided := first.Add(time.Minute); {
		case first.IsZero() && p.Due.After(until):
		case first.IsZero():
			f.t.Errorf("no incident for %s %s (%s)", p.Kind, name, p.Note)
		case decided.After(p.Due.Add(time.Minute)):
			f.t.Errorf("%s %s: decided at %s; due %s", p.Kind, name, decided, p.Due)
		}
	}
	for _, inc := range list {
		if !found[inc.ID] && !found[inc.Parent] {
			f.t.Errorf("nobody planted this: %s %s, opened %s, parent %q: %s", inc.Kind, inc.Entity,
				inc.OpenedAt.Time().Format("15:04"), inc.Parent, inc.Summary)
		}
	}
}

func testSQL(s *store.Store) *SQL { return NewSQL(s, classify.Builtin()) }

// Lines of every scenario, through decode, classify, aggregate and the store:
// everything planted is an incident, and nothing else is.
func TestScenarios(t *testing.T) {
	for _, scenario := range []string{traffic.Quiet, traffic.Offender, traffic.Suspended, traffic.TimeoutSpike,
		traffic.Mixed} {
		t.Run(scenario, func(t *testing.T) {
			f := newFeed(t, storetest.Open(t), scenario, 7)
			f.until(f.start.Add(35 * time.Minute))
			q := testSQL(f.store)
			p, err := q.Progress(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			cfg := DefaultConfig()
			list, err := Evaluate(t.Context(), &cfg.Detectors, q, Range{p.First, p.First, p.Last})
			if err != nil {
				t.Fatal(err)
			}
			f.expect(list, p.Last.Time())
		})
	}
}

// The live loop over the engine finds what an evaluation of everything finds,
// also when it is killed, and the tables hold it.
func TestLiveOnTheEngine(t *testing.T) {
	s := storetest.Open(t)
	f := newFeed(t, s, traffic.Mixed, 3)
	q := testSQL(s)
	w := New(testConfig(), q, q)
	for minute := 1; minute <= 130; minute += 3 {
		f.until(f.start.Add(time.Duration(minute) * time.Minute))
		if minute == 40 || minute == 115 { // killed
			w = New(testConfig(), q, q)
		}
		if err := w.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := q.Incidents(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]detect.Incident, len(stored))
	for i := range stored {
		list[i] = stored[i].Incident
	}
	p, err := q.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.expect(list, p.Evaluated.Time())
	if want := w.target(p.Watermark); p.Evaluated != want {
		t.Errorf("scores reach %s; want %s", p.Evaluated.Time(), want.Time())
	}
	all, err := Evaluate(t.Context(), &w.cfg.Detectors, q, Range{p.First, p.First, w.eval.Evaluated()})
	if err != nil {
		t.Fatal(err)
	}
	key := func(l []detect.Incident) (out []string) {
		for _, i := range l {
			if i.State != detect.Withdrawn {
				out = append(out, strings.Join([]string{i.ID, string(i.Kind), i.Entity, stampOf(i.OpenedAt),
					stampOf(i.ClosedAt)}, " "))
			}
		}
		slices.Sort(out)
		return out
	}
	if d := cmp.Diff(key(all), key(list)); d != "" {
		t.Errorf("live differs from an evaluation of everything (-all at once):\n%s", d)
	}
	for _, i := range list {
		if i.EntityType == detect.KeyEntity && (len(i.Evidence.ClientIPs) == 0 || len(i.Evidence.UserAgents) == 0) {
			t.Errorf("%s %s does not name its sources", i.Kind, i.Entity)
		}
		text, err := json.Marshal(i)
		if err != nil || strings.Contains(string(text), "null") && strings.Contains(string(text), "nil") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func stampOf(m detect.Minute) string { return m.Time().Format("02T15:04") }

func testConfig() Config {
	c := DefaultConfig()
	c.Logger = nil
	return c
}

// The lease goes to one instance at a time and expires; what was told stays.
func TestOutboxOnTheEngine(t *testing.T) {
	q := testSQL(storetest.Open(t))
	now := time.Now()
	lease := func(instance string, at time.Time, want bool) {
		t.Helper()
		ok, err := q.Lease(t.Context(), instance, at, at.Add(leaseFor))
		if err != nil {
			t.Fatal(err)
		}
		if ok != want {
			t.Errorf("%s at +%s: got %t; want %t", instance, at.Sub(now), ok, want)
		}
	}
	lease("a", now, true)
	lease("b", now.Add(time.Second), false)
	lease("a", now.Add(2*time.Second), true)
	lease("a", now.Add(20*time.Second), true) // renewed
	lease("b", now.Add(40*time.Second), false)
	lease("b", now.Add(51*time.Second), true)
	lease("a", now.Add(52*time.Second), false)
	for i, what := range []string{"open/ticket", "closed"} {
		if err := q.Tell(t.Context(), "x", Told{what, now.Add(time.Duration(i) * time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	told, err := q.Told(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]Told{"x": {"closed", now.Add(time.Second)}}, told); d != "" {
		t.Errorf("told:\n%s", d)
	}
}

// What people say is kept, in order, and the watch reads it.
func TestNotesOnTheEngine(t *testing.T) {
	q := testSQL(storetest.Open(t))
	rows := []Stored{spikeOf("abcd", 29_000_000), spikeOf("abef", 29_000_000)}
	rows[0].Silent = "covered by abef"
	if err := q.Write(t.Context(), rows, nil, 1); err != nil {
		t.Fatal(err)
	}
	read, err := q.Incidents(t.Context(), 1)
	if err != nil || len(read) != 2 || read[0].Silent != "covered by abef" || read[1].Silent != "" {
		t.Errorf("read %+v, %v", read, err)
	}
	if id, severity, err := q.Find(t.Context(), "abc"); id != "abcd" || severity != detect.Ticket || err != nil {
		t.Errorf("abc: got %s, %s, %v", id, severity, err)
	}
	for _, prefix := range []string{"ab", "x", ""} {
		if _, _, err := q.Find(t.Context(), prefix); !errors.Is(err, ErrUnknownIncident) {
			t.Errorf("%q: got %v", prefix, err)
		}
	}
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	want := []Note{
		{Incident: "abcd", At: at, Action: Ack, Severity: detect.Ticket, Author: "ann", Text: "it's known"},
		{Incident: "abcd", At: at.Add(time.Second), Action: Mute, Until: at.Add(time.Hour)},
	}
	for _, n := range want {
		if err := q.AddNote(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	want[0].Until = time.Unix(0, 0).UTC()
	got, err := q.Notes(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("notes:\n%s", d)
	}
}

// What readers of the console call keys is shown where no file of labels says otherwise,
// and is there again when the file no longer does.
func TestLabelsOfTheConsole(t *testing.T) {
	s := storetest.Open(t)
	q := NewSQL(s, classify.Builtin())
	a, b := classify.KeyID{1}, classify.KeyID{2}
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	call := func(key classify.KeyID, name string, want bool) {
		t.Helper()
		at = at.Add(time.Second)
		if holds, err := q.Label(t.Context(), key, name, "ann", at); err != nil || holds != want {
			t.Errorf("%s is called %q: got %t, %v; want %t", key, name, holds, err, want)
		}
	}
	shown := func(want map[classify.KeyID]string) {
		t.Helper()
		got := map[classify.KeyID]string{}
		rows, err := store.Select[struct {
			Key  string `ch:"key_id"`
			Name string `ch:"label"`
		}](t.Context(), s,
			"SELECT key_id, argMax(name, revision) AS label FROM "+s.Table(schema.KeyLabels)+" GROUP BY key_id HAVING label != ''")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			id, _ := classify.ParseKeyID(r.Key)
			got[id] = r.Name
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("labels:\n%s", d)
		}
	}
	file := func(labels map[classify.KeyID]string) {
		t.Helper()
		if _, err := s.SetKeyLabels(t.Context(), labels); err != nil {
			t.Fatal(err)
		}
	}
	call(a, "acme", true)
	call(b, "bolt", true)
	call(b, "bolts", true)
	shown(map[classify.KeyID]string{a: "acme", b: "bolts"})
	file(map[classify.KeyID]string{a: "ACME, Inc."})
	shown(map[classify.KeyID]string{a: "ACME, Inc.", b: "bolts"})
	call(a, "our best customer", false)
	shown(map[classify.KeyID]string{a: "ACME, Inc.", b: "bolts"})
	file(nil)
	shown(map[classify.KeyID]string{a: "our best customer", b: "bolts"})
	call(b, "", true)
	file(nil)
	shown(map[classify.KeyID]string{a: "our best customer"})
}

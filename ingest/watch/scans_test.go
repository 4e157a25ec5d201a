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
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// line is one request of a test's log.
type line struct {
	at      int64 // milliseconds after the start
	ip, key string
	path    string
	status  int
}

// world makes a log of minutes and stores it, a block a minute.
type world struct {
	t      *testing.T
	store  *store.Store
	fold   *fold.Builder
	start  time.Time
	r      *rand.Rand
	lines  [][]line // by minute
	offset int64
}

func newWorld(t *testing.T, minutes int) *world {
	t.Helper()
	cfg := fold.DefaultConfig()
	cfg.Decode.Secret = testSecret
	f, err := fold.New(cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, store: storetest.Open(t), fold: f, start: time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC),
		r: rand.New(rand.NewPCG(6, 1)), lines: make([][]line, minutes),
	}
}

func (w *world) first() detect.Minute { return detect.MinuteOf(w.start.Unix()) }

// ask adds n requests a minute in minutes [from, to), as what says.
func (w *world) ask(from, to, n int, what func(r *rand.Rand) line) {
	for m := from; m < to; m++ {
		for range n {
			l := what(w.r)
			l.at = int64(m)*60_000 + w.r.Int64N(60_000)
			w.lines[m] = append(w.lines[m], l)
		}
	}
}

// everybody is what ordinary callers do: forty with keys, and twenty without, who
// now and then ask for what does not exist.
func (w *world) everybody() {
	w.ask(0, len(w.lines), 300, func(r *rand.Rand) line {
		l := line{ip: fmt.Sprintf("198.51.100.%d", 1+r.IntN(60)), path: fmt.Sprintf("/3/movie/%d", r.IntN(5000)),
			status: 200}
		if n := r.IntN(60); n < 40 {
			l.ip, l.key = fmt.Sprintf("198.51.100.%d", 1+n), fmt.Sprintf("key-of-caller-%04d", n)
		}
		if r.IntN(25) == 0 {
			l.status = 404
		}
		return l
	})
}

// until stores the lines of the minutes before a minute that are not stored yet.
func (w *world) until(minute int) {
	w.t.Helper()
	var lines []line
	for m := range minute {
		lines = append(lines, w.lines[m]...)
		w.lines[m] = nil
	}
	slices.SortStableFunc(lines, func(a, b line) int { return int(a.at - b.at) })
	for part := range slices.Chunk(lines, 20_000) {
		w.keep(part)
	}
}

// keep stores a block.
func (w *world) keep(lines []line) {
	w.t.Helper()
	id := block.ID{Cluster: "c", Topic: "access", First: w.offset, End: w.offset + int64(len(lines))}
	var last int64
	for _, l := range lines {
		last = w.start.UnixMilli() + l.at
		key := ""
		if l.key != "" {
			key = `,"api_key":"` + l.key + `"`
		}
		text := fmt.Sprintf(`{"ts":"%s","service":"movies","method":"GET","path":"%s","status":%d,"client_ip":"%s","latency_ms":12%s}`,
			time.UnixMilli(last).UTC().Format("2006-01-02T15:04:05.000Z"), l.path, l.status, l.ip, key)
		w.fold.Add([]block.Record{{Offset: w.offset, UnixMilli: last, Value: []byte(text)}})
		w.offset++
	}
	contents := w.fold.Contents()
	if len(contents.Rejects) > 0 {
		w.t.Fatalf("rejected: %+v", contents.Rejects[0])
	}
	free := func() error { return nil }
	if err := w.store.WriteRows(w.t.Context(), id, contents, free); err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.WriteLedger(w.t.Context(), block.LedgerRow{
		ID: id, Kind: block.KindBlock, State: block.Stored, Records: uint64(len(lines)),
		Responses:         contents.Rows.Responded,
		MinEventUnixMilli: contents.Rows.MinUnixMilli, MaxEventUnixMilli: contents.Rows.MaxUnixMilli,
		LastRecordUnixMilli: last,
		WrittenAt:           time.Now(),
	}, free); err != nil {
		w.t.Fatal(err)
	}
	w.fold.Reset()
}

// week makes movies known for a week, with a few routes that do not exist an hour.
func (w *world) week() {
	w.t.Helper()
	for _, text := range []string{
		`INSERT INTO ` + w.store.Table(schema.ServicesHour) + ` (minute, service, outcome, requests)
			SELECT toDateTime(%d, 'UTC') + 3600 * number, 'movies', 'success', 18000 FROM numbers(200)`,
		`INSERT INTO ` + w.store.Table(schema.ResponsesHour) + ` (minute, service, route, method, http_status, outcome, requests)
			SELECT toDateTime(%d, 'UTC') + 3600 * intDiv(number, 6), 'movies', concat('/old/', toString(number)), 'GET', 404, 'not_found', 1 FROM numbers(1200)`,
	} {
		if err := w.store.Exec(w.t.Context(), fmt.Sprintf(text, w.start.Truncate(24*time.Hour).Add(-220*time.Hour).
			Unix())); err != nil {
			w.t.Fatal(err)
		}
	}
}

// found are the incidents of scans and floods, of everything that is stored.
func (w *world) found() []detect.Incident {
	w.t.Helper()
	w.until(len(w.lines))
	cfg := DefaultConfig()
	list, err := Evaluate(w.t.Context(), &cfg.Detectors, testSQL(w.store),
		Range{w.first(), w.first(), w.first() + detect.Minute(len(w.lines)-1)})
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(list,
		func(i detect.Incident) bool { return i.Kind != detect.PathScan && i.Kind != detect.ClientFlood })
}

func byName(t *testing.T, found []detect.Incident) map[string]detect.Incident {
	t.Helper()
	all := map[string]detect.Incident{}
	for _, i := range found {
		all[string(i.Kind)+" "+i.Entity] = i
	}
	if len(all) != len(found) {
		t.Errorf("one of %d incidents twice: %v", len(found), found)
	}
	return all
}

// scanner asks for paths that nobody has, each once.
func scanner(ip string) func(*rand.Rand) line {
	words := []string{"admin", "backup", "config", "setup", "login", "shell", "vendor", "hidden", "private", "old",
		"test", "install", "debug", "manager"}
	n := 0
	return func(*rand.Rand) line {
		n++
		word := func(i int) string { return words[i%len(words)] }
		return line{ip: ip, path: "/" + word(n) + "/" + word(n/len(words)) + "/" + word(n/len(words)/len(words)) +
			".php", status: 404}
	}
}

// A scanner of 2,602 paths and one who is answered 50 times a second are named
// within five minutes, and nobody else is, however they are read: at once, minute by
// minute, or by an instance that is killed meanwhile.
func TestScannersAreNamed(t *testing.T) {
	const scans, floods = 100, 110
	w := newWorld(t, 200)
	w.everybody()
	w.ask(scans, scans+20, 130, scanner("203.0.113.7"))
	w.lines[scans+20] = append(w.lines[scans+20], line{at: (scans + 20) * 60_000, ip: "203.0.113.7", path: "/one",
		status: 404}, line{at: (scans + 20) * 60_000, ip: "203.0.113.7", path: "/two", status: 404})
	w.ask(floods, floods+12, 3000, func(r *rand.Rand) line {
		return line{ip: "203.0.113.9", path: fmt.Sprintf("/3/movie/%d", r.IntN(5000)), status: 200}
	})

	q := testSQL(w.store)
	live := New(testConfig(), q, q)
	for minute := 30; minute <= len(w.lines); minute++ {
		if minute < scans && minute%30 > 0 || minute > floods+30 && minute%10 > 0 {
			continue
		}
		w.until(minute)
		if minute == scans+9 || minute == floods+8 { // killed
			live = New(testConfig(), q, q)
		}
		if err := live.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	found := w.found()
	all := byName(t, found)
	scan, flood := all["path_scan 203.0.113.7"], all["client_flood 203.0.113.9"]
	if len(all) != 2 {
		t.Errorf("got %v; want one scan and one flood", found)
	}
	if at := int(scan.OpenedAt - w.first()); at < scans || at+1 > scans+5 || scan.Affected != 2602 ||
		scan.Severity != detect.Ticket {
		t.Errorf("scan: decided after minute %d: %+v; want within 5 of %d, of 2,602", at, scan, scans)
	}
	if n := scan.Evidence.Paths; n < 1100 || n > 1430 { // ten minutes of it
		t.Errorf("scan: about %d paths; want 1,300", n)
	}
	if at := int(flood.OpenedAt - w.first()); at < floods || at+1 > floods+5 || flood.Affected < 27_000 {
		t.Errorf("flood: decided after minute %d: %+v; want within 5 of %d", at, flood, floods)
	}
	stored, err := q.Incidents(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]detect.Incident{}
	for _, r := range stored {
		if r.State != detect.Withdrawn && all[string(r.Kind)+" "+r.Entity].ID != "" {
			r.Silent = "" // it is of June
			got[string(r.Kind)+" "+r.Entity] = r.Incident
		}
	}
	if d := cmp.Diff(all, got); d != "" {
		t.Errorf("live differs from an evaluation of everything (-all at once):\n%s", d)
	}
}

// Five hundred keys behind one address are no flood and no scan, also where nothing
// is known of the address, and when each asks now and then for what does not exist.
func TestManyKeysBehindOneAddress(t *testing.T) {
	w := newWorld(t, 140)
	w.everybody()
	w.ask(100, 140, 5000, func(r *rand.Rand) line {
		l := line{ip: "192.0.2.200", key: fmt.Sprintf("key-behind-nat-%04d", r.IntN(500)),
			path: fmt.Sprintf("/3/movie/%d", r.IntN(5000)), status: 200}
		if r.IntN(20) == 0 {
			l.status = 404
		}
		return l
	})
	if found := w.found(); len(found) > 0 {
		t.Errorf("got %v; want none", found)
	}
}

// Whoever was there all the time, grows with everybody, or does the same every night
// floods nothing.
func TestBusyIsNoFlood(t *testing.T) {
	w := newWorld(t, 160)
	w.everybody()
	w.ask(0, 160, 1200,
		func(r *rand.Rand) line { return line{ip: "192.0.2.10", path: "/3/configuration", status: 200} })
	w.ask(120, 140, 7000, func(r *rand.Rand) line {
		return line{ip: fmt.Sprintf("198.51.100.%d", 1+r.IntN(10)), path: "/3/search", status: 200}
	})
	w.ask(145, 155, 2500, func(r *rand.Rand) line { return line{ip: "192.0.2.77", path: "/3/search", status: 200} })
	if err := w.store.Exec(t.Context(), fmt.Sprintf(`INSERT INTO %s (minute, client_ip, outcome, requests)
		SELECT toDateTime(%d, 'UTC') + 86400 * intDiv(number, 10) + 60 * (number %% 10), toIPv6('192.0.2.77'), 'success', 3000 FROM numbers(70)`,
		w.store.Table(schema.Clients), w.start.Add(-8*24*time.Hour).Unix())); err != nil {
		t.Fatal(err)
	}
	if found := w.found(); len(found) > 0 {
		t.Errorf("got %v; want none", found)
	}
}

// A key that floods from many addresses is named, and an address that does with one
// key is the same event.
func TestKeyFloods(t *testing.T) {
	w := newWorld(t, 140)
	w.everybody()
	w.ask(100, 112, 2000, func(r *rand.Rand) line {
		return line{ip: fmt.Sprintf("203.0.113.%d", 1+r.IntN(200)), key: "key-that-is-everywhere", path: "/3/search",
			status: 200}
	})
	w.ask(120, 130, 2000, func(r *rand.Rand) line {
		return line{ip: "192.0.2.44", key: "key-of-one-address", path: "/3/search", status: 200}
	})
	byType := map[detect.EntityType][]detect.Incident{}
	for _, i := range w.found() {
		byType[i.EntityType] = append(byType[i.EntityType], i)
	}
	keys, clients := byType[detect.KeyEntity], byType[detect.ClientEntity]
	if len(keys) != 2 || len(clients) != 1 {
		t.Fatalf("got %v; want two keys and one address", byType)
	}
	if clients[0].Parent != keys[1].ID || clients[0].Entity != "192.0.2.44" {
		t.Errorf("got %+v; want a child of %+v", clients[0], keys[1])
	}
	if at := int(keys[0].OpenedAt - w.first()); at < 100 || at+1 > 105 ||
		!strings.HasPrefix(keys[0].Summary, "key "+keys[0].Entity[:10]) {
		t.Errorf("decided after minute %d: %+v", at, keys[0])
	}
}

// A scan that is spread over many addresses, or hidden behind a proxy with traffic
// of its own, is seen at its service, and told once when one client does it.
func TestScansOfAService(t *testing.T) {
	const at = 100
	for name, test := range map[string]struct {
		add    func(w *world)
		client bool
	}{
		"many addresses": {add: func(w *world) {
			scan := scanner("")
			w.ask(at, at+15, 40, func(r *rand.Rand) line {
				l := scan(r)
				l.ip = fmt.Sprintf("203.0.113.%d", 1+r.IntN(250))
				return l
			})
		}},
		"behind a proxy": {add: func(w *world) {
			w.ask(0, at+40, 200,
				func(r *rand.Rand) line { return line{ip: "192.0.2.1", path: "/3/configuration", status: 200} })
			w.ask(at, at+15, 40, scanner("192.0.2.1"))
		}},
		"one client": {client: true, add: func(w *world) { w.ask(at, at+15, 40, scanner("203.0.113.7")) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 160)
			w.week()
			w.everybody()
			test.add(w)
			all := byName(t, w.found())
			service, client := all["path_scan movies"], all["path_scan 203.0.113.7"]
			if opened := int(service.OpenedAt - w.first()); opened < at || opened+1 > at+5 || service.Expected != 6 ||
				service.ClosedAs != detect.ClosedCalm {
				t.Errorf("decided after minute %d: %+v; want within 5 of %d", opened, service, at)
			}
			if test.client != (client.ID != "") || service.Parent != client.ID {
				t.Errorf("got client %+v, service %+v", client, service)
			}
		})
	}
}

// The sources of a key are those of its failures since each of its own minutes.
func TestSourcesSinceEachKeysMinute(t *testing.T) {
	w := newWorld(t, 40)
	for _, x := range []struct {
		from, to, status int
		key, ip          string
	}{
		{0, 10, 429, "early", "192.0.2.1"}, {10, 40, 429, "early", "192.0.2.2"}, {20, 30, 200, "early", "192.0.2.3"},
		{0, 10, 429, "later", "192.0.2.4"}, {20, 30, 401, "later", "192.0.2.5"}, {0, 40, 429, "other", "192.0.2.6"},
	} {
		w.ask(x.from, x.to, 1, func(*rand.Rand) line {
			return line{key: x.key, ip: x.ip, path: "/3/movie/1", status: x.status}
		})
	}
	w.until(40)
	id := func(key string) string { return decode.KeyID(testSecret, key).String() }
	first := w.first()
	got := map[string][]string{}
	err := testSQL(w.store).Sources(t.Context(), map[string][]detect.Minute{
		id("early"): {first, first + 15, first + 40, first + 5}, id("later"): {first + 15}, id("none"): {first + 3},
	}, first+35, func(key string, from detect.Minute, ips, _ []string) { got[fmt.Sprint(key, from-first)] = ips })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		id("early") + "0": {"192.0.2.1", "192.0.2.2"}, id("early") + "5": {"192.0.2.1", "192.0.2.2"},
		id("early") + "15": {"192.0.2.2"}, id("early") + "40": {}, id("later") + "15": {"192.0.2.5"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("sources (-want +got):\n%s", d)
	}
}

package receipt_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"statline/dashboards/receipt"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

var (
	from = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC)
)

const (
	mine   = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	theirs = "bbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// filled is a store with the responses to two keys and the incidents around them,
// some beyond the span.
func filled(t *testing.T) *store.Store {
	t.Helper()
	s := storetest.Open(t)
	for _, table := range []string{"keys", "keys_hour"} {
		storetest.Exec(t, s, "INSERT INTO "+s.Table(schema.Table(table))+` (minute, key_id, service, outcome, code, requests, bytes)
SELECT toDateTime('2026-10-31 22:00:00', 'UTC') + 3600 * (number % 80), if(number % 3 = 0, '`+mine+`', '`+theirs+`'), ['movies', 'search'][number % 2 + 1],
  ['success', 'timeout', 'rate_limited', 'not_found'][number % 4 + 1], [1, 24, 25, 34][number % 4 + 1], 1 + number % 7, 100 FROM numbers(2000)`)
	}
	storetest.Exec(t, s, "INSERT INTO "+s.Table("incidents")+` (id, kind, entity, entity_type, service, state, opened_at, closed_at, requests, affected, summary) VALUES
  ('i1', 'offender', '`+mine+`', 'key', 'movies', 'closed', '2026-11-01 03:00:00', '2026-11-01 05:00:00', 90, 40, 'key aaaaaaaaaa: 40 of 90'),
  ('i2', 'offender', '`+theirs+`', 'key', 'movies', 'closed', '2026-11-01 03:00:00', '2026-11-01 05:00:00', 7777, 40, 'key bbbbbbbbbb'),
  ('i3', 'outage', 'search', 'service', 'search', 'closed', '2026-11-03 20:00:00', '2026-11-05 05:00:00', 8888, 40, 'search: 8888'),
  ('i4', 'outage', 'tv', 'service', 'tv', 'closed', '2026-11-02 20:00:00', '2026-11-02 21:00:00', 9999, 40, 'tv'),
  ('i5', 'key_scanning', '192.0.2.77', 'client', '', 'closed', '2026-11-02 20:00:00', '2026-11-02 21:00:00', 9999, 40, 'client'),
  ('i6', 'outage', 'movies', 'service', 'movies', 'withdrawn', '2026-11-02 20:00:00', '2026-11-02 21:00:00', 9999, 40, 'tv')`)
	return s
}

func read(t *testing.T, s *store.Store) *receipt.Receipt {
	t.Helper()
	r, err := receipt.Read(t.Context(), s, mine, "ACME, Inc.", from, to, receipt.Proof{Verdict: receipt.Clean,
		Ledger: []receipt.Range{{Topic: "access", First: 5, End: 90, Kind: "block", ConfigHash: "h"}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every figure is what SQL says, of the span and the key alone, and sums agree.
func TestReceiptEqualsSQL(t *testing.T) {
	s := filled(t)
	r := read(t, s)
	sum := func(where string) uint64 {
		return storetest.Number(t, s, "(SELECT sum(requests) FROM "+s.Table("keys_hour")+" WHERE key_id = '"+mine+
			"' AND minute >= '2026-11-01 00:00:00' AND minute < '2026-11-04 00:00:00'"+where+")")
	}
	one := func(what string, got, want uint64) {
		if got != want || want == 0 {
			t.Errorf("%s: got %d; want %d", what, got, want)
		}
	}
	one("requests", r.Requests, sum(""))
	one("failures", r.Failures, sum(" AND outcome != 'success'"))
	one("server's side", r.ServerSide, sum(" AND outcome = 'timeout'"))
	var groups, codes, services, days uint64
	for _, g := range r.Groups {
		groups += g.Requests
	}
	for _, c := range r.Codes {
		codes += c.Requests
		one(c.Outcome, c.Requests, sum(fmt.Sprintf(" AND outcome = '%s' AND code = %d", c.Outcome, c.Code)))
	}
	for _, x := range r.Services {
		services += x.Requests
		one(x.Service, x.Requests, sum(" AND service = '"+x.Service+"'"))
	}
	for _, d := range r.Days {
		days += d.Requests
		one(d.Day, d.Requests, sum(" AND toDate(minute) = '"+d.Day+"'"))
	}
	if groups != r.Failures || codes != r.Failures || services != r.Requests || days != r.Requests || len(r.Days) != 3 {
		t.Errorf("groups %d, codes %d of %d; services %d, %d days %d of %d", groups, codes, r.Failures, services,
			len(r.Days), days, r.Requests)
	}
	want := float64(r.Requests-r.ServerSide) / float64(r.Requests) * 100
	var got float64
	if _, err := fmt.Sscan(r.Available, &got); err != nil || got > want || got < want-0.0001 {
		t.Errorf("availability: got %s; want %f rounded down", r.Available, want)
	}
}

// Two receipts are the same bytes in both forms, the JSON is read back as it is, and
// nothing of anybody else is in them: no key, no address, no figure of a service.
func TestReceiptIsOfOneCustomer(t *testing.T) {
	s := filled(t)
	first, second := read(t, s), read(t, s)
	text, err := first.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := second.JSON()
	if err != nil || !bytes.Equal(text, again) || !bytes.Equal(first.Markdown(), second.Markdown()) {
		t.Errorf("two receipts differ (%v)", err)
	}
	parsed, err := receipt.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if round, err := parsed.JSON(); err != nil || !bytes.Equal(round, text) {
		t.Errorf("got %s (%v); want %s", round, err, text)
	}
	for _, foreign := range []string{"bbbb", "7777", "8888", "9999", "192.0.2", "tv", "i4", "i6"} {
		if strings.Contains(string(text), foreign) || strings.Contains(string(first.Markdown()), foreign) {
			t.Errorf("%s is of somebody else", foreign)
		}
	}
	if len(first.Incidents) != 2 || first.Incidents[0].Affected != 40 || first.Incidents[1].Closed != nil ||
		first.Incidents[1].Of != "service" {
		t.Errorf("got %+v; want the key's own with its figure, and the service's as it stood at the end of the span",
			first.Incidents)
	}
}

// Keys that were not told apart may be the customer's.
func TestReceiptRefusesUntoldKeys(t *testing.T) {
	s := filled(t)
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table("keys_hour")+" (minute, key_id, service, outcome, requests) VALUES ('2026-11-02 00:00:00', '__other__', 'movies', 'success', 3)")
	_, err := receipt.Read(t.Context(), s, mine, "", from, to, receipt.Proof{})
	var refused *receipt.Refused
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "3 responses of the span") {
		t.Errorf("got %v", err)
	}
}

// A share is rounded down: what failed once in a million is not 100 %.
func TestAvailabilityIsRoundedDown(t *testing.T) {
	s := storetest.Open(t)
	storetest.Exec(t, s, "INSERT INTO "+s.Table("keys_hour")+" (minute, key_id, service, outcome, requests) VALUES"+
		" ('2026-11-02 00:00:00', '"+mine+"', 'movies', 'success', 9999999), ('2026-11-02 00:00:00', '"+mine+"', 'movies', 'timeout', 1)")
	if r := read(t, s); r.Available != "99.9999" || r.Days[0].Available != "" {
		t.Errorf("got %q and %q", r.Available, r.Days[0].Available)
	}
}

// A customer's name is text, whatever is in it.
func TestMarkdownEscapes(t *testing.T) {
	r := receipt.Receipt{KeyID: mine, Customer: "A|B\n# <b>*x*</b>", From: from, To: to}
	if text := string(r.Markdown()); !strings.HasPrefix(text,
		"# What became of the requests of A\\|B # &lt;b>\\*x\\*&lt;/b>\n") {
		t.Errorf("got %s", text[:80])
	}
}

package limits_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/limit"
	"statline/dashboards/limits"
	"statline/dashboards/report"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
)

// Keys that grow towards the limit that headers or a file say are named with the day
// of their breach, within one day; flat ones are not, and a key that is over says so.
func TestHeadroomNamesGrowingKeys(t *testing.T) {
	s := storetest.Open(t)
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	id := func(n byte) string { return classify.KeyID{0: n, 5: 7}.String() }
	var told, counted []string
	for d := range 30 {
		at := from.AddDate(0, 0, d).Add(9 * time.Hour).Unix()
		tell := func(key byte, used int) { // of 1000
			told = append(told, fmt.Sprintf("(%d, '%s', 'movies', 'success', 500, 1000, %d, 60)", at, id(key),
				4294967295-uint64(1000-used)))
		}
		tell(1, 300+20*d) // reaches 1000 on day 35
		tell(2, 300+(d*37)%11)
		tell(3, 900-(d*53)%17)
		count := func(key byte, n int) {
			counted = append(counted, fmt.Sprintf("(%d, '%s', 'movies', 'success', %d)", at, id(key), n))
		}
		count(4, 100+15*d) // of 600: reaches it on day 34
		count(5, 200+(d*37)%11)
		count(6, 700)
	}
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeysHour)+" (minute, key_id, service, outcome, requests, quota_limit, quota_low, quota_window) VALUES "+strings.Join(told, ", "))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.Keys)+" (minute, key_id, service, outcome, requests) VALUES "+strings.Join(
			counted, ", "))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeysHour)+" (minute, key_id, service, outcome, requests) SELECT minute, key_id, service, outcome, requests FROM "+s.Table(schema.Keys))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table("key_labels")+" (key_id, name, revision) VALUES ('"+id(4)+"', 'ACME', 1)")
	// Headers win over the file, which has a limit for everybody else.
	file, err := limit.ParseFile("limits.yaml",
		[]byte("tiers: {gold: 600/1m}\nkeys: {ACME: gold, "+id(5)+": 600/1m, "+id(1)+": 5/1m}\nothers: gold\n"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := limits.HeadroomOf(t.Context(), s, report.TimeRange{From: from, To: from.AddDate(0, 0, 30)},
		report.Filter{}, file)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 6 || list[0].Key != id(6) || *list[0].DaysLeft != 0 || list[0].Breach != nil {
		t.Fatalf("got %+v; want six keys, the one that is over first", list)
	}
	want := map[string]int{id(1): 35, id(4): 34}
	for _, h := range list[1:] {
		day, grows := want[h.Key]
		switch {
		case grows != (h.Breach != nil):
			t.Errorf("got %+v; grows: %t", h, grows)
		case grows:
			if off := h.Breach.Sub(from.AddDate(0, 0, day)).Hours() / 24; off < -1 || off > 1 {
				t.Errorf("%+v: want day %d", h, day)
			}
		}
		if from := map[bool]string{true: "headers", false: "file"}[h.Key == id(1) || h.Key == id(2) ||
			h.Key == id(3)]; h.From != from || h.Days != 30 {
			t.Errorf("got %+v; want 30 days, told by %s", h, from)
		}
	}
	if list[1].Name != "ACME" || list[1].Limit != "600/1m" || list[1].Tier != "gold" {
		t.Errorf("got %+v; want ACME", list[1])
	}
}

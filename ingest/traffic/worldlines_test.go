package traffic

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// foldDay counts lines into the rows that a world gives, by reading them.
type foldDay struct {
	services map[string]*ServiceMinute
	keys     map[string]*keyRows
}

func (f *foldDay) add(t *testing.T, line string) logged {
	l := scan(t, line)
	minute := l.TS.Truncate(time.Minute).Unix()
	if strings.HasPrefix(l.Service, "svc-") {
		id := l.Service + l.TS.Format("15:04")
		if f.services[id] == nil {
			f.services[id] = &ServiceMinute{Minute: minute, Service: l.Service}
		}
		s := f.services[id]
		s.N++
		switch l.Status {
		case 504:
			s.Timeout++
		case 503:
			s.Offline++
		case 500:
			s.Internal++
		case 502:
			s.ServerErr++
		}
	}
	if l.Service == "api" {
		if f.keys[l.Key] == nil {
			f.keys[l.Key] = newKeyRows(l.Key, l.Service)
		}
		f.keys[l.Key].add(l.TS.Unix(), statuses[l.Code].outcome, l.Code, 1, l.IP, l.UserAgent)
	}
	return l
}

// scan reads a line of a world, whose values hold no escapes; encoding/json
// would take most of the test's time.
func scan(t *testing.T, line string) (l logged) {
	field := func(name string) string {
		_, rest, _ := strings.Cut(line, `"`+name+`":`)
		if text, quoted := strings.CutPrefix(rest, `"`); quoted {
			text, _, _ = strings.Cut(text, `"`)
			return text
		}
		if end := strings.IndexAny(rest, ",}"); end >= 0 {
			return rest[:end]
		}
		return ""
	}
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if text != "" && err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		return n
	}
	ts, err := time.Parse(time.RFC3339, field("ts"))
	if err != nil {
		t.Fatal(err)
	}
	return logged{TS: ts, Service: field("service"), Status: number(field("status")),
		Code: uint16(number(field("code"))),
		Key:  field("api_key"), IP: field("client_ip"), UserAgent: field("user_agent")}
}

// Folding a day's lines gives the world's rows of that day, in order or
// delivered late.
func TestLinesFoldToTheRows(t *testing.T) {
	w := testWorld(t, WorldConfig{Kind: Rough, Seed: 4, Days: 3, WarmUp: 1, Services: 4, Keys: 60, Clients: 7,
		Means: []float64{6, 30}})
	for _, delayed := range []bool{false, true} {
		lines, err := w.Day(1)
		if err != nil {
			t.Fatal(err)
		}
		var source Source = lines
		if delayed {
			source = NewDelivery(lines, RealDelivery(1))
		}
		f := foldDay{map[string]*ServiceMinute{}, map[string]*keyRows{}}
		var newest int64
		late := 0
		for line, at, _, ok := source.Next(nil); ok; line, at, _, ok = source.Next(line[:0]) {
			l := f.add(t, string(line))
			if at < newest-2*maxSkew {
				t.Fatalf("line arrives at %d after one at %d", at, newest)
			}
			newest = max(newest, at)
			if at-l.TS.UnixMilli() > 3_600_000 {
				late++
			}
		}
		if delayed != (late > 0) {
			t.Errorf("delayed %v: %d lines more than an hour late", delayed, late)
		}
		from, to := w.at(1440), w.at(2880)
		for i := range w.Services() {
			var want, got []ServiceMinute
			for _, row := range w.Service(i).Rows {
				if row.Minute >= from && row.Minute < to && row.N > 0 {
					want = append(want, row)
				}
			}
			for _, row := range f.services {
				if row.Service == w.ServiceName(i) {
					got = append(got, *row)
				}
			}
			slices.SortFunc(got, func(a, b ServiceMinute) int { return int(a.Minute - b.Minute) })
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("service %d (-world +lines):\n%s", i, d)
			}
		}
		var all []KeySeries
		for i := range w.Keys() {
			all = append(all, w.Key(i))
		}
		for i := range w.DeadKeys() {
			all = append(all, w.DeadKey(i))
		}
		for _, s := range all {
			want := slices.DeleteFunc(slices.Clone(s.Rows),
				func(k KeyMinute) bool { return k.Minute < from || k.Minute >= to })
			if len(want) == 0 {
				continue
			}
			if d := cmp.Diff(want, f.keys[s.Key].sorted()); d != "" {
				t.Errorf("%s key (-world +lines):\n%s", s.Class, d)
			}
		}
		if lines.Records < 10_000 {
			t.Errorf("got %d lines; want a busy day", lines.Records)
		}
	}
}

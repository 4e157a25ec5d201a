package store

import (
	"strings"
	"testing"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// daysOf are the options of a span of whole days, day0 being the first.
func daysOf(from, to int) SpanOptions {
	return SpanOptions{AuditOptions: AuditOptions{Now: time.Unix(int64(minuteOf(400, 0)), 0)},
		From: time.Unix(int64(minuteOf(from, 0)), 0), To: time.Unix(int64(minuteOf(to, 0)), 0),
		Tables: []schema.Table{schema.KeysHour}, MaxAge: 30 * 24 * time.Hour, MaxAhead: 10 * time.Minute}
}

func spanAudited(t *testing.T, s *Store, o SpanOptions) *SpanAudit {
	t.Helper()
	found, err := s.AuditSpan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A span's offsets are those of the blocks that reach into it, those that follow
// each other as one range; nothing is missing.
func TestSpanOfHealthy(t *testing.T) {
	found := spanAudited(t, healthy(t), daysOf(0, 1))
	if len(found.Missing) > 0 || found.Rejected != 3 || len(found.Ranges) != 1 {
		t.Fatalf("got %+v; want one range, nothing missing", found)
	}
	if r := found.Ranges[0]; r.First != 100 || r.End != 400 || r.Partition != 3 || r.Kind != block.KindBlock ||
		r.ConfigHash != "h" {
		t.Errorf("got %+v", r)
	}
}

// What makes a span doubtful is said: a hole and a gap that could hold responses of
// it, rows that are gone, rows that have expired, a span that is not over.
func TestSpanSaysWhatIsMissing(t *testing.T) {
	s := healthy(t)
	for _, first := range []int64{500, 700} { // [400, 500) is missing, [600, 700) a gap
		id, c := blockOf(first, first+100, 2, 10)
		write(t, s, id, c)
	}
	id, c := blockOf(600, 700, 1, 1)
	gap := stored(id, c)
	gap.Kind, gap.Responses, gap.Days, gap.Records = block.KindGap, 0, nil, 0
	if err := s.WriteLedger(t.Context(), gap, free); err != nil {
		t.Fatal(err)
	}
	expiring := daysOf(0, 1)
	expiring.TTL = schema.TTL{MinuteDays: 30, HourDays: 395}
	for name, x := range map[string]struct {
		o    SpanOptions
		want []string
	}{
		"hole and gap": {daysOf(0, 1), []string{"access/3 epoch 1 [600,700): a gap",
			"access/3 epoch 1 [400,500): no block or gap covers these offsets"}},
		"expired": {expiring, []string{"2024-10-04: the rows of keys_hour have expired", "a gap", "no block"}},
		"not over": {daysOf(0, 3),
			[]string{"the span is not over: the newest stored response is of 2024-10-05 01:01 UTC", "a gap",
				"no block"}},
		"long before": {daysOf(-60, -40), nil},
	} {
		found := spanAudited(t, s, x.o)
		if len(found.Missing) != len(x.want) {
			t.Errorf("%s: got %q; want %q", name, found.Missing, x.want)
			continue
		}
		for i, want := range x.want {
			if !strings.Contains(found.Missing[i], want) {
				t.Errorf("%s: got %q; want %q", name, found.Missing[i], want)
			}
		}
	}
	if err := s.Exec(t.Context(),
		"ALTER TABLE "+s.Table(schema.KeysHour)+" DELETE WHERE toDate(minute) = '2024-10-04' SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	found := spanAudited(t, s, daysOf(0, 1))
	if !strings.Contains(strings.Join(found.Missing, "\n"), "keys_hour on 2024-10-04: got 0 responses") {
		t.Errorf("rows are gone: got %q", found.Missing)
	}
}

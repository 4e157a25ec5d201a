package store

import (
	"testing"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Hours of every table of counts are deleted and rewritten, whatever the
// tokens of before, and a block's rejects; the other days stay what they are.
func TestRebuildSpans(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 200, 3, 10)
	write(t, s, id, c)
	other := id
	other.Partition++
	theirs := c.Rejects[0]
	theirs.Partition = other.Partition
	if err := s.WriteRows(t.Context(), other, &block.Contents{Rejects: []block.RejectRow{theirs}}, free); err != nil {
		t.Fatal(err)
	}
	span := []Span{{From: minuteOf(1, 60), Until: minuteOf(1, 120)}}
	if err := s.DeleteSpans(t.Context(), span); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rollups() {
		table := schema.Table(r.Name)
		within := number(t, s, "(SELECT count() FROM "+s.Table(table)+" WHERE toDate(minute) = toDate(?))",
			minuteOf(1, 0))
		if all := count(t, s, table); within != 0 || all != 2 {
			t.Errorf("%s: got %d rows of the span and %d in all; want 0 and 2", table, within, all)
		}
	}
	if err := s.DeleteRejects(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, schema.Rejects); n != 1 {
		t.Errorf("got %d rejects; want the other partition's", n)
	}
	if err := s.DeleteRejects(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.WriteSpans(t.Context(), id, "anew", c, span); err != nil {
			t.Fatal(err)
		}
	}
	if report := audited(t, s, AuditOptions{}); !report.OK() {
		t.Errorf("written anew: the audit finds %v", report.Differences)
	}
	if got := span[0].String(); got != "2024-10-05 01:00 to 2024-10-05 02:00" {
		t.Errorf("got %q", got)
	}
}

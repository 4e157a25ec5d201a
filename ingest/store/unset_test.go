package store

import (
	"slices"
	"testing"

	"statline/ingest/schema"
)

// A column that is its type's default in every row of an INSERT is not sent; one that
// is not in a single row is.
func TestUnsetColumnsAreNotSent(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 200, 1, 10)
	rows := slices.Clone(c.Rows.Responses)
	for i := range rows {
		rows[i].UpstreamBuckets, rows[i].UpstreamCounts = nil, nil
	}
	c.Rows.Responses = rows
	sent := func() map[schema.Column]bool {
		names := map[schema.Column]bool{}
		for _, j := range s.jobs(id, c, nil) {
			if j.table == "responses" {
				for _, column := range j.told(&scratch{}) {
					names[column.name] = true
				}
			}
		}
		return names
	}
	if names := sent(); names["upstream"] || names["error_type"] || !names["minute"] || !names["requests"] {
		t.Errorf("got %v; want what is set, and no upstream and no error_type", names)
	}
	rows[len(rows)-1].UpstreamBuckets, rows[len(rows)-1].UpstreamCounts = []uint16{7}, []uint64{1}
	if names := sent(); !names["upstream"] {
		t.Error("a column that is set in one row is not sent")
	}
}

package store

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// Listing and counting by every filter; a reject written again by another
// insert, as after a replay, is listed once.
func TestRejects(t *testing.T) {
	s := open(t)
	ms := int64(minuteOf(0, 0)) * 1000
	begin := time.Now().Truncate(time.Second).Add(-30 * time.Minute)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute).UTC() }
	reject := func(partition int32, offset int64, reason string) block.RejectRow {
		return block.RejectRow{Partition: partition, Offset: offset, RecordUnixMilli: ms + offset, Reason: reason,
			Raw: "x"}
	}
	for i, c := range []struct {
		topic   string
		rejects []block.RejectRow
	}{
		{"access", []block.RejectRow{reject(0, 5, "syntax"), reject(0, 7, "no_time")}},
		{"access", []block.RejectRow{reject(1, 5, "syntax")}},
		{"other", []block.RejectRow{reject(0, 5, "syntax")}},
		{"access", []block.RejectRow{reject(0, 5, "syntax")}}, // again
	} {
		id := block.ID{Cluster: "c", Topic: c.topic, Epoch: 1, First: int64(i), End: int64(i) + 1}
		if err := s.WriteRows(t.Context(), id, &block.Contents{Rejects: c.rejects, DeclaredUnix: at(i).Unix()},
			free); err != nil {
			t.Fatal(err)
		}
	}
	one, five, epoch := int32(1), int64(5), uint32(2)
	for name, test := range map[string]struct {
		filter RejectFilter
		want   string
	}{
		"all":         {RejectFilter{}, "access/0/5 access/0/7 access/1/5 other/0/5"},
		"limit":       {RejectFilter{Limit: 2}, "access/0/5 access/0/7"},
		"cluster":     {RejectFilter{Cluster: "d"}, ""},
		"topic":       {RejectFilter{Topic: "other"}, "other/0/5"},
		"reason":      {RejectFilter{Reason: "no_time"}, "access/0/7"},
		"epoch":       {RejectFilter{Epoch: &epoch}, ""},
		"partition":   {RejectFilter{Partition: &one}, "access/1/5"},
		"offset":      {RejectFilter{Topic: "access", Offset: &five}, "access/0/5 access/1/5"},
		"not a quote": {RejectFilter{Reason: "' OR 1 = 1 --"}, ""},
	} {
		list, err := s.Rejects(t.Context(), test.filter)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.Topic+"/"+strconv.Itoa(int(r.Partition))+"/"+strconv.FormatInt(r.Offset, 10))
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	counts, err := s.CountRejects(t.Context(), RejectFilter{Topic: "access"})
	if err != nil {
		t.Fatal(err)
	}
	want := []RejectCount{
		{Topic: "access", Reason: "syntax", Rejects: 2, First: at(1), Last: at(3)},
		{Topic: "access", Reason: "no_time", Rejects: 1, First: at(0), Last: at(0)},
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Rows come one by one, and the caller's error ends the query.
func TestEach(t *testing.T) {
	s := open(t)
	type row struct {
		N uint64 `ch:"number"`
	}
	var total uint64
	if err := Each(t.Context(), s, func(r *row) error { total += r.N; return nil }, "SELECT number FROM numbers(?)",
		1000); err != nil || total != 499_500 {
		t.Errorf("got %d, %v", total, err)
	}
	seen := 0
	err := Each(t.Context(), s, func(*row) error {
		if seen++; seen == 3 {
			return block.ErrFenced
		}
		return nil
	}, "SELECT number FROM numbers(1000000)")
	if err != block.ErrFenced || seen != 3 {
		t.Errorf("got %v after %d rows", err, seen)
	}
	if err := Each(t.Context(), s, func(*row) error { return nil },
		"SELECT number FROM nothing"); retry.ClassOf(err) != retry.Permanent {
		t.Errorf("got %v", err)
	}
}

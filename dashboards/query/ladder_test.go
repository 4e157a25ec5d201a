package query_test

import (
	"fmt"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/dashboards/query"
	"statline/ingest/block"
	"statline/ingest/store/storetest"
)

// What each limit would refuse is counted by hand here: a key of two services is one
// caller, each minute begins anew, and who was refused already is told from who was not.
func TestTriedLimits(t *testing.T) {
	s := storetest.Open(t)
	begin := time.Now().UTC().Truncate(time.Minute).Add(-20 * time.Minute)
	table := aggregate.New(aggregate.DefaultConfig())
	n := 0
	for _, of := range []struct {
		key, minute, count int
		service            string
		status             int16
	}{
		{1, 0, 15, "movies", 200}, {1, 0, 10, "search", 200}, // 25 in its minute
		{1, 1, 10, "movies", 200},
		{2, 0, 30, "movies", 200}, {2, 0, 5, "movies", 429}, // 35, refused today
		{3, 0, 9, "movies", 200}, {3, 1, 9, "movies", 200}, // never 10 a minute
		{0, 0, 500, "movies", 200}, // no key
	} {
		for range of.count {
			var r classify.Response
			r.Reset()
			r.UnixMilli = begin.Add(time.Duration(of.minute) * time.Minute).UnixMilli()
			r.Service, r.Status = []byte(of.service), of.status
			if of.key > 0 {
				r.Key = classify.KeyID{15: byte(of.key)}
			}
			table.Add(&r, classify.Builtin().Decide(&r), aggregate.Position{Offset: int64(n)})
			n++
		}
	}
	c := &block.Contents{Rows: table.Rows(), Records: uint64(n), Responses: uint64(n)}
	id := block.ID{Cluster: "c", Topic: "access", End: int64(n)}
	if err := s.WriteRows(t.Context(), id, c, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	ask := func(p query.Params) (got []string) {
		read(t, s, query.TriedLimits(), p, func(scan func(...any) error) error {
			var allowed, keys, clean, requests, minutes uint64
			var share float64
			err := scan(&allowed, &keys, &clean, &requests, &share, &minutes)
			got = append(got, fmt.Sprintf("%d: %d keys, %d clean, %d requests (%.4f), %d minutes",
				allowed, keys, clean, requests, share, minutes))
			return err
		})
		return got
	}
	want := []string{
		"10: 2 keys, 1 clean, 40 requests (0.4545), 2 minutes",
		"20: 2 keys, 1 clean, 20 requests (0.2273), 2 minutes",
		"30: 1 keys, 0 clean, 5 requests (0.0568), 1 minutes",
	}
	if got := ask(query.Params{From: begin.Add(-time.Hour), To: time.Now()}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := ask(query.Params{From: begin.Add(-72 * time.Hour), To: time.Now()}); got != nil {
		t.Errorf("over three days: got %q; want nothing", got)
	}
}

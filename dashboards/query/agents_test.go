package query_test

import (
	"fmt"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/agent"
	"statline/classify/aggregate"
	"statline/dashboards/query"
	"statline/ingest/block"
	"statline/ingest/store/storetest"
)

// The board's numbers are those of the responses: what each agent asked, what failed,
// what was refused, and about how many keys.
func TestAgentsOfResponses(t *testing.T) {
	s := storetest.Open(t)
	begin := time.Now().UTC().Truncate(time.Minute).Add(-20 * time.Minute)
	table, m := aggregate.New(aggregate.DefaultConfig()), agent.New()
	n := 0
	for _, from := range []struct {
		header, service string
		status          int16
		count, keys     int
	}{
		{"okhttp/4.12.0", "movies", 200, 80, 40}, {"okhttp/4.12.9", "movies", 504, 15, 15}, {"okhttp/4.12.0", "search", 429, 5, 1},
		{"Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "movies", 404, 30, 0},
		{"nobody's/1.0", "movies", 200, 7, 7}, {"", "movies", 200, 11, 11},
	} {
		for i := range from.count {
			var r classify.Response
			r.Reset()
			r.UnixMilli = begin.Add(time.Duration(i%10) * time.Minute).UnixMilli()
			r.Service, r.Status = []byte(from.service), from.status
			r.Agent = m.Of([]byte(from.header))
			if from.keys > 0 {
				r.Key = classify.KeyID{0: 1, 15: byte(i % from.keys)}
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
	p := query.Params{From: begin.Add(-time.Hour), To: time.Now()}
	var got []string
	read(t, s, query.Agents(), p, func(scan func(...any) error) error {
		var class, name, services string
		var n, bad, limited, server, keys uint64
		var share float64
		err := scan(&class, &name, &n, &bad, &share, &limited, &server, &keys, &services)
		got = append(got, fmt.Sprintf("%s %s: %d of %d (%.2f) %d %d, %d keys, %s",
			class, name, bad, n, share, limited, server, keys, services))
		return err
	})
	want := []string{
		"ai GPTBot: 30 of 30 (1.00) 0 0, 0 keys, movies",
		"sdk okhttp/4.12: 20 of 100 (0.20) 5 15, 43 keys, movies, search", // 40 keys, of which each has a bit
		"unknown unknown: 0 of 7 (0.00) 0 0, 7 keys, movies",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	read(t, s, query.AgentsTold(), p, func(scan func(...any) error) error {
		var told float64
		var unknown *float64
		if err := scan(&told, &unknown); err != nil {
			return err
		}
		if got := fmt.Sprintf("%.4f %.4f", told, *unknown); got != "0.9257 0.0511" {
			t.Errorf("got %s; want the shares of 137 of 148 and of 7 of 137", got)
		}
		return nil
	})
}

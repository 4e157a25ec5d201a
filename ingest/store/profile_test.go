package store

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"statline/ingest/retry"
	"statline/ingest/sandbox/faultproxy"
	"statline/ingest/schema"
)

// Promise: a profile that allows fewer table partitions in an INSERT than a
// block has does not keep it from being stored, as it was cut.
func TestProfileOfFewPartitions(t *testing.T) {
	p := newProxy(t)
	p.Impose(faultproxy.Rule{Settings: url.Values{partitionsInsert: {"1"}}})
	s := open(t, func(c *Config) { c.URL = p.URL() })
	id, c := blockOf(100, 200, 40, 10)
	write(t, s, id, c)
	checkSums(t, s, 40, 10)
	if got, err := s.Ledger(t.Context(), id.Cluster, id.Topic, id.Partition); err != nil || got.Last == nil {
		t.Errorf("got %+v, %v; want the stored block", got, err)
	}
	if n := s.Inserts(id, c); n != 1 {
		t.Errorf("got %d inserts a table; want the cut to be its own", n)
	}
}

// Promise: what such a profile does not let us set is refused at the start, and
// in the middle of it, with what to do.
func TestProfileFixed(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		profileSetting
		sends, refused bool
	}{
		{profileSetting{Value: "100"}, true, false},
		{profileSetting{Value: "1"}, true, false},
		{profileSetting{Value: "1", Max: text("100")}, true, false},
		{profileSetting{Value: "1000", Min: text("500")}, false, false},
		{profileSetting{Value: "0", ReadOnly: 1}, false, false},
		{profileSetting{Value: "90", ReadOnly: 1}, false, false},
		{profileSetting{Value: "89", ReadOnly: 1}, false, true},
		{profileSetting{Value: "10", Max: text("50")}, false, true},
		{profileSetting{Value: "x", ReadOnly: 1}, false, true},
	} {
		sent, err := test.partitions()
		if len(sent) > 0 != test.sends || (retry.ClassOf(err) == retry.Permanent) != test.refused {
			t.Errorf("%+v: got %v, %v; want sent %t, refused %t", test.profileSetting, sent, err, test.sends,
				test.refused)
		}
		if test.refused && !strings.Contains(err.Error(), "set max_partitions_per_insert_block to 100 or more") {
			t.Errorf("%+v: got %v; want what to do", test.profileSetting, err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w,
			"Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 1). (TOO_MANY_PARTS)",
			http.StatusInternalServerError)
	}))
	defer server.Close()
	s, err := connect(Config{URL: server.URL, Database: "d", InsertTimeout: DefaultConfig().InsertTimeout, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.known.Store(&schema.Layout{})
	id, c := blockOf(100, 200, 2, 10)
	if err := s.WriteRows(t.Context(), id, c, free); retry.ClassOf(err) != retry.Permanent ||
		!strings.Contains(err.Error(), partitionsAdvice) {
		t.Errorf("got %v (%s); want permanent, with what to do", err, retry.ClassOf(err))
	}
}

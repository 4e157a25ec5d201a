package main

import (
	"slices"
	"strings"
	"testing"

	"statline/ingest/traffic"
)

// reach is what the run knows of one partition, 3.
func reach(stable, committed, stored int64) known {
	return known{
		offsets: map[int32]traffic.Offsets{3: {Stable: stable, End: stable, Committed: committed}},
		ledger:  map[int32]int64{3: stored},
	}
}

func saying(p partitionClaim) statusClaim {
	p.Partition = 3
	return statusClaim{code: 200, Ready: true, Partitions: []partitionClaim{p}}
}

// Each thing that an instance can say and that is not so is found, and what is
// so is not.
func TestUntrueStatus(t *testing.T) {
	old := map[int32]traffic.Offsets{3: {Stable: 80, End: 85}}
	for _, c := range []struct {
		name string
		says statusClaim
		old  map[int32]traffic.Offsets
		want string // a part of it; "": true
	}{
		{"true", saying(partitionClaim{Next: 40, End: 90, High: 100, Lag: 50, LagHigh: 60}), old, ""},
		{"true, with rows missing", saying(partitionClaim{Next: 70, End: 90, High: 90, Lag: 25, LagHigh: 25, Missing: 5}), old, ""},
		{"a partition not asked for yet", saying(partitionClaim{Next: -1}), old, ""},
		{"ready by its code alone", statusClaim{code: 200}, nil, "ready: false"},
		{"an unhealthy one", statusClaim{code: 503, healthz: 503}, nil, "/healthz answers 503"},
		{"ready and waiting", statusClaim{code: 200, Ready: true, Waiting: "for Kafka"}, nil, "for Kafka"},
		{"another lag", saying(partitionClaim{Next: 40, End: 90, High: 90}), nil, "lag 0"},
		{"what is missing is no lag", saying(partitionClaim{Next: 40, End: 90, High: 90, Lag: 50, LagHigh: 50, Missing: 5}), nil, "missing 5"},
		{"a transaction hides its records", saying(partitionClaim{Next: 40, End: 90, High: 100, Lag: 50}), nil, "high watermark 0"},
		{"an end beyond the log's", saying(partitionClaim{Next: 40, End: 101, High: 101, Lag: 61, LagHigh: 61}), nil, "the log ends at 100"},
		{"done and not stored", saying(partitionClaim{Next: 61, End: 90, High: 90, Lag: 29, LagHigh: 29}), nil, "below 60"},
		{"a hidden lag", saying(partitionClaim{Next: 40, End: 40, High: 90, LagHigh: 50}), old, "ended at 80"},
		{"a hidden transaction", saying(partitionClaim{Next: 40, End: 80, High: 80, Lag: 40, LagHigh: 40}), old, "ended at 80 and 85"},
	} {
		got := untrueStatus(c.says, c.old, reach(100, 60, 60))
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: got %q; want %q", c.name, got, c.want)
		}
	}
}

// The audit's group, ends and verdict are each compared.
func TestUntrueAudit(t *testing.T) {
	type group = struct {
		Committed int64 `json:"committed"`
		Lag       int64 `json:"lag_records"`
	}
	made := func(end, committed, lag int64) audit {
		a := audit{OK: true, Group: map[int32]group{3: {committed, lag}}}
		a.Partitions = append(a.Partitions, struct {
			Partition int32 `json:"partition"`
			End       int64 `json:"end"`
		}{3, end})
		return a
	}
	before, after := reach(100, 60, 60), reach(110, 70, 80)
	for _, c := range []struct {
		name string
		says audit
		want string
	}{
		{"true", made(70, 65, 40), ""},
		{"the highest lag", made(60, 60, 50), ""},
		{"the least lag", made(80, 70, 30), ""},
		{"no lag", made(70, 65, 0), "lag 0"},
		{"an old end", made(59, 65, 40), "stored to 59"},
		{"an end that is not stored", made(81, 65, 40), "stored to 81"},
		{"an old commit", made(70, 59, 40), "committed 59"},
		{"a commit to come", made(70, 71, 40), "committed 71"},
		{"differences", func() audit { a := made(70, 65, 40); a.OK = false; return a }(), "0 differences"},
	} {
		got := untrueAudit(c.says, before, after)
		if c.want == "" && len(got) > 0 || c.want != "" &&
			!slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: got %q; want %q", c.name, got, c.want)
		}
	}
}

// Calm is: all ready, each partition with one owner and at its end.
func TestNotCalm(t *testing.T) {
	now := reach(100, 100, 100)
	done := saying(partitionClaim{Next: 100, End: 100, High: 100})
	if why := notCalm([]statusClaim{done}, now); why != "" {
		t.Errorf("got %q", why)
	}
	waiting := done
	waiting.Ready = false
	for name, claims := range map[string][]statusClaim{
		"not ready":  {waiting},
		"behind":     {saying(partitionClaim{Next: 90, End: 100, Lag: 10, LagHigh: 10})},
		"old end":    {saying(partitionClaim{Next: 90, End: 90})},
		"two owners": {done, done},
		"no owner":   {},
	} {
		if why := notCalm(claims, now); why == "" {
			t.Errorf("%s: calm", name)
		}
	}
}

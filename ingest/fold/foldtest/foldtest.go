// Package foldtest makes records for tests and adds up what a fold made of
// them.
package foldtest

import (
	"bytes"
	"fmt"
	"testing"

	"statline/ingest/block"
	"statline/ingest/traffic"
)

// Secret is the HMAC secret of tests.
var Secret = []byte("a secret of a test, long enough to be one")

// Lines makes n records of generated traffic, one in twenty of them malformed.
func Lines(t testing.TB, scenario string, n int) []block.Record {
	t.Helper()
	g, err := traffic.New(traffic.Config{Seed: 7, Scenario: scenario, Count: int64(n), Malformed: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	var rs []block.Record
	for {
		line, at, _, ok := g.Next(nil)
		if !ok {
			return rs
		}
		rs = append(rs, block.Record{Offset: int64(len(rs)) * 2, UnixMilli: at + 250, Value: bytes.Clone(line)})
	}
}

// Totals are what merging a block's rows adds up.
type Totals struct {
	Records, Responses, Rejected uint64
	Sums                         map[string]uint64
}

// Add adds a block.
func (s *Totals) Add(c *block.Contents) {
	s.Records += c.Records
	s.Responses += c.Responses
	s.Rejected += c.Rejected
	if s.Sums == nil {
		s.Sums = map[string]uint64{}
	}
	for _, r := range c.Rows.Responses {
		key := fmt.Sprint("response/", r.Minute, r.Service, r.Route, r.Method, r.HTTPStatus, r.Code, r.Outcome,
			r.DecidedBy, r.Blame)
		s.Sums[key] += r.Requests
		s.Sums[key+"/bytes"] += r.Bytes
		s.Sums[key+"/drift"] += r.Drift
		s.Sums[key+"/micros"] += r.LatencyMicros
		for i, b := range r.LatencyBuckets {
			s.Sums[fmt.Sprint(key, "/", b)] += r.LatencyCounts[i]
		}
	}
	for _, r := range c.Rows.Services {
		s.Sums[fmt.Sprint("service/", r.Minute, r.Service, r.Outcome)] += r.Requests
	}
	for _, r := range c.Rows.Keys.All() {
		key := fmt.Sprint("key/", r.Minute, r.Key, r.Service, r.Outcome, r.Code)
		s.Sums[key] += r.Requests
		s.Sums[key+"/slots"] |= r.Slots
	}
	for _, r := range c.Rows.Clients.All() {
		s.Sums[fmt.Sprint("client/", r.Minute, r.ClientIP, r.Outcome, r.Code)] += r.Requests
	}
	for _, d := range c.Rows.Days {
		s.Sums[fmt.Sprint("day/", d.Day)] += d.Responses
	}
	for _, r := range c.Rejects {
		s.Sums[fmt.Sprint("reject/", r.Offset, r.Index, r.Reason, r.Raw)]++
	}
}

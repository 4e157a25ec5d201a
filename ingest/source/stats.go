package source

import "sync/atomic"

// counters are the client's own; Stats is a copy of them.
type counters struct {
	fetches, fetchErrors, wireBytes, records, holes atomic.Int64
	rebalances, heartbeats, heartbeatErrors         atomic.Int64
	commits, commitErrors, joinErrors               atomic.Int64
}

// Stats counts what a client has done since it was made.
type Stats struct {
	Fetches         int64 // fetch requests answered
	FetchErrors     int64 // fetch requests that failed or were refused
	WireBytes       int64 // record sets, as they came over the wire
	Records         int64 // records handed out
	Holes           int64 // offsets without a record to hand out
	Rebalances      int64 // generations begun
	Heartbeats      int64 // accepted heartbeats
	HeartbeatErrors int64 // heartbeats that failed or were refused
	Commits         int64 // accepted commits
	CommitErrors    int64 // commits that failed or were refused
	JoinErrors      int64 // attempts to join that failed
}

// Turns grows with each turn of the loops that keep this process in its group:
// heartbeats and attempts to join, successful or not.
func (c *Client) Turns() int64 {
	if c.group != nil {
		return c.group.c.Turns()
	}
	s := &c.stats
	return s.rebalances.Load() + s.heartbeats.Load() + s.heartbeatErrors.Load() + s.joinErrors.Load()
}

// Stats returns the counters as of now.
func (c *Client) Stats() Stats {
	s := &c.stats
	return Stats{
		Fetches: s.fetches.Load(), FetchErrors: s.fetchErrors.Load(), WireBytes: s.wireBytes.Load(),
		Records: s.records.Load(), Holes: s.holes.Load(),
		Rebalances: s.rebalances.Load(), Heartbeats: s.heartbeats.Load(), HeartbeatErrors: s.heartbeatErrors.Load(),
		Commits: s.commits.Load(), CommitErrors: s.commitErrors.Load(), JoinErrors: s.joinErrors.Load(),
	}
}

package source

import "sync/atomic"

// counters count what a client has done since it was made; see metrics.
type counters struct {
	fetches, fetchErrors, wireBytes, records, holes atomic.Int64
	rebalances, heartbeats, heartbeatErrors         atomic.Int64
	commits, commitErrors, joinErrors               atomic.Int64
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

package detect

// Restored is what the table incidents knows of one entity and rule at a minute
// at which its state is rebuilt.
type Restored struct {
	Rule string
	// Open is the incident that was open then, with Requests and Affected as of
	// then; nil for none.
	Open *Incident
	// LastClose is when the one before closed, LastOpened when the newest one
	// opened; 0 for none.
	LastClose, LastOpened Minute
	// Shifted is when the newest incident that ended as baseline_shifted
	// closed, 0 for none.
	Shifted Minute
}

func (e *Episode) restore(r Restored, lastBad Minute) {
	*e = Episode{lastClose: r.LastClose}
	if r.Open != nil {
		inc := *r.Open
		inc.State, inc.ClosedAs, inc.ClosedAt = Open, "", 0
		e.inc, e.lastBad = &inc, lastBad
	}
}

// recallMinutes is how far back a restored state counts calm minutes.
const recallMinutes = 60

// Restore sets the settled state of a service at minute at, whose history up to
// then is complete. The incidents' minutes must have been masked (Mask). alive
// says whether any service had traffic in a minute.
func (s *Service) Restore(at Minute, known []Restored, alive func(Minute) bool) {
	s.Settled = ServiceState{At: at}
	for t := at; t > at-recallMinutes && !alive(t); t-- {
		s.Settled.dead++
	}
	for _, r := range known {
		switch r.Rule {
		case ruleTimeout:
			s.restoreSpike(seriesTimeout, r, at, alive)
		case ruleOutage:
			s.restoreSpike(seriesOffline, r, at, alive)
		case ruleSLO:
			s.Settled.slo.Episode.restore(r, 0)
		case ruleDrop:
			s.Settled.drop.Episode.restore(r, 0)
		}
	}
	s.cfg.SLO.recall(s.History, &s.Settled.slo, at, s.objective)
	s.cfg.Drop.recall(s.History, &s.Settled.drop, at, alive)
}

func (s *Service) restoreSpike(series int, r Restored, at Minute, alive func(Minute) bool) {
	st := &s.Settled.spikes[series]
	st.lastClose = r.LastClose
	if r.Shifted > 0 {
		st.since, st.lifted = r.Shifted-60, r.Shifted
	}
	if r.Open == nil {
		return
	}
	s.spike.refresh(s.History, st, series, r.Open.OpenedAt) // the baseline rests since then
	st.open, st.inc = true, *r.Open
	st.inc.State, st.inc.ClosedAs, st.inc.ClosedAt = Open, "", 0
	for t := max(at-recallMinutes, r.Open.OpenedAt) + 1; t <= at; t++ {
		s.spike.tally(s.History, st, series, t, alive(t))
	}
}

// Mask keeps an incident of a rule out of the baselines, when a history is
// rebuilt. closed is the last minute known for one that is still open.
func (s *Service) Mask(rule string, opened, closed Minute) {
	switch rule {
	case ruleTimeout:
		s.History.mask(seriesTimeout, opened-SettleMinutes, closed)
	case ruleOutage:
		s.History.mask(seriesOffline, opened-SettleMinutes, closed)
	}
}

// Restore is the state of a key at minute at, from its rows.
func (k *Key) Restore(at Minute, known []Restored) (s KeyState) {
	last := func(bad func(*KeyMinute) bool) (m Minute) {
		for i := range k.Rows {
			if r := &k.Rows[i]; r.Minute <= at && bad(r) {
				m = r.Minute
			}
		}
		return m
	}
	for _, r := range known {
		switch r.Rule {
		case ruleRate:
			s.Rate.restore(r, last(func(r *KeyMinute) bool { return r.RateLimited > 0 }))
		case ruleDead:
			s.Dead.restore(r, last(func(r *KeyMinute) bool { return r.Dead > 0 && r.Success == 0 }))
		case ruleInvalid:
			s.Invalid.restore(r, last(func(r *KeyMinute) bool { return r.Invalid > 0 }))
		}
	}
	return s
}

// Restore sets the settled state of a client at minute at, from its rows.
func (c *Client) Restore(at Minute, known []Restored) {
	c.Settled = ClientState{}
	last := func(bad func(*ClientMinute) bool) (m Minute) {
		for i := range c.Rows {
			if r := &c.Rows[i]; r.Minute <= at && bad(r) {
				m = r.Minute
			}
		}
		return m
	}
	for _, r := range known {
		switch r.Rule {
		case ruleScan:
			c.Settled.Scan.restore(r, last(func(r *ClientMinute) bool { return r.Invalid > 0 }))
		case ruleStuffing:
			c.Settled.Stuffing.restore(r, last(func(r *ClientMinute) bool { return r.AuthFailed > 0 }))
		}
	}
}

// Restore sets the settled state of a contract pair at minute at, from its rows.
func (c *Contract) Restore(at Minute, known []Restored) {
	c.Settled = ContractState{}
	var last Minute
	for _, r := range c.Rows {
		if r.Minute <= at && r.Count > 0 {
			last = r.Minute
		}
	}
	for _, r := range known {
		if r.Rule == ruleContract {
			c.Settled.Drift.restore(r, last)
			c.Settled.lastOpened = r.LastOpened
		}
	}
}

// Remembers reports whether the state still matters at minute t though nothing
// is open: an incident closed within Memory.
func (s *KeyState) Remembers(t Minute) bool {
	return remembers(t, &s.Rate, &s.Dead, &s.Invalid)
}

// Remembers is like that of KeyState.
func (s *ClientState) Remembers(t Minute) bool { return remembers(t, &s.Scan, &s.Stuffing) }

// Remembers is like that of KeyState.
func (s *ContractState) Remembers(t Minute) bool { return remembers(t, &s.Drift) }

func remembers(t Minute, episodes ...*Episode) bool {
	for _, e := range episodes {
		if e.IsOpen() || e.lastClose > 0 && e.lastClose > t-Memory {
			return true
		}
	}
	return false
}

package detect

// Restored is what the table incidents has of one entity and rule at the minute at
// which its state is rebuilt.
type Restored struct {
	Rule string
	// Open is the incident that was open then, with Requests and Affected as of
	// then; nil for none.
	Open *Incident
	// LastClose is when the one before closed, LastOpened when the newest one
	// opened; Before is when the one opened that closed at LastClose. 0 for none.
	LastClose, LastOpened, Before Minute
	// Shifted is when the newest incident that ended as baseline_shifted
	// closed, 0 for none.
	Shifted Minute
}

func (e *Episode) restore(r Restored, lastBad Minute) {
	*e = Episode{lastClose: r.LastClose, lastOpened: r.LastOpened, before: r.Before}
	if r.Open != nil {
		inc := *r.Open
		inc.State, inc.ClosedAs, inc.ClosedAt = Open, "", 0
		e.inc, e.lastBad = &inc, lastBad
	}
}

// recallMinutes is how far back a restored state counts calm minutes, which is
// longer than any rule waits for calm (at most 180) before it closes.
const recallMinutes = 360

// MinuteHistory is how many minutes before a restored state its history needs.
const MinuteHistory = 3*day + recallMinutes

// Restore sets the settled state of a service at minute at, whose history up to
// then is complete. The incidents' minutes must have been masked (Mask). alive
// says whether any service had traffic in a minute.
func (s *Service) Restore(at Minute, known []Restored, alive func(Minute) bool) {
	s.History.fill(at)
	s.Settled = ServiceState{At: at, seen: s.History.lastSeen(at)}
	for t := at; t > at-recallMinutes && s.Settled.gap == 0; t-- {
		if !alive(t) {
			s.Settled.gap = t
		}
	}
	for t := at; t > at-recallMinutes && t > s.Settled.seen; t-- {
		if alive(t) {
			s.Settled.silent++
		}
	}
	for _, r := range known {
		rule := ruleOf(r.Rule)
		switch {
		case rule == nil: // of another version of the program
		case rule.series != noSeries:
			s.restoreSpike(rule.series, r, at, alive)
		case r.Rule == ruleSLO:
			s.Settled.slo.Episode.restore(r, 0)
		case r.Rule == ruleDrop:
			s.Settled.drop.Episode.restore(r, 0)
		case r.Rule == ruleSurge:
			s.Settled.surge.Episode.restore(r, 0)
		}
	}
	s.cfg.SLO.recall(s.History, &s.Settled.slo, at, s.objective)
	s.Settled.drop.recall(s.History, at, alive, s.cfg.Drop.calm)
	s.Settled.surge.recall(s.History, at, alive, s.cfg.Surge.calm)
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
	st.inc.roseUntil(at)
	for t := max(at-recallMinutes, r.Open.OpenedAt) + 1; t <= at; t++ {
		s.spike.tally(s.History, st, series, t, alive(t))
	}
}

// Mask excludes an incident of a rule from the baselines when a history is rebuilt.
// closed is the last known minute for one that is still open.
func (s *Service) Mask(rule string, opened, closed Minute) {
	if r := ruleOf(rule); r != nil && r.series != noSeries {
		s.History.mask(r.series, opened-SettleMinutes, closed)
	}
}

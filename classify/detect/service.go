package detect

import "slices"

// serviceRule says which responses of a service count against it in incidents of a
// rule, and which series of failures the rule watches: noSeries for none.
type serviceRule struct {
	name    string
	against func(c *Counts) uint64
	series  int
}

const noSeries = -1

var serviceRules = [...]serviceRule{
	{ruleTimeout, func(c *Counts) uint64 { return c.Timeout }, seriesTimeout},
	{ruleOutage, func(c *Counts) uint64 { return c.Offline }, seriesOffline},
	{ruleErrors, func(c *Counts) uint64 { return c.Errors() }, seriesErrors},
	{ruleSLO, func(c *Counts) uint64 { return c.Bad }, noSeries},
	{ruleDrop, func(*Counts) uint64 { return 0 }, noSeries}, // requests that are missing cannot be counted
	{ruleSurge, func(*Counts) uint64 { return 0 }, noSeries},
}

// ruleOf is the service rule of a name, nil for none.
func ruleOf(name string) *serviceRule {
	for i := range serviceRules {
		if serviceRules[i].name == name {
			return &serviceRules[i]
		}
	}
	return nil
}

// ServiceSum is what one minute of a service adds to an incident of a rule.
func ServiceSum(rule string, c *Counts) (requests, affected uint64) {
	if r := ruleOf(rule); r != nil {
		return c.N, r.against(c)
	}
	return 0, 0
}

// ServiceState is the state of all service detectors of one service at one
// minute. Copying it forks it: the copy may run ahead over minutes that are not
// final yet.
type ServiceState struct {
	At     Minute // last minute folded; 0 before the first
	spikes [seriesCount]spikeState
	slo    sloState
	drop   trafficState
	surge  trafficState
	gap    Minute // last minute without traffic of any service, 0 for none
	seen   Minute // last minute with a response of this one
	silent int    // minutes since then in which other services had some
}

// Service runs the service detectors (timeout_spike, outage,
// error_spike, slo_burn, traffic_drop, traffic_surge) of one service. It is not
// safe for concurrent use.
type Service struct {
	Name    string
	History *History
	Settled ServiceState
	// Late is how many minutes late the rows of this service come. Only previews use
	// it: a settled minute has all its rows.
	Late int

	cfg       *Config
	spike     SpikeConfig
	objective float64
	allowed   bool
}

// NewService makes the detectors of one service.
func NewService(name string, cfg *Config) *Service {
	s := &Service{Name: name, History: NewHistory(), cfg: cfg}
	s.spike, s.objective = cfg.serviceOf(name)
	s.allowed = cfg.allowed(ServiceEntity, name)
	return s
}

// Settle folds minute t, whose counts are final and set in History, into the
// settled state, and appends the incidents that it closed to closed. alive says
// whether any service had traffic in t: silence of everything is a gap in the
// log, not calm. Minutes are settled in order and without holes.
func (s *Service) Settle(t Minute, alive bool, closed []Incident) []Incident {
	return s.step(&s.Settled, t, alive, closed, true)
}

// Preview folds minute t into st, a copy of the settled state, without touching
// the history.
func (s *Service) Preview(st *ServiceState, t Minute, alive bool, closed []Incident) []Incident {
	return s.step(st, t, alive, closed, false)
}

func (s *Service) step(st *ServiceState, t Minute, alive bool, closed []Incident, settle bool) []Incident {
	if st.At == 0 {
		st.slo.fill(s.History, t-1)
	}
	st.At = t
	if !alive {
		st.gap = t
	}
	switch {
	case s.History.At(t).N > 0:
		st.seen, st.silent = t, 0
	case alive:
		st.silent++
	}
	if !s.allowed {
		now := minuteState{at: t, alive: alive, seen: st.seen, silent: st.silent, gap: st.gap}
		if !settle {
			now.late = s.Late
		}
		closed = s.stepSpikes(st, now, closed, settle)
		closed = s.cfg.SLO.step(s.History, &st.slo, s.Name, t, st.explained(), s.objective, closed)
		closed = s.cfg.Drop.step(s.History, &st.drop, s.Name, now, closed)
		closed = s.cfg.Surge.step(s.History, &st.surge, s.Name, now, closed)
	}
	if settle && (t+1)%blockMinutes == 0 {
		var masked uint8
		for i := range st.spikes {
			if sp := &st.spikes[i]; sp.open || sp.lastClose > t-blockMinutes {
				masked |= 1 << i
			}
		}
		s.History.closeBlock(t, masked)
	}
	return closed
}

// stepSpikes steps the series of failures. A burn of the budget that began with
// a rise ends with it: what burns afterwards is another one.
func (s *Service) stepSpikes(st *ServiceState, now minuteState, closed []Incident, settle bool) []Incident {
	for i := range st.spikes {
		sp := &st.spikes[i]
		inc, changed := s.spike.step(s.History, sp, i, s.Name, now)
		switch {
		case changed && sp.open: // just opened
			if settle {
				s.History.mask(i, now.at-SettleMinutes, now.at)
			}
		case changed:
			closed = append(closed, inc)
			its := st.slo.IsOpen() && st.slo.inc.OpenedAt > inc.OpenedAt-burnFollows
			if its && inc.ClosedAs != ClosedShifted && !st.rising() {
				closed = append(closed, st.slo.end(now.at, inc.ClosedAs))
			}
		}
	}
	return closed
}

// burnFollows is how many minutes before a rise is seen its burn may open.
const burnFollows = 60

// rising reports that an incident of any series is open.
func (st *ServiceState) rising() bool {
	return slices.ContainsFunc(st.spikes[:], func(sp spikeState) bool { return sp.open })
}

// explained is when the newest closed incident of any series closed, 0 for none:
// it explains what failed before.
func (st *ServiceState) explained() (at Minute) {
	for i := range st.spikes {
		at = max(at, st.spikes[i].lastClose)
	}
	return at
}

// Open appends the open incidents of st.
func (st *ServiceState) Open(list []Incident) []Incident {
	for i := range st.spikes {
		if st.spikes[i].open {
			list = append(list, st.spikes[i].inc)
		}
	}
	for _, e := range []*Episode{&st.slo.Episode, &st.drop.Episode, &st.surge.Episode} {
		if e.IsOpen() {
			list = append(list, *e.inc)
		}
	}
	return list
}

// Score is what the baseline says of one minute: a row of the table scores.
type Score struct {
	Series   string // timeout, offline, error
	N, K     uint64
	Expected float64 // failures expected in the minute
	Z        float64 // of the five minutes that end with it
}

// Scores returns the scores of the minute that st has just folded.
func (s *Service) Scores(st *ServiceState) [seriesCount]Score {
	var out [seriesCount]Score
	for i := range out {
		sp := &st.spikes[i]
		s.spike.refresh(s.History, sp, i, st.At)
		c := s.History.At(st.At)
		n, k, _, _ := s.History.window(i, st.At, 5, 0)
		_, z := sp.compare(s.History, i, 5, n, k)
		out[i] = Score{Series: seriesNames[i], N: c.N, K: c.k(i), Expected: float64(c.N) * sp.base.share, Z: z}
	}
	return out
}

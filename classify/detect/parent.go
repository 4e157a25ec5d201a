package detect

import "slices"

// Related reports that an incident of the kind can be the cause or the consequence of
// another one, as Attach knows it.
func Related(k Kind) bool {
	switch k {
	case TimeoutSpike, Outage, ErrorSpike, KeyScanning, CredentialStuffing, SLOBurn, TrafficDrop, InvalidKey,
		LatencyShift, PathScan, ClientFlood, NewError:
		return true
	}
	return false
}

// Attach sets the parent of every incident that another one of the list causes,
// so that one event is one line: a burn of the error budget, a second failure
// series and a drop of traffic belong to the spike or outage of their service,
// an unknown key belongs to the client that scans keys with it, a scan of a service
// to the client that does most of it, a flood of a client to its key's. Incidents that
// have a parent keep it. The list may hold open and closed incidents; those of
// kinds that are not Related may be left out.
func Attach(list []*Incident) {
	byService := map[string][]*Incident{}
	byClient := map[string][]*Incident{}
	var scans, floods []*Incident
	byID := make(map[string]*Incident, len(list))
	for _, i := range list {
		byID[i.ID] = i
		switch i.Kind {
		case TimeoutSpike, Outage, ErrorSpike:
			byService[i.Service] = append(byService[i.Service], i)
		case KeyScanning, CredentialStuffing:
			byClient[i.Entity] = append(byClient[i.Entity], i)
		case PathScan:
			scans = append(scans, i)
		case ClientFlood:
			floods = append(floods, i)
		}
	}
	slices.SortFunc(scans, before)
	slices.SortFunc(floods, before)
	for _, m := range []map[string][]*Incident{byService, byClient} {
		for _, l := range m {
			slices.SortFunc(l, before)
		}
	}
	for _, c := range list {
		if c.Parent != "" {
			continue
		}
		switch c.Kind {
		case SLOBurn:
			c.Parent = firstCause(byService[c.Service], c, burnFollows)
		case TrafficDrop, LatencyShift, NewError:
			c.Parent = firstCause(byService[c.Service], c, 30)
		case TimeoutSpike, Outage, ErrorSpike:
			c.Parent = earlier(byService[c.Service], c)
		case CredentialStuffing, KeyScanning:
			c.Parent = earlier(byClient[c.Entity], c)
		case PathScan:
			c.Parent = firstCause(those(scans, func(p *Incident) bool { return scansFor(p, c) }), c, missMinutes)
		case ClientFlood:
			c.Parent = firstCause(those(floods, func(p *Incident) bool { return floodsFor(p, c) }), c, floodMinutes)
		case InvalidKey:
			for _, ip := range c.Evidence.ClientIPs {
				if p := firstCause(byClient[ip], c, day); p != "" {
					c.Parent = p
					break
				}
			}
		}
	}
	for _, c := range list { // a child of a child belongs to the root
		for hops := 0; hops < 4 && c.Parent != ""; hops++ {
			p := byID[c.Parent]
			if p == nil || p.Parent == "" || p.Parent == c.ID {
				break
			}
			c.Parent = p.Parent
		}
	}
}

// coverGrace is how many minutes a closed cause still covers what it caused: the
// effects of an incident end a little later than itself.
const coverGrace = SettleMinutes

// Covers reports that whoever is told of p need not be told of c: p causes c, lasts as
// long as c, and is at least as severe.
func Covers(p, c *Incident) bool {
	if p.ID == c.ID || p.State == Withdrawn || p.OpenedAt > ended(c) {
		return false
	}
	if p.Severity.Rank() < c.Severity.Rank() && p.Evidence.Recurs == "" { // what recurs was made a ticket
		return false
	}
	if p.State != Open && (ended(p) < c.OpenedAt || ended(p)+coverGrace < ended(c)) {
		return false
	}
	switch c.Kind {
	case SLOBurn, TrafficDrop, LatencyShift, NewError:
		return rises(p.Kind) && p.Service == c.Service
	case TimeoutSpike, Outage, ErrorSpike:
		return rises(p.Kind) && p.Service == c.Service && before(p, c) < 0
	case CredentialStuffing, KeyScanning:
		return tries(p.Kind) && p.Entity == c.Entity && before(p, c) < 0
	case PathScan:
		return scansFor(p, c)
	case ClientFlood:
		return floodsFor(p, c)
	case InvalidKey:
		return tries(p.Kind) && slices.Contains(c.Evidence.ClientIPs, p.Entity)
	}
	return false
}

// rises and tries are the kinds that cause others.
func rises(k Kind) bool { return k == TimeoutSpike || k == Outage || k == ErrorSpike }
func tries(k Kind) bool { return k == KeyScanning || k == CredentialStuffing }

// scansFor reports that the client of p asks for at least half of the paths that c
// found for a whole service.
func scansFor(p, c *Incident) bool {
	return p.Kind == PathScan && p.EntityType == ClientEntity && c.EntityType == ServiceEntity &&
		2*p.Observed >= c.Observed
}

// floodsFor reports that the flood p of a key is what floods from the address of c: it
// began with it and is about as large.
func floodsFor(p, c *Incident) bool {
	return p.Kind == ClientFlood && p.EntityType == KeyEntity && c.EntityType == ClientEntity &&
		max(p.OpenedAt, c.OpenedAt)-min(p.OpenedAt, c.OpenedAt) <= floodMinutes &&
		max(p.Observed, c.Observed) <= 1.5*min(p.Observed, c.Observed)
}

func those(list []*Incident, keep func(*Incident) bool) (kept []*Incident) {
	for _, i := range list {
		if keep(i) {
			kept = append(kept, i)
		}
	}
	return kept
}

// before orders incidents by opening, an outage before what opens with it.
func before(a, b *Incident) int {
	switch {
	case a.OpenedAt != b.OpenedAt:
		return int(a.OpenedAt) - int(b.OpenedAt)
	case a.Kind != b.Kind && a.Kind == Outage:
		return -1
	case a.Kind != b.Kind && b.Kind == Outage:
		return 1
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}

// ended is when an incident ended; while it is open, a time far in the future.
func ended(i *Incident) Minute {
	if i.ClosedAt == 0 {
		return 1<<31 - 1
	}
	return i.ClosedAt
}

// firstCause returns the id of the first candidate that was open at some time
// from w minutes before c opened until c closed.
func firstCause(candidates []*Incident, c *Incident, w Minute) string {
	for _, p := range candidates {
		if p.State != Withdrawn && ended(p) >= c.OpenedAt-w && p.OpenedAt <= ended(c) {
			return p.ID
		}
	}
	return ""
}

// earlier returns the id of the first candidate that comes before c and was
// open when c opened.
func earlier(candidates []*Incident, c *Incident) string {
	for _, p := range candidates {
		if p.State != Withdrawn && before(p, c) < 0 && ended(p) >= c.OpenedAt {
			return p.ID
		}
	}
	return ""
}

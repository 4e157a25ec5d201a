package detect

import "slices"

// Attach sets the parent of every incident that another one of the list causes,
// so that one event is one line: a burn of the error budget, a second failure
// series and a drop of traffic belong to the spike or outage of their service,
// an unknown key belongs to the client that scans keys with it. Incidents that
// have a parent keep it. The list may hold open and closed incidents.
func Attach(list []Incident) {
	byService := map[string][]int{}
	byClient := map[string][]int{}
	for i := range list {
		switch list[i].Kind {
		case TimeoutSpike, Outage:
			byService[list[i].Service] = append(byService[list[i].Service], i)
		case KeyScanning, CredentialStuffing:
			byClient[list[i].Entity] = append(byClient[list[i].Entity], i)
		}
	}
	for _, m := range []map[string][]int{byService, byClient} {
		for _, l := range m {
			slices.SortFunc(l, func(a, b int) int { return before(&list[a], &list[b]) })
		}
	}
	for i := range list {
		c := &list[i]
		if c.Parent != "" {
			continue
		}
		switch c.Kind {
		case SLOBurn:
			c.Parent = firstCause(list, byService[c.Service], c, Minute(max(c.Evidence.WindowMinutes, 60)))
		case TrafficDrop:
			c.Parent = firstCause(list, byService[c.Service], c, 30)
		case TimeoutSpike, Outage:
			c.Parent = earlier(list, byService[c.Service], c)
		case CredentialStuffing, KeyScanning:
			c.Parent = earlier(list, byClient[c.Entity], c)
		case InvalidKey:
			for _, ip := range c.Evidence.ClientIPs {
				if p := firstCause(list, byClient[ip], c, day); p != "" {
					c.Parent = p
					break
				}
			}
		}
	}
	byID := make(map[string]int, len(list))
	for i := range list {
		byID[list[i].ID] = i
	}
	for i := range list { // a child of a child belongs to the root
		for hops := 0; hops < 4 && list[i].Parent != ""; hops++ {
			p, ok := byID[list[i].Parent]
			if !ok || list[p].Parent == "" || list[p].Parent == list[i].ID {
				break
			}
			list[i].Parent = list[p].Parent
		}
	}
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

// ended is when an incident ended; far in the future while it is open.
func ended(i *Incident) Minute {
	if i.ClosedAt == 0 {
		return 1<<31 - 1
	}
	return i.ClosedAt
}

// firstCause returns the id of the first candidate that was open at some time
// from w minutes before c opened until c closed.
func firstCause(list []Incident, candidates []int, c *Incident, w Minute) string {
	for _, i := range candidates {
		p := &list[i]
		if p.State != Withdrawn && ended(p) >= c.OpenedAt-w && p.OpenedAt <= ended(c) {
			return p.ID
		}
	}
	return ""
}

// earlier returns the id of the first candidate that comes before c and was
// open when c opened.
func earlier(list []Incident, candidates []int, c *Incident) string {
	for _, i := range candidates {
		p := &list[i]
		if p.State != Withdrawn && before(p, c) < 0 && ended(p) >= c.OpenedAt {
			return p.ID
		}
	}
	return ""
}

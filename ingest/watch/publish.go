package watch

import (
	"slices"
	"strings"

	"statline/classify/detect"
)

// Publisher turns what the evaluator decides into rows of the table incidents:
// it writes what changed, keeps the id under which an incident was first
// published, attaches children to their parents, and withdraws what late rows
// took back. It is not safe for concurrent use.
type Publisher struct {
	known map[string]*published
	of    map[ruled][]string // the ids of known, in the order in which they came
	alias map[string]string  // id decided later -> id published first
	hush  hush
	// past are the incidents of services that are settled, within detect.Memory.
	past map[ruled][]detect.Occurrence
	// opened counts the incidents that were published for the first time.
	opened int64
}

// ruled is what two incidents must have in common to be the same.
type ruled struct{ rule, entity string }

// learn adds k to known.
func (p *Publisher) learn(k *published) {
	if p.known[k.ID] == nil {
		r := ruled{k.Rule, k.Entity}
		p.of[r] = append(p.of[r], k.ID)
	}
	p.known[k.ID] = k
}

func (p *Publisher) forget(k *published) {
	delete(p.known, k.ID)
	r := ruled{k.Rule, k.Entity}
	if p.of[r] = slices.DeleteFunc(p.of[r], func(id string) bool { return id == k.ID }); len(p.of[r]) == 0 {
		delete(p.of, r)
	}
}

type published struct {
	detect.Incident
	touched detect.Minute // minute of the last row written
	final   bool
	fresh   bool // never stored
}

// Stored is one row of the table incidents.
type Stored struct {
	detect.Incident
	Version uint64 // Unix seconds of the minute evaluated through
}

// NewPublisher makes a publisher that has published nothing.
func NewPublisher() *Publisher {
	return &Publisher{
		known: map[string]*published{}, of: map[ruled][]string{}, alias: map[string]string{},
		past: map[ruled][]detect.Occurrence{},
	}
}

// parentMemory is for how many minutes a closed incident can still be a parent.
const parentMemory = 4320

// refreshMinutes is how often the counts of an open incident are written when
// nothing else changed.
const refreshMinutes = 5

// Adopt takes over rows that are in the table already.
func (p *Publisher) Adopt(rows []Stored, settled detect.Minute) {
	for _, r := range rows {
		if r.State == detect.Closed && r.ClosedAt <= settled {
			p.remember(&r.Incident, settled)
		}
		p.learn(&published{
			Incident: r.Incident, touched: detect.MinuteOf(int64(r.Version)),
			final: r.State == detect.Withdrawn || r.State == detect.Closed && r.ClosedAt <= settled,
		})
	}
}

// Publish takes what an advance decided and returns the rows to write, sorted
// by opening and id. Each row's version is the minute evaluated through.
func (p *Publisher) Publish(res *Result) []Stored {
	decisions := slices.Concat(res.Final, res.Tentative)
	decided := make(map[string]bool, len(decisions))
	for i := range decisions {
		decided[decisions[i].ID] = true
	}
	now := map[string]bool{}
	var fresh []detect.Incident
	for i, inc := range decisions {
		inc = p.recurring(p.rename(inc, decided), res.To)
		now[inc.ID] = true
		final := i < len(res.Final)
		if k := p.known[inc.ID]; k != nil {
			inc.Parent, inc.Silent = k.Parent, k.Silent
			if len(inc.Evidence.ClientIPs) == 0 {
				inc.Evidence.ClientIPs, inc.Evidence.UserAgents = k.Evidence.ClientIPs, k.Evidence.UserAgents
			}
			if !final && k.final {
				continue // a settled incident is not taken back by a preview
			}
		}
		fresh = append(fresh, inc)
		if final {
			p.forgetFinal(inc.ID)
		}
	}
	changed := map[string]*published{}
	for _, inc := range fresh {
		p.update(inc, res.To, changed)
	}
	p.withdraw(now, res, changed)
	for _, inc := range res.Final {
		if k := p.known[p.id(inc.ID)]; k != nil {
			k.final = true
			p.remember(&k.Incident, res.Settled)
		}
	}
	p.attach(res, changed)
	p.decide(res, changed)
	p.drop(res.Settled)
	return p.rows(changed, res.To)
}

// forgetFinal lets a settled decision replace what was published.
func (p *Publisher) forgetFinal(id string) {
	if k := p.known[id]; k != nil {
		k.final = false
	}
}

func (p *Publisher) id(id string) string {
	if first, ok := p.alias[id]; ok {
		return first
	}
	return id
}

// rename gives inc the id under which the same event was published before: an
// incident of the same rule and entity that overlaps it, was not settled, and
// is not decided any more under its own id.
func (p *Publisher) rename(inc detect.Incident, decided map[string]bool) detect.Incident {
	if first, ok := p.alias[inc.ID]; ok {
		inc.ID = first
		return inc
	}
	if p.known[inc.ID] != nil {
		return inc
	}
	for _, id := range p.of[ruled{inc.Rule, inc.Entity}] {
		k := p.known[id]
		if k.final || k.State == detect.Withdrawn {
			continue
		}
		if k.OpenedAt-detect.SettleMinutes > inc.OpenedAt || inc.OpenedAt > k.OpenedAt+detect.SettleMinutes ||
			decided[id] {
			continue
		}
		p.alias[inc.ID] = id
		inc.ID = id
		break
	}
	return inc
}

// update records inc and whether a row has to be written for it.
func (p *Publisher) update(inc detect.Incident, to detect.Minute, changed map[string]*published) {
	k := p.known[inc.ID]
	if k == nil {
		k = &published{Incident: inc, fresh: true}
		p.learn(k)
		changed[inc.ID] = k
		return
	}
	old := k.Incident
	k.Incident = inc
	switch {
	case old.State != inc.State, old.Severity != inc.Severity, old.Kind != inc.Kind, old.ClosedAs != inc.ClosedAs,
		old.OpenedAt != inc.OpenedAt, old.ClosedAt != inc.ClosedAt,
		old.Evidence.SilentSince != inc.Evidence.SilentSince,
		old.Evidence.Episodes != inc.Evidence.Episodes, old.Evidence.Recurs != inc.Evidence.Recurs:
		changed[inc.ID] = k
	case inc.State == detect.Open && to-k.touched >= refreshMinutes &&
		(old.Requests != inc.Requests || old.Affected != inc.Affected):
		changed[inc.ID] = k
	}
}

// withdraw marks what was published, is not settled, and is no longer decided.
func (p *Publisher) withdraw(now map[string]bool, res *Result, changed map[string]*published) {
	for id, k := range p.known {
		if now[id] || k.final || k.State == detect.Withdrawn {
			continue
		}
		k.Withdraw(res.To)
		changed[id] = k
	}
}

// attach sets parents among everything that is open or was closed recently.
func (p *Publisher) attach(res *Result, changed map[string]*published) {
	var list []*detect.Incident
	for _, k := range p.known {
		if detect.Related(k.Kind) {
			list = append(list, &k.Incident)
		}
	}
	slices.SortFunc(list, func(a, b *detect.Incident) int { return strings.Compare(a.ID, b.ID) })
	before := make([]string, len(list))
	for i := range list {
		before[i] = list[i].Parent
	}
	detect.Attach(list)
	for i, inc := range list {
		if inc.Parent == before[i] {
			continue
		}
		if k := p.known[inc.ID]; !k.final || k.touched >= res.From-1 || changed[k.ID] != nil {
			changed[k.ID] = k
		}
	}
}

// remember keeps a settled incident of a service, to recognise recurring ones.
func (p *Publisher) remember(inc *detect.Incident, settled detect.Minute) {
	if inc.EntityType != detect.ServiceEntity {
		return
	}
	r := ruled{inc.Rule, inc.Entity}
	p.past[r] = append(slices.DeleteFunc(p.past[r], func(o detect.Occurrence) bool {
		return o.ID == inc.ID || o.Closed < settled-detect.Memory
	}), detect.Occurrence{ID: inc.ID, Opened: inc.OpenedAt, Closed: inc.ClosedAt, Affected: inc.Affected})
}

// recurring marks an incident that comes again and again at the same time, as long as
// it is no larger than before.
func (p *Publisher) recurring(inc detect.Incident, to detect.Minute) detect.Incident {
	if inc.EntityType != detect.ServiceEntity {
		return inc
	}
	past := p.past[ruled{inc.Rule, inc.Entity}]
	if r, ok := detect.Recurring(past, inc.OpenedAt); ok && r.Fits(&inc, to) {
		r.Name(&inc)
	}
	return inc
}

func (p *Publisher) drop(settled detect.Minute) {
	for _, k := range p.known {
		if k.final && k.ClosedAt < settled-parentMemory {
			p.forget(k)
		}
	}
	for later, first := range p.alias {
		if p.known[first] == nil {
			delete(p.alias, later)
		}
	}
}

func (p *Publisher) rows(changed map[string]*published, to detect.Minute) []Stored {
	rows := make([]Stored, 0, len(changed))
	for _, k := range changed {
		k.touched = to
		rows = append(rows, Stored{Incident: k.Incident, Version: uint64(to.Unix())})
	}
	slices.SortFunc(rows, func(a, b Stored) int {
		if a.OpenedAt != b.OpenedAt {
			return int(a.OpenedAt - b.OpenedAt)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return rows
}

// Enrich adds addresses and user agents to the evidence of a key's incident. It is
// called once for each new incident.
func (p *Publisher) Enrich(id string, ips, agents []string) {
	if k := p.known[id]; k != nil {
		k.Evidence.ClientIPs, k.Evidence.UserAgents = ips, agents
	}
}

// Knows reports whether an incident was published under id.
func (p *Publisher) Knows(id string) bool { return p.known[id] != nil }

// overlapping returns the incidents that were open at some time in [from, to]
// and were not withdrawn, sorted by opening.
func overlapping(all map[string]detect.Incident, from, to detect.Minute) []detect.Incident {
	var list []detect.Incident
	for _, i := range all {
		if i.State != detect.Withdrawn && i.OpenedAt <= to && (i.ClosedAt == 0 || i.ClosedAt >= from) {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b detect.Incident) int {
		if a.OpenedAt != b.OpenedAt {
			return int(a.OpenedAt - b.OpenedAt)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

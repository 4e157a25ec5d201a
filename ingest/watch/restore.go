package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"statline/classify/detect"
)

// rewind is how many minutes before the last evaluated one a restored evaluator
// begins: it then decides the same minutes again, and knows how long what is
// open has been calm.
const rewind = detect.SettleMinutes + 75

// Restore rebuilds the cache and the states as of a minute that is rewind
// minutes before through, the last minute that was evaluated, from the evidence
// and the rows of the table incidents. Deciding the minutes after it again
// gives the same incidents.
func (e *Evaluator) Restore(ctx context.Context, through detect.Minute, rows []Stored) error {
	at := through - rewind
	past, err := e.evidence.Past(ctx, at, openOf(detect.KeyEntity, rows, at), openOf(detect.ClientEntity, rows, at))
	if err != nil {
		return fmt.Errorf("read the evidence before %s: %w", at.Time().Format("2006-01-02T15:04"), err)
	}
	known, err := e.restored(ctx, at, through, rows)
	if err != nil {
		return err
	}
	e.Start(at + 1)
	for i := range past.Minutes {
		r := &past.Minutes[i]
		s := e.service(r.Service)
		s.History.Set(r.Minute, r.Counts)
		s.seen = max(s.seen, r.Minute)
	}
	for i := range past.Blocks {
		r := &past.Blocks[i]
		if r.Minute+4 <= at {
			s := e.service(r.Service)
			s.History.SetBlock(r.Minute, r.N, r.Timeout, r.Offline)
			s.seen = max(s.seen, r.Minute)
		}
	}
	for i := range past.Keys {
		e.takeKey(&past.Keys[i])
	}
	for i := range past.Clients {
		e.takeClient(&past.Clients[i])
	}
	for i := range past.Contracts {
		if err := e.takeContract(ctx, &past.Contracts[i]); err != nil {
			return err
		}
	}
	busy := map[detect.Minute]bool{}
	for i := range past.Minutes {
		busy[past.Minutes[i].Minute] = true
	}
	e.restoreStates(at, known, rows, func(m detect.Minute) bool { return busy[m] })
	return nil
}

// openOf are the entities of a type with an incident that was open at minute
// at, sorted.
func openOf(kind detect.EntityType, rows []Stored, at detect.Minute) []string {
	ids := map[string]bool{}
	for i := range rows {
		if r := &rows[i]; r.EntityType == kind && openAt(&r.Incident, at) {
			ids[r.Entity] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// later is the evidence of some minutes with the refusals of some keys and the
// rows of some clients.
type later struct {
	*Batch
	keys    []KeyRow
	clients []ClientRow
}

// entity is one entity of one type.
type entity struct {
	kind detect.EntityType
	name string
}

// restored sums up rows by entity and rule, as of minute at.
func (e *Evaluator) restored(ctx context.Context, at, through detect.Minute, rows []Stored) (map[entity][]detect.Restored, error) {
	minutes := minutesOf(at+1, through)
	batch, err := e.evidence.Batch(ctx, minutes)
	if err != nil {
		return nil, fmt.Errorf("read the evidence after %s: %w", at.Time().Format("2006-01-02T15:04"), err)
	}
	after := later{Batch: batch}
	err = e.evidence.Keys(ctx, KeyNeed{IDs: openOf(detect.KeyEntity, rows, at), Minutes: minutes, Refusals: true}, func(r *KeyRow) { after.keys = append(after.keys, *r) })
	if err != nil {
		return nil, fmt.Errorf("read the refusals after %s: %w", at.Time().Format("2006-01-02T15:04"), err)
	}
	err = e.evidence.Clients(ctx, openOf(detect.ClientEntity, rows, at), minutes, func(r *ClientRow) { after.clients = append(after.clients, *r) })
	if err != nil {
		return nil, fmt.Errorf("read the clients after %s: %w", at.Time().Format("2006-01-02T15:04"), err)
	}
	byRule := map[entity]map[string]*detect.Restored{}
	for i := range rows {
		r := &rows[i]
		if r.State == detect.Withdrawn || r.OpenedAt > at {
			continue
		}
		ent := entity{r.EntityType, r.Entity}
		if byRule[ent] == nil {
			byRule[ent] = map[string]*detect.Restored{}
		}
		k := byRule[ent][r.Rule]
		if k == nil {
			k = &detect.Restored{Rule: r.Rule}
			byRule[ent][r.Rule] = k
		}
		k.LastOpened = max(k.LastOpened, r.OpenedAt)
		if openAt(&r.Incident, at) {
			inc := r.Incident
			last := detect.MinuteOf(int64(r.Version))
			if inc.ClosedAt > 0 {
				last = inc.ClosedAt
			}
			requests, affected := after.sums(&inc, at+1, last)
			inc.Requests -= min(requests, inc.Requests)
			inc.Affected -= min(affected, inc.Affected)
			k.Open = &inc
			continue
		}
		k.LastClose = max(k.LastClose, r.ClosedAt)
		if r.ClosedAs == detect.ClosedShifted {
			k.Shifted = max(k.Shifted, r.ClosedAt)
		}
	}
	out := map[entity][]detect.Restored{}
	for ent, rules := range byRule {
		for _, k := range rules {
			out[ent] = append(out[ent], *k)
		}
	}
	return out, nil
}

func openAt(inc *detect.Incident, at detect.Minute) bool {
	return inc.State != detect.Withdrawn && inc.OpenedAt <= at && (inc.ClosedAt == 0 || inc.ClosedAt > at)
}

// sums adds what the minutes [from, to] contributed to an incident's counts.
func (b *later) sums(inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	in := func(m detect.Minute) bool { return m >= from && m <= to }
	switch inc.EntityType {
	case detect.ServiceEntity:
		for i := range b.Services {
			if r := &b.Services[i]; r.Service == inc.Entity && in(r.Minute) {
				requests += uint64(r.N)
				switch inc.Kind {
				case detect.TimeoutSpike:
					affected += uint64(r.Timeout)
				case detect.Outage:
					affected += uint64(r.Offline)
				case detect.SLOBurn:
					affected += uint64(r.Bad)
				}
			}
		}
	case detect.KeyEntity:
		for i := range b.keys {
			if r := &b.keys[i]; r.Key == inc.Entity && in(r.Minute) {
				requests += uint64(r.Requests)
				switch inc.Kind {
				case detect.DeadKey:
					affected += uint64(r.Dead)
				case detect.InvalidKey:
					affected += uint64(r.Invalid)
				default:
					affected += uint64(r.RateLimited)
				}
			}
		}
	case detect.ClientEntity:
		for i := range b.clients {
			if r := &b.clients[i]; r.IP == inc.Entity && in(r.Minute) {
				requests += r.Requests
				if inc.Kind == detect.KeyScanning {
					affected += r.Invalid
				} else {
					affected += r.AuthFailed
				}
			}
		}
	case detect.ContractEntity:
		for i := range b.Contracts {
			if r := &b.Contracts[i]; newContract(r.Pair).Entity() == inc.Entity && in(r.Minute) {
				requests += r.Total
				affected += r.Count
			}
		}
	}
	return requests, affected
}

func (e *Evaluator) restoreStates(at detect.Minute, known map[entity][]detect.Restored, rows []Stored, alive func(detect.Minute) bool) {
	for i := range rows {
		r := &rows[i]
		if r.EntityType != detect.ServiceEntity || r.State == detect.Withdrawn || r.OpenedAt > at {
			continue
		}
		last := r.ClosedAt
		if last == 0 || last > at {
			last = at
		}
		s := e.service(r.Entity)
		s.Mask(r.Rule, r.OpenedAt, last)
		s.seen = max(s.seen, last)
	}
	for ent := range known {
		switch ent.kind {
		case detect.ServiceEntity:
			e.service(ent.name)
		case detect.KeyEntity:
			if e.keys[ent.name] == nil {
				e.keys[ent.name] = &key{Key: detect.Key{ID: ent.name}}
			}
		case detect.ClientEntity:
			e.client(ent.name)
		case detect.ContractEntity:
			if p, ok := pairOf(ent.name, rows); ok && e.contracts[p] == nil {
				e.contracts[p] = newContract(p)
			}
		}
	}
	for name, s := range e.services {
		s.Restore(at, known[entity{detect.ServiceEntity, name}], alive)
	}
	for id, k := range e.keys {
		s := k.Restore(at, known[entity{detect.KeyEntity, id}])
		k.keep(keyStates{s, s})
		k.followed = true // Past has what there is
	}
	for ip, c := range e.clients {
		c.Restore(at, known[entity{detect.ClientEntity, ip}])
		c.ahead, c.followed = c.Settled, true
	}
	for _, c := range e.contracts {
		c.Restore(at, known[entity{detect.ContractEntity, c.Entity()}])
		c.ahead = c.Settled
	}
}

// pairOf finds the pair that an incident of a contract names.
func pairOf(name string, rows []Stored) (Pair, bool) {
	i := slices.IndexFunc(rows, func(r Stored) bool { return r.EntityType == detect.ContractEntity && r.Entity == name })
	if i < 0 {
		return Pair{}, false
	}
	r := &rows[i]
	return Pair{
		Service: r.Service, Code: r.Evidence.Code, HTTPStatus: r.Evidence.HTTPStatus,
		Reason: detect.ContractReason(r.Evidence.Reason), Catalogue: r.Evidence.Catalogue,
	}, true
}

package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"statline/classify/detect"
)

// rewind is how many minutes before the last evaluated one a restored evaluator
// begins: it decides those minutes again, and then knows how long open incidents have
// been calm.
const rewind = detect.SettleMinutes + 75

// Restore rebuilds the cache and the states as of a minute that is rewind
// minutes before through, the last minute that was evaluated, from the evidence
// and the rows of the table incidents. Deciding the minutes after it again
// gives the same incidents.
func (e *Evaluator) Restore(ctx context.Context, through detect.Minute, rows []Stored) error {
	at := through - rewind
	keys, clients := openOf(detect.KeyEntity, rows, at), openOf(detect.ClientEntity, rows, at)
	past, err := e.evidence.Past(ctx, at, keys, clients)
	if err != nil {
		return fmt.Errorf("read the evidence before %s: %w", at.Time().Format("2006-01-02T15:04"), err)
	}
	known, err := e.restored(ctx, at, through, rows, past.Deploys)
	if err != nil {
		return err
	}
	e.Start(at + 1)
	e.services.take(past, at)
	for i := range past.Keys {
		e.keys.take(&past.Keys[i])
	}
	for i := range past.Clients {
		e.clients.take(&past.Clients[i])
	}
	if err := e.contracts.take(ctx, e.evidence, past.Contracts); err != nil {
		return err
	}
	e.sources.take(past.Sources)
	e.paces.take(past.Paces)
	e.misses.take(past.Misses)
	e.rollouts.restore(at, past.Deploys, past.Versions)
	errors, err := e.evidence.Errors(ctx, minutesOf(at-detect.ErrorLookback, at), e.rollouts.deploys())
	if err != nil {
		return err
	}
	e.errors.take(errors)
	e.near.take(past.Near)
	open := map[detect.EntityType][]string{detect.KeyEntity: keys, detect.ClientEntity: clients}
	for _, f := range e.floods {
		if err := e.evidence.Floods(ctx, f.Type, open[f.Type], minutesOf(at-detect.FloodLookback, at),
			f.take); err != nil {
			return err
		}
	}
	for _, f := range e.families {
		f.restore(at, known[f.entityType()], rows)
	}
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

// later is the evidence of some minutes by entity: of services and pairs all of
// it, of keys the refusals and of clients the rows of those with something open.
type later struct {
	services  map[string][]ServiceRow
	keys      map[string][]detect.KeyMinute
	clients   map[string][]detect.ClientMinute
	contracts map[string][]detect.ContractMinute
	sources   map[string][]detect.SourceMinute
	paces     map[string][]detect.PaceMinute
	misses    map[string][]detect.MissMinute
	errors    map[string][]detect.ErrorMinute
	near      map[string][]detect.NearDay
	floods    map[detect.EntityType]map[string][]detect.FloodMinute
}

// after reads the evidence of minutes; seen are the deploys that versions tell.
func (e *Evaluator) after(ctx context.Context, minutes []detect.Minute, keys, clients []string,
	seen []detect.Deploy) (*later, error) {
	l := &later{
		map[string][]ServiceRow{}, map[string][]detect.KeyMinute{}, map[string][]detect.ClientMinute{},
		map[string][]detect.ContractMinute{}, map[string][]detect.SourceMinute{}, map[string][]detect.PaceMinute{},
		map[string][]detect.MissMinute{}, map[string][]detect.ErrorMinute{}, map[string][]detect.NearDay{},
		map[detect.EntityType]map[string][]detect.FloodMinute{detect.KeyEntity: {}, detect.ClientEntity: {}},
	}
	b, err := e.evidence.Rows(ctx, minutes)
	if err != nil {
		return nil, err
	}
	for _, r := range b.Services {
		l.services[r.Service] = append(l.services[r.Service], r)
	}
	for _, r := range b.Contracts {
		p := newContract(r.Pair)
		l.contracts[p.Entity()] = append(l.contracts[p.Entity()], r.ContractMinute)
	}
	for _, r := range b.Sources {
		l.sources[r.Source] = append(l.sources[r.Source], r.SourceMinute)
	}
	for _, r := range b.Paces {
		l.paces[r.Service] = append(l.paces[r.Service], r.PaceMinute)
	}
	for _, r := range b.Misses {
		l.misses[r.Service] = append(l.misses[r.Service], r.MissMinute)
	}
	errors, err := e.evidence.Errors(ctx, minutes, seen)
	if err != nil {
		return nil, err
	}
	for _, r := range errors {
		l.errors[r.Entity()] = append(l.errors[r.Entity()], r.ErrorMinute)
	}
	for _, r := range b.Near {
		l.near[r.Key] = append(l.near[r.Key], r.NearDay)
	}
	for of, names := range map[detect.EntityType][]string{detect.KeyEntity: keys, detect.ClientEntity: clients} {
		if err := e.evidence.Floods(ctx, of, names, minutes, func(r *FloodRow) {
			l.floods[of][r.Name] = append(l.floods[of][r.Name], r.FloodMinute)
		}); err != nil {
			return nil, err
		}
	}
	err = e.evidence.Keys(ctx, KeyNeed{Need: Need{Names: keys, Minutes: minutes}, Refusals: true}, func(r *KeyRow) {
		l.keys[r.Key] = append(l.keys[r.Key], r.KeyMinute)
	})
	if err != nil {
		return nil, err
	}
	return l, e.evidence.Clients(ctx, Need{Names: clients, Minutes: minutes}, func(r *ClientRow) {
		l.clients[r.IP] = append(l.clients[r.IP], r.ClientMinute)
	})
}

// byEntity is what is known of the entities of each type, by name.
type byEntity map[detect.EntityType]map[string][]detect.Restored

// restored sums up rows by entity and rule, as of minute at. seen are the deploys that
// versions tell.
func (e *Evaluator) restored(ctx context.Context, at, through detect.Minute, rows []Stored,
	seen []detect.Deploy) (byEntity, error) {
	keys, clients := openOf(detect.KeyEntity, rows, at), openOf(detect.ClientEntity, rows, at)
	l, err := e.after(ctx, minutesOf(at+1, through), keys, clients, seen)
	if err != nil {
		return nil, fmt.Errorf("read the evidence after %s: %w", at.Time().Format("2006-01-02T15:04"), err)
	}
	type group struct {
		of   detect.EntityType
		name string
	}
	byRule := map[group]map[string]*detect.Restored{}
	for i := range rows {
		r := &rows[i]
		if r.State == detect.Withdrawn || r.OpenedAt > at {
			continue
		}
		ent := group{r.EntityType, r.Entity}
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
			requests, affected := e.contributed(l, &inc, at+1, last)
			inc.Requests -= min(requests, inc.Requests)
			inc.Affected -= min(affected, inc.Affected)
			k.Open = &inc
			continue
		}
		if r.ClosedAt > k.LastClose {
			k.LastClose, k.Before = r.ClosedAt, r.OpenedAt
		}
		if r.ClosedAs == detect.ClosedShifted {
			k.Shifted = max(k.Shifted, r.ClosedAt)
		}
	}
	out := byEntity{}
	for ent, rules := range byRule {
		if out[ent.of] == nil {
			out[ent.of] = map[string][]detect.Restored{}
		}
		for _, name := range slices.Sorted(maps.Keys(rules)) {
			out[ent.of][ent.name] = append(out[ent.of][ent.name], *rules[name])
		}
	}
	return out, nil
}

// contributed is what the minutes [from, to] added to an incident: nothing when
// its rule is of another version of the program. A type has several families;
// only one has the rule.
func (e *Evaluator) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	for _, f := range e.families {
		if f.entityType() == inc.EntityType {
			n, bad := f.contributed(l, inc, from, to)
			requests, affected = requests+n, affected+bad
		}
	}
	return requests, affected
}

func openAt(inc *detect.Incident, at detect.Minute) bool {
	return inc.State != detect.Withdrawn && inc.OpenedAt <= at && (inc.ClosedAt == 0 || inc.ClosedAt > at)
}

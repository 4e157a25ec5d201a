package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unique"

	"statline/classify/detect"
)

// keys are the keys that were refused often enough to open an incident: those of a
// flood that refuses millions a few times each are never held.
type keys struct {
	*entities[string, detect.Key, detect.KeyMinute]
}

func newKeys(cfg *detect.Config) *keys {
	create := func(id string) detect.Key { return detect.Key{ID: id} }
	k := &keys{newEntities(cfg, detect.Keys(), strings.Compare, create)}
	k.find = named
	return k
}

func (k *keys) take(r *KeyRow) {
	x := k.of[r.Key]
	if x == nil {
		x = k.get(r.Key)
		x.is.Service = unique.Make(r.Service).Value()
	}
	if x.is.Service != r.Service {
		x.is.Service = ""
	}
	k.put(x, r.KeyMinute)
}

// read reads the rows of every key that matters.
func (k *keys) read(ctx context.Context, ev Evidence, b *Rows, settled, _ detect.Minute) error {
	first := settled + 1 - detect.CandidateLookback
	candidates, err := ev.Candidates(ctx, b.Minutes, first, k.cfg.Candidate())
	if err != nil {
		return fmt.Errorf("look for refused keys: %w", err)
	}
	fresh, known := k.follow(candidates, k.suspect)
	n := KeyNeed{Need: Need{known, b.Minutes, fresh, first}, Refusals: true}
	whole := map[string]bool{} // suspects, whose successes count too
	for _, id := range known {
		if k.suspect(k.of[id]) {
			n.Whole, whole[id] = append(n.Whole, id), true
		}
	}
	if err := ev.Keys(ctx, n, k.take); err != nil {
		return fmt.Errorf("read the rows of %d keys: %w", len(known)+len(fresh), err)
	}
	k.complete(fresh)
	// Suspects by what has just been read.
	var more []string
	for _, id := range slices.Concat(known, fresh) {
		if x := k.of[id]; x != nil && !whole[id] && k.suspect(x) {
			more = append(more, id)
		}
	}
	if err := ev.Keys(ctx, KeyNeed{Need: Need{Names: more, Minutes: b.Minutes}}, k.take); err != nil {
		return fmt.Errorf("read all rows of %d keys: %w", len(more), err)
	}
	return nil
}

// suspect reports that a success of the key would matter: it would reinstate the key.
func (k *keys) suspect(x *entity[string, detect.Key, detect.KeyMinute]) bool {
	s := x.states
	if s != nil && (k.IsOpen(&s.settled, detect.RuleInvalidKey) || k.IsOpen(&s.ahead, detect.RuleInvalidKey)) {
		return true
	}
	return k.cfg.Suspect(x.rows)
}

// forget keeps a week of dead keys' rows, and keyMemory of the others'.
func (k *keys) forget(settled detect.Minute) {
	old := settled - keyMemory
	for _, x := range k.of {
		x.rows = slices.DeleteFunc(x.rows, func(r detect.KeyMinute) bool {
			return r.Minute <= settled-detect.KeyLookback || r.Minute <= old && r.Dead == 0 && r.Success == 0
		})
		if !k.suspect(x) {
			x.rows = slices.DeleteFunc(x.rows, func(r detect.KeyMinute) bool { return r.Minute <= old })
		}
	}
	k.entities.forget(settled)
}

func (k *keys) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	return k.Sums(inc.Rule, l.keys[inc.Entity], from, to)
}

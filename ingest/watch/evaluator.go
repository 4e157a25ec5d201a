package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"statline/classify/detect"
)

// Evaluator runs the detectors forward over event minutes. It keeps a cache of
// the evidence that they look back on, and the state of each entity at the
// last settled minute. It is not safe for concurrent use.
type Evaluator struct {
	evidence Evidence

	services  *services
	keys      *keys
	clients   *clients
	contracts *contracts
	sources   *sources
	paces     *paces
	misses    *misses
	errors    *newErrors
	near      *nearLimits
	floods    [2]*floods // of clients, of keys
	families  []family   // all of those: what is done to one is done to all
	rollouts  *rollouts

	// slack is how many minutes later than usual a minute is settled, because a
	// source is late.
	slack     detect.Minute
	settled   detect.Minute // last minute that is final; 0 before the first
	evaluated detect.Minute // last minute that was decided
}

// Result is what an advance decided.
type Result struct {
	From, To detect.Minute // minutes that are newly evaluated
	Settled  detect.Minute // everything up to here is final
	// Final are the incidents that closed in a settled minute; Tentative those
	// that are open at To, or closed in a minute that is not settled yet.
	Final, Tentative []detect.Incident
	Scores           []ScoreRow
	// Deploys are those that the versions of the minutes that settled tell.
	Deploys []detect.Deploy
}

// ScoreRow is one row of the table scores.
type ScoreRow struct {
	Minute  detect.Minute
	Service string
	detect.Score
}

// NewEvaluator makes an evaluator that begins with the first minute it is
// given. cfg must be valid.
func NewEvaluator(cfg *detect.Config, e Evidence) *Evaluator {
	v := &Evaluator{
		evidence: e, services: newServices(cfg), keys: newKeys(cfg), clients: newClients(cfg),
		contracts: newContracts(cfg),
		sources:   newSources(cfg), paces: newPaces(cfg), misses: newMisses(cfg), errors: newNewErrors(cfg),
		near: newNearLimits(cfg), rollouts: newRollouts(),
		floods: [2]*floods{newFloods(cfg, detect.ClientEntity), newFloods(cfg, detect.KeyEntity)},
	}
	v.families = []family{v.services, v.keys, v.clients, v.contracts, v.sources, v.paces, v.misses, v.errors, v.near,
		v.floods[0], v.floods[1]}
	return v
}

// Start sets where to begin: the next minute to decide is first.
func (e *Evaluator) Start(first detect.Minute) {
	e.settled, e.evaluated = first-1, first-1
	e.services.settled, e.services.evaluated = first-1, first-1
}

// Settled and Evaluated are the last final minute and the last decided one.
func (e *Evaluator) Settled() detect.Minute   { return e.settled }
func (e *Evaluator) Evaluated() detect.Minute { return e.evaluated }

// maxSlack bounds how long to wait for a late source: no longer than the minutes that
// a restored evaluator decides again.
const maxSlack = rewind - detect.SettleMinutes

// waitMore is how many minutes to wait beyond a source's lateness.
const waitMore = 3

// Wait makes minutes settle late enough for sources whose rows come that much
// later than the watermark says.
func (e *Evaluator) Wait(late time.Duration) {
	minutes := detect.Minute(late/time.Minute) + waitMore
	e.slack = min(max(0, minutes-detect.SettleMinutes), maxSlack)
}

// settles is the last settled minute when to is the last decided one.
func (e *Evaluator) settles(to detect.Minute) detect.Minute {
	return max(e.settled, to-detect.SettleMinutes-e.slack)
}

// noticed is how many minutes late rows are seen that come so many minutes late:
// when their minute is read again.
func noticed(late int) int {
	for _, d := range again {
		if late <= int(d) {
			return int(d)
		}
	}
	return late + waitMore
}

// chunkMinutes bounds how much evidence is read at once while catching up.
const chunkMinutes = 360

// again are the delays, in minutes, after which a decided minute is read again.
var again = [...]detect.Minute{5, detect.SettleMinutes}

// minutesFor lists the minutes to read to advance to minute to: the new ones,
// those whose time to be read again has come, and those that settle.
func (e *Evaluator) minutesFor(to detect.Minute) []detect.Minute {
	set := map[detect.Minute]bool{}
	for m := e.evaluated + 1; m <= to; m++ {
		set[m] = true
	}
	for m := e.settled + 1; m <= e.settles(to); m++ {
		set[m] = true
	}
	for _, d := range again {
		for m := e.evaluated + 1 - d; m <= to-d; m++ {
			if m > e.settled {
				set[m] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// Advance decides every minute up to to and settles those that are older than
// detect.SettleMinutes, and Wait's. It reads at most chunkMinutes at a time; more is false
// when to is reached.
func (e *Evaluator) Advance(ctx context.Context, to detect.Minute) (res Result, more bool, err error) {
	if to <= e.evaluated {
		return Result{From: e.evaluated + 1, To: e.evaluated, Settled: e.settled}, false, nil
	}
	if to > e.evaluated+chunkMinutes {
		to, more = e.evaluated+chunkMinutes, true
	}
	minutes := e.minutesFor(to)
	b, err := e.evidence.Rows(ctx, minutes)
	if err != nil {
		return Result{}, false, fmt.Errorf("read evidence of %d minutes up to %s: %w", len(minutes), to.Time().
			Format("2006-01-02T15:04"), err)
	}
	settles := e.settles(to)
	e.rollouts.look(b.Versions, e.settled, settles, to)
	if b.errors, err = e.evidence.Errors(ctx, minutes, e.rollouts.deploys()); err != nil {
		return Result{}, false, fmt.Errorf("read errors of %d minutes: %w", len(minutes), err)
	}
	for _, f := range e.families {
		if err := f.read(ctx, e.evidence, b, e.settled, to); err != nil {
			return Result{}, false, err
		}
	}
	res = Result{From: e.evaluated + 1, To: to, Settled: settles, Deploys: e.rollouts.found}
	for _, f := range e.families {
		f.settle(e.settled, &res)
	}
	e.settled, e.evaluated = res.Settled, to
	e.rollouts.commit(e.settled)
	for _, f := range e.families {
		f.forget(e.settled)
	}
	return res, more, nil
}

// minutesOf lists the minutes [first, last].
func minutesOf(first, last detect.Minute) []detect.Minute {
	list := make([]detect.Minute, 0, max(0, last-first+1))
	for m := first; m <= last; m++ {
		list = append(list, m)
	}
	return list
}

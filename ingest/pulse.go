package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"statline/ingest/block"
)

// pulses tracks whether the loops of a process make progress. A loop beats each time
// around and at every try of an effect. While it waits for a server it tries and fails
// within the time limit of one try, so it beats then too. A loop that is silent for
// much longer than any try may take is stuck, and only a restart helps.
type pulses struct {
	mu   sync.Mutex
	last map[string]pulse
}

type pulse struct {
	at    time.Time
	limit time.Duration
}

// stuckAfter is how long a loop may be silent: three times the longest try and the
// longest pause after it.
const stuckAfter = 5 * time.Minute

// watch begins to watch a loop.
func (p *pulses) watch(name string, limit time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]pulse{}
	}
	p.last[name] = pulse{time.Now(), limit}
}

func (p *pulses) beat(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.last[name]; ok {
		l.at = time.Now()
		p.last[name] = l
	}
}

// rest stops watching: the loop has ended, or waits on purpose.
func (p *pulses) rest(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, name)
}

// vital tells which events of a partition count as progress. While a block is being
// stored, reading the next one does not count: it would hide that the block is stuck.
type vital struct{ busy atomic.Bool }

func (v *vital) of(e block.Event) bool {
	switch e.Kind {
	case block.Entered:
		v.busy.Store(e.State != "fill" && e.State != "recover")
	case block.Fetched, block.Opened, block.Crowded:
		return !v.busy.Load()
	case block.Retried:
		return e.Failure.What != "fetch" || !v.busy.Load()
	}
	return true
}

// stuck names the stuck loops.
func (p *pulses) stuck() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var says []string
	for _, name := range slices.Sorted(maps.Keys(p.last)) {
		l := p.last[name]
		if silent := time.Since(l.at); silent > l.limit {
			says = append(says, fmt.Sprintf("%s has given no sign of life for %s", name, silent.Round(time.Second)))
		}
	}
	if says == nil {
		return nil
	}
	return fmt.Errorf("stuck: %s", strings.Join(says, "; "))
}

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

// pulses are the signs of life of the loops of a process. A loop beats each
// time around and at every try of an effect: what waits for a server tries and
// fails, within the bounds of one try, and so it beats. A loop that is silent
// for much longer than any try may take is stuck, and nothing but a restart
// helps.
type pulses struct {
	mu   sync.Mutex
	last map[string]pulse
}

type pulse struct {
	at    time.Time
	limit time.Duration
}

// stuckAfter is how long a loop may be silent: three times the longest try with
// the longest pause after it.
const stuckAfter = 5 * time.Minute

// watch begins to judge a loop.
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

// rest ends the judging: the loop has ended, or waits on purpose.
func (p *pulses) rest(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, name)
}

// vital tells which events of a partition are a sign of life. While a block is
// on its way those of reading the next one are not: they would hide that the
// block stands still.
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

// stuck names the loops that are.
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

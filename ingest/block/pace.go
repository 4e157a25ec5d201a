package block

import "sync"

// pace says how large the next block may become. Each time the store asks to wait,
// blocks get smaller and rarer: at most half as many records, twice the time between
// flushes. Each stored block takes back one such step.
type pace struct {
	mu     sync.Mutex
	limits Limits
	steps  uint
	hurry  func() bool // nil is never
}

const (
	maxSteps   = 6
	minRecords = 1000
)

func (p *pace) now() Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.limits
	l.Records = max(l.Records>>p.steps, min(minRecords, l.Records))
	l.Memory >>= p.steps
	l.Flush = min(l.Flush<<p.steps, max(l.MaxAge, l.Flush))
	if p.hurry != nil && p.hurry() {
		l.Flush = 0
	}
	return l
}

func (p *pace) shrink() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = min(p.steps+1, maxSteps)
}

func (p *pace) grow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.steps > 0 {
		p.steps--
	}
}

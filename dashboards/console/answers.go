package console

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// atOnce is how many queries run at a time, for all users together. On a small
// machine, where the engine usually runs too, with more queries all would finish
// later: the first panel of a page should come soon.
var atOnce = min(4, max(2, runtime.GOMAXPROCS(0)))

const (
	// headStart is for how long a query runs alone on a small machine: of two that
	// begin together both would finish late; one after the other, the first takes half
	// the time.
	headStart = 150 * time.Millisecond
	// keptFor is for how long an answer is reused. The store's newest minute changes
	// more slowly than that.
	keptFor = 2 * time.Second
	// keptAnswers bounds the number of kept answers.
	keptAnswers = 512
)

// errBusy says that too many queries run.
var errBusy = errors.New("too many queries run at this moment; ask again")

// answers computes each answer once for everybody who asks within keptFor, a few at a
// time.
type answers struct {
	mu    *sync.Mutex
	kept  map[string]*kept
	slots chan struct{}
	turns chan struct{} // to begin: held for headStart at most
}

// kept is an answer that is there, or being computed until done is closed.
type kept struct {
	done  chan struct{}
	value any
	err   error
	until time.Time // zero while it is on its way
}

func newAnswers() answers {
	return answers{mu: &sync.Mutex{}, kept: map[string]*kept{}, slots: make(chan struct{}, atOnce),
		turns: make(chan struct{}, atOnce/2)}
}

// get is the answer for key. ask runs once for all who wait for it, and goes on when
// the first of them has left.
func (a answers) get(ctx context.Context, key string, ask func(context.Context) (any, error)) (any, error) {
	return a.getFor(ctx, key, keptFor, ask)
}

// getFor is get for an answer that is kept for another time.
func (a answers) getFor(ctx context.Context, key string, keep time.Duration,
	ask func(context.Context) (any, error)) (any, error) {
	now := time.Now()
	a.mu.Lock()
	if k := a.kept[key]; k != nil && (k.until.IsZero() || now.Before(k.until)) {
		a.mu.Unlock()
		select {
		case <-k.done:
			return k.value, k.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	k := &kept{done: make(chan struct{})}
	a.forget(now)
	a.kept[key] = k
	a.mu.Unlock()

	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), queryLimit)
	defer cancel()
	k.value, k.err = a.run(working, ask)
	a.mu.Lock()
	k.until = time.Now().Add(keep)
	if k.err != nil {
		delete(a.kept, key) // the next one tries again
	}
	a.mu.Unlock()
	close(k.done)
	return k.value, k.err
}

// run calls ask when it is its turn, in the order of the requests.
func (a answers) run(ctx context.Context, ask func(context.Context) (any, error)) (any, error) {
	for _, free := range []chan struct{}{a.slots, a.turns} {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			if free == a.turns {
				<-a.slots
			}
			return nil, errBusy
		}
	}
	defer func() { <-a.slots }()
	next := sync.OnceFunc(func() { <-a.turns })
	defer next()
	defer time.AfterFunc(headStart, next).Stop()
	return ask(ctx)
}

// clear drops every answer that is there.
func (a answers) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, k := range a.kept {
		if !k.until.IsZero() {
			delete(a.kept, key)
		}
	}
}

// forget drops answers that are too old, and all finished ones when there are too
// many: an answer may have megabytes.
func (a answers) forget(now time.Time) {
	for key, k := range a.kept {
		if !k.until.IsZero() && (now.After(k.until) || len(a.kept) >= keptAnswers) {
			delete(a.kept, key)
		}
	}
}

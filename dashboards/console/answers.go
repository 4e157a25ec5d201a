package console

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// atOnce is how many queries run at one time, for all readers together. On a small
// machine, where the engine mostly runs too, more would only end later all together:
// the first panel of a page is to be there soon.
var atOnce = min(4, max(2, runtime.GOMAXPROCS(0)))

const (
	// headStart is how long a query has the machine for itself, where it is a small
	// one: two that begin together would both end late, and one after the other
	// the first is there in half the time.
	headStart = 150 * time.Millisecond
	// keptFor is how long an answer is given again. The store's newest minute
	// moves slower than that.
	keptFor = 2 * time.Second
	// keptAnswers bounds what is kept.
	keptAnswers = 512
)

// errBusy says that too many queries run.
var errBusy = errors.New("too many queries run at this moment; ask again")

// answers computes each answer once for everybody who asks for it within keptFor,
// and a few at a time.
type answers struct {
	mu    *sync.Mutex
	kept  map[string]*kept
	slots chan struct{}
	turns chan struct{} // to begin: held for headStart at most
}

// kept is an answer that is there, or on its way until done is closed.
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

// get is the answer to what key names. ask runs once for all who wait for it, and
// goes on when the first of them has gone.
func (a answers) get(ctx context.Context, key string, ask func(context.Context) (any, error)) (any, error) {
	return a.getFor(ctx, key, keptFor, ask)
}

// getFor is get for an answer that is given again for as long.
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

// run asks when it is its turn, in the order in which questions came.
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

// forget drops what is too old, and all that is there when it is too much: an answer
// may hold megabytes.
func (a answers) forget(now time.Time) {
	for key, k := range a.kept {
		if !k.until.IsZero() && (now.After(k.until) || len(a.kept) >= keptAnswers) {
			delete(a.kept, key)
		}
	}
}

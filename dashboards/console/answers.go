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
}

// kept is an answer that is there, or on its way until done is closed.
type kept struct {
	done  chan struct{}
	value any
	err   error
	until time.Time // zero while it is on its way
}

func newAnswers() answers {
	return answers{mu: &sync.Mutex{}, kept: map[string]*kept{}, slots: make(chan struct{}, atOnce)}
}

// get is the answer to what key names. ask runs once for all who wait for it, and
// goes on when the first of them has gone.
func (a answers) get(ctx context.Context, key string, ask func(context.Context) (any, error)) (any, error) {
	return a.getFor(ctx, key, keptFor, ask)
}

// getFor is get for an answer that is given again for as long.
func (a answers) getFor(ctx context.Context, key string, keep time.Duration, ask func(context.Context) (any, error)) (any, error) {
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
	select {
	case a.slots <- struct{}{}:
		k.value, k.err = ask(working)
		<-a.slots
	case <-working.Done():
		k.err = errBusy
	}
	a.mu.Lock()
	k.until = time.Now().Add(keep)
	if k.err != nil {
		delete(a.kept, key) // the next one tries again
	}
	a.mu.Unlock()
	close(k.done)
	return k.value, k.err
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

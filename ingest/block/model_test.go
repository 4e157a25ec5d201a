package block

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var modelSeeds = flag.Uint64("model.seeds", 2000, "how many seeds the model test runs")

// Promise: whatever dies, hangs, freezes, comes back, is told too late or
// loses a reply, the stored sums are the records' and the ledger is contiguous.
func TestModelExactlyOnce(t *testing.T) {
	for seed := range *modelSeeds {
		if err := modelRun(t, seed, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// Promise: the model notices a broken protocol. Each sabotage takes away one
// thing that the package comment's argument needs.
func TestModelBites(t *testing.T) {
	for name, sabotage := range map[string]func(*world){
		"tokens off":                   func(w *world) { w.noTokens = true },
		"declarations not fenced":      func(w *world) { w.noFence = true },
		"stored before it is inserted": func(w *world) { w.ledgerFirst = true },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(400) {
				if err := modelRun(t, seed, sabotage); err != nil {
					t.Logf("noticed with seed %d: %v", seed, err)
					return
				}
			}
			t.Fatal("400 seeds passed without the safeguard")
		})
	}
}

// Promise: with a topic that is deleted and made again at any moment, and an
// operator who does what the refusal says, every record of the new log is counted
// once, and of the old one what the ledger says; with brokers that know topics by
// id, that have ids and fetch by name, and that have none.
func TestModelRecreated(t *testing.T) {
	for seed := range *modelSeeds / 2 {
		if err := modelRecreated(t, seed, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// Promise: a log that has no record at all where the ledger's last block counts some
// is another, also where only timestamps tell. This history has such holes; how it
// goes depends on who is first, so it is lived through some times.
func TestModelRecreatedWithHoles(t *testing.T) {
	for range 100 {
		if err := modelRecreated(t, 569, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// Promise: the model notices when nobody looks which log it is.
func TestModelRecreatedBites(t *testing.T) {
	for seed := range uint64(400) {
		if err := modelRecreated(t, seed, func(w *world) { w.blind = true }); err != nil {
			t.Logf("noticed with seed %d: %v", seed, err)
			return
		}
	}
	t.Fatal("400 seeds passed without the safeguard")
}

func modelRecreated(t *testing.T, seed uint64, sabotage func(*world)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed)
		w.faults = true
		w.noIDs, w.byNames = seed%3 == 2, seed%3 > 0
		if sabotage != nil {
			sabotage(w)
		}
		pool := &countPool{}
		var zombies []<-chan error
		lives := 3 + w.roll(6)
		for life := range lives {
			w.append(20 + w.roll(100))
			if life == lives/2 {
				after := time.Duration(w.roll(8_000)) * time.Millisecond
				time.AfterFunc(after, func() { w.recreate(w.roll(250)) })
			}
			zombies = append(zombies, live(w, pool, life))
		}
		for _, z := range zombies {
			<-z
		}
		time.Sleep(10 * time.Second) // the topic is there again by now
		w.append(20)
		w.faults = false
		if err = finish(w, pool); err == nil {
			err = w.check(0)
		}
		if err == nil {
			err = w.checkEarlier()
		}
	})
	return err
}

// modelRun lives through one seed's history and then lets a healthy process
// finish.
func modelRun(t *testing.T, seed uint64, sabotage func(*world)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed)
		w.faults = true
		if sabotage != nil {
			sabotage(w)
		}
		pool := &countPool{}
		var zombies []<-chan error
		for life := range 3 + w.roll(8) {
			w.append(w.roll(120))
			zombies = append(zombies, live(w, pool, life))
		}
		for _, z := range zombies {
			<-z
		}
		w.faults = false
		err = finish(w, pool)
		if err == nil {
			err = w.check(0)
		}
		if err == nil && pool.lent != 0 {
			err = fmt.Errorf("%d builders were not given back", pool.lent)
		}
	})
	return err
}

func modelConfig(w *world, life int) Config {
	c := DefaultConfig()
	c.Cluster, c.Topic, c.Group = "c", "access", "statline"
	c.Instance = fmt.Sprintf("instance-%d", life)
	c.ConfigHash = fmt.Sprintf("hash-%d", w.roll(2))
	c.Limits.Records = uint64(1 + w.roll(60))
	c.Limits.Flush = time.Duration(1+w.roll(900)) * time.Millisecond
	c.Pipelined = w.roll(3) > 0
	c.AttemptTimeout = 5 * time.Second
	w.mu.Lock()
	defer w.mu.Unlock()
	c.Epoch, c.Compacted = w.epoch, w.blind
	return c
}

func start(w *world, pool Pool, life int, stop <-chan struct{}) (*proc, <-chan error) {
	w.mu.Lock()
	w.generation++
	p := &proc{w: w, name: fmt.Sprint(life), generation: w.generation, beating: true}
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	p.kill = cancel
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- Run(ctx, modelConfig(w, life), Env{
			Partition: p, Store: p, Pool: pool, Alive: p.Alive, At: p.at,
			Budget: NewBudget(100, 400, 1),
		}, stop)
	}()
	return p, done
}

// live runs one owner for a while and then takes the partition away in one of
// the ways in which that happens. The returned channel yields when the owner
// has ended, which may be long after its successor started.
func live(w *world, pool Pool, life int) <-chan error {
	stop := make(chan struct{})
	p, done := start(w, pool, life, stop)
	time.Sleep(time.Duration(w.roll(15_000)) * time.Millisecond)
	ended := make(chan error, 1)
	forward := func() {
		err := <-done
		w.advised(err)
		ended <- err
	}
	switch w.roll(4) {
	case 0: // told to stop, and given the time
		close(stop)
		forward()
	case 1: // kill -9
		p.crash()
		forward()
	case 2: // the generation ends and the process is told at once
		p.kill()
		forward()
	case 3: // it is not told: it goes on until it notices, or is told late
		late := time.Duration(w.roll(60)) * time.Second
		p.stopBeating()
		go func() {
			sleepy := time.AfterFunc(late, p.kill)
			defer sleepy.Stop()
			forward()
		}()
	}
	return ended
}

// finish runs a healthy process until everything is committed.
func finish(w *world, pool Pool) error {
	stop := make(chan struct{})
	_, done := start(w, pool, 100, stop)
	for range 10_000 {
		time.Sleep(100 * time.Millisecond)
		select {
		case err := <-done:
			if errors.Is(err, ErrRecreated) && w.epoch < 5 {
				w.advised(err)
				return finish(w, pool)
			}
			return fmt.Errorf("a healthy process ended: %w", err)
		default:
		}
		w.mu.Lock()
		all := w.commit.Offset == w.logEnd && !isStart(w.commit.Metadata, 0)
		w.mu.Unlock()
		if all {
			close(stop)
			return <-done
		}
	}
	return errors.New("never finished")
}

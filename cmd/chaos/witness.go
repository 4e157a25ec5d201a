package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"statline/ingest/traffic"
)

const (
	// glance is the time between two looks.
	glance = time.Second
	// answerWithin is how long an instance may take to answer; a slower one is stopped, or
	// the machine is too busy.
	answerWithin = 2 * time.Second
	// learned is how long an instance has to notice that the log has grown; it polls every
	// five seconds.
	learned = 20 * time.Second
	// calmWithin is how long they may take to find that nothing is missing: they
	// compare the ledger for a twentieth of the time only.
	calmWithin = 3 * time.Minute
)

// witness compares every second what the instances and the audit say with what the run
// knows: Kafka's offsets and the ledger, read without the proxy.
type witness struct {
	c    *campaign
	past []sample // of the last seconds without a gap, oldest first

	// looking is held by each look, and by attended, which prevents looks.
	looking sync.RWMutex

	mu       sync.Mutex
	watched  []*process
	statuses int // compared
	audits   int
	untrue   int
}

// sample is where the logs ended at a moment.
type sample struct {
	at      time.Time
	offsets map[int32]traffic.Offsets
}

func (w *witness) watch(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = append(w.watched, p)
}

// living are the instances that have not ended.
func (w *witness) living() (ps []*process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.watched {
		select {
		case <-p.done:
		default:
			ps = append(ps, p)
		}
	}
	w.watched = ps
	return slices.Clone(ps)
}

// run looks every second until ctx ends.
func (w *witness) run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { w.every(ctx, w.lookAtStatuses) })
	both.Go(func() { w.every(ctx, w.lookAtAudit) })
	both.Wait()
}

func (w *witness) every(ctx context.Context, look func(context.Context)) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if w.looking.TryRLock() {
				look(ctx)
				w.looking.RUnlock()
			}
		case <-ctx.Done():
			return
		}
	}
}

// knows reads what the run knows now; ok is false when Kafka or the engine does
// not answer.
func (w *witness) knows(ctx context.Context) (k known, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var err error
	if k.offsets, err = traffic.ReadOffsets(ctx, w.c.kafka.addresses(), topic, group); err != nil ||
		len(k.offsets) == 0 {
		return k, false
	}
	k.ledger, err = w.c.ledgerEnds(ctx)
	return k, err == nil
}

// ledgerEnds is the highest stored end of each partition.
func (c *campaign) ledgerEnds(ctx context.Context) (map[int32]int64, error) {
	rows, err := c.query(ctx,
		"SELECT partition, max(end) FROM statline.ledger WHERE state = 'stored' AND kind IN ('block', 'gap') GROUP BY partition")
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for _, row := range rows {
		p, err := strconv.ParseInt(row[0], 10, 32)
		if err != nil {
			return nil, err
		}
		if ends[int32(p)], err = strconv.ParseInt(row[1], 10, 64); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// ask reads an instance's /readyz and /healthz; ok is false when it does not
// answer in time.
func (w *witness) ask(ctx context.Context, p *process) (s statusClaim, ok bool) {
	address := p.listens()
	if address == "" {
		return s, false
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	s.healthz, _ = w.get(ctx, address, "/healthz", nil)
	s.code, ok = w.get(ctx, address, "/readyz", &s)
	return s, ok
}

// get asks for a page, which is JSON when there is something to read it into.
func (w *witness) get(ctx context.Context, address, page string, into any) (code int, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+page, nil)
	if err != nil {
		return 0, false
	}
	answer, err := w.c.http.Do(req)
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	return answer.StatusCode, into == nil || json.NewDecoder(answer.Body).Decode(into) == nil
}

// claims asks the instances, all at once.
func (w *witness) claims(ctx context.Context) map[*process]statusClaim {
	var (
		mu    sync.Mutex
		all   = map[*process]statusClaim{}
		asked sync.WaitGroup
	)
	for _, p := range w.living() {
		asked.Go(func() {
			if s, ok := w.ask(ctx, p); ok {
				mu.Lock()
				defer mu.Unlock()
				all[p] = s
			}
		})
	}
	asked.Wait()
	return all
}

func (w *witness) lookAtStatuses(ctx context.Context) {
	began := time.Now()
	claims := w.claims(ctx)
	after, ok := w.knows(ctx)
	w.remember(after, ok)
	for p, s := range claims {
		old := w.mustKnow(p.answeredSince(began))
		if !ok {
			continue
		}
		w.judge(&w.statuses, p.name, untrueStatus(s, old, after))
	}
}

// remember keeps where the logs ended, for as long as instances may take to learn it. It
// starts anew when Kafka does not answer, because then the instances learn nothing either.
func (w *witness) remember(k known, ok bool) {
	if !ok || len(k.offsets) < int(w.c.feed.partitions.Load()) {
		w.past = nil
		return
	}
	w.past = append(w.past, sample{time.Now(), k.offsets})
	for len(w.past) > 1 && time.Since(w.past[1].at) > learned {
		w.past = w.past[1:]
	}
}

// mustKnow returns the ends of the logs that an instance must know, given since when it has
// answered every look; nil if it has not had the time.
func (w *witness) mustKnow(since time.Time) map[int32]traffic.Offsets {
	if len(w.past) == 0 || time.Since(w.past[0].at) < learned || time.Since(since) < learned {
		return nil
	}
	return w.past[0].offsets
}

func (w *witness) lookAtAudit(ctx context.Context) {
	before, ok := w.knows(ctx)
	if !ok {
		return
	}
	a, err := w.c.runAudit(ctx)
	if err != nil {
		return // Kafka or the engine is away
	}
	if after, ok := w.knows(ctx); ok {
		w.judge(&w.audits, "audit", untrueAudit(a, before, after))
	}
}

// judge counts a comparison and what was untrue.
func (w *witness) judge(count *int, who string, untrue []string) {
	w.mu.Lock()
	*count++
	w.untrue += len(untrue)
	w.mu.Unlock()
	for _, what := range untrue {
		w.c.fail("untrue at %s: %s: %s", time.Now().UTC().Format("15:04:05.000"), who, what)
	}
}

// awaitCalm waits until the instances say that all is done, which it is.
func (w *witness) awaitCalm(ctx context.Context) error {
	why := ""
	for deadline := time.Now().Add(calmWithin); time.Now().Before(deadline); {
		living := w.living()
		all := w.claims(ctx)
		claims := slices.Collect(maps.Values(all))
		now, ok := w.knows(ctx)
		switch {
		case !ok || len(claims) < len(living):
			why = fmt.Sprintf("%d of %d instances answer", len(claims), len(living))
		default:
			if why = notCalm(claims, now); why == "" {
				return nil
			}
		}
		if !sleep(ctx, glance) {
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("%v after everything was stored the instances do not say so: %s", calmWithin, why)
}

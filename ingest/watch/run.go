package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"statline/classify/detect"
	"statline/ingest/retry"
)

// Config configures the daemon's loop.
type Config struct {
	Detectors detect.Config
	// Lag is how far the watermark must be past a minute's end before the minute is
	// first decided.
	Lag time.Duration
	// Every is how often the watermark is read, by the wall clock.
	Every time.Duration
	// Instance names this process in the lease of the notifications.
	Instance string
	// Notify says who is notified.
	Notify NotifyConfig
	Logger *slog.Logger
	// Now is the clock that says how old an incident is and when a reminder is
	// due; nil for the wall clock. Simulated traffic has its own.
	Now func() time.Time
}

// DefaultConfig is complete but for Instance and who is to be told.
func DefaultConfig() Config {
	d, err := detect.Preset("default")
	if err != nil {
		panic(err) // the name is a constant of this program
	}
	return Config{Detectors: d, Lag: 90 * time.Second, Every: time.Second, Notify: DefaultNotify(),
		Logger: slog.Default()}
}

// Validate checks c. Its errors name the key, the value and what is accepted.
func (c *Config) Validate() error {
	switch {
	case c.Lag < 0 || c.Lag > time.Hour:
		return fmt.Errorf("watch: lag: got %s; want 0s to 1h", c.Lag)
	case c.Every < 10*time.Millisecond || c.Every > 5*time.Minute:
		return fmt.Errorf("watch: every: got %s; want 10ms to 5m", c.Every)
	}
	if err := c.Detectors.Validate(); err != nil {
		return err
	}
	return c.Notify.Validate()
}

// Stats are the loop's counters. They may be read at any time.
type Stats struct {
	Evaluations  atomic.Int64 // advances of the evaluator
	Minutes      atomic.Int64 // event minutes decided
	Incidents    atomic.Int64 // rows written to incidents
	Opened       atomic.Int64 // incidents first written by this process
	Scores       atomic.Int64 // rows written to scores
	Errors       atomic.Int64 // rounds that failed
	LastNanos    atomic.Int64 // duration of the last round that advanced
	EvaluatedTo  atomic.Int64 // Unix seconds of the last decided minute
	Watermark    atomic.Int64 // Unix milliseconds
	Sent, Failed atomic.Int64 // notifications
}

// Watch is the daemon's loop over one store.
type Watch struct {
	cfg      Config
	evidence Evidence
	tables   Tables
	eval     *Evaluator
	publish  *Publisher
	pending  []pendingWrite
	swept    detect.Minute
	stats    Stats
	now      func() time.Time
	limiter  retry.LogLimiter
	stopped  atomic.Pointer[error]
	failing  atomic.Pointer[failure]
	moved    atomic.Pointer[time.Time]
}

// failure is why rounds fail, and since when.
type failure struct {
	since time.Time
	err   error
}

type pendingWrite struct {
	rows    []Stored
	scores  []ScoreRow
	deploys []detect.Deploy
	version uint64
}

// New makes the loop; it touches nothing yet. cfg must be valid.
func New(cfg Config, e Evidence, t Tables) *Watch {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Watch{cfg: cfg, evidence: e, tables: t, publish: NewPublisher(), now: cfg.Now}
}

// Stats returns the counters.
func (w *Watch) Stats() *Stats { return &w.stats }

// maxPause is the mean of the longest pause after failed rounds.
const maxPause = 30 * time.Second

// Run decides every new minute until ctx ends. A failed round is repeated after longer
// and longer pauses; nothing is lost, because the store holds everything.
func (w *Watch) Run(ctx context.Context) error {
	loop := retry.Loop{
		Pause: retry.Pause{Initial: w.cfg.Every, Max: max(maxPause, w.cfg.Every)},
		Failed: func(f retry.Failure) {
			w.stats.Errors.Add(1)
			w.fail(f.Err)
			if f.Class == retry.Permanent {
				w.stopped.Store(&f.Err)
			}
		},
		Log: w.cfg.Logger, Limit: &w.limiter,
	}
	var rested time.Time
	loop.Every(ctx, w.cfg.Every, "evaluate", func(ctx context.Context) error {
		begin, before := time.Now(), w.stats.Evaluations.Load()
		if begin.Before(rested) {
			w.move()
			return nil
		}
		err := w.Round(ctx)
		if w.stats.Evaluations.Load() > before {
			rested = time.Now().Add(restAfter(time.Since(begin)))
		}
		if err == nil {
			w.stopped.Store(nil)
			w.failing.Store(nil)
		}
		return err
	})
	return nil
}

// maxRest bounds restAfter: a minute's traffic is decided within the next one.
const maxRest = 30 * time.Second

// restAfter is how long nothing is decided after a round that decided something and
// took so long. A round reads much of the day, on all of the server's cores, and while a
// backlog is drained minutes come by the second: then several wait for one round, and at
// most a twentieth of the time is spent on them. In step with the clock a round has a
// minute.
func restAfter(took time.Duration) time.Duration { return min(19*took, maxRest) }

func (w *Watch) fail(err error) {
	since := time.Now()
	if f := w.failing.Load(); f != nil {
		since = f.since
	}
	w.failing.Store(&failure{since, err})
}

// Failing is why rounds fail, and since when; nil when the last one did not.
func (w *Watch) Failing() (since time.Time, err error) {
	if f := w.failing.Load(); f != nil {
		return f.since, f.err
	}
	return since, nil
}

// Moved is when the loop last made progress: it began a round, or decided in one. It
// is zero before the first.
func (w *Watch) Moved() time.Time {
	if at := w.moved.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

func (w *Watch) move() {
	now := time.Now()
	w.moved.Store(&now)
}

// Stopped is why the detectors cannot go on until somebody acts; nil when they can.
func (w *Watch) Stopped() error {
	if err := w.stopped.Load(); err != nil {
		return *err
	}
	return nil
}

// target is the last minute that may be decided at a watermark.
func (w *Watch) target(mark time.Time) detect.Minute {
	return detect.MinuteOf(mark.Add(-w.cfg.Lag).Unix()) - 1
}

// Round reads the watermark and decides the minutes below it.
func (w *Watch) Round(ctx context.Context) error {
	w.move()
	begin := time.Now()
	p, err := w.tables.Progress(ctx)
	if err != nil {
		return err
	}
	if p.Watermark.IsZero() || p.First == 0 {
		return nil
	}
	w.stats.Watermark.Store(p.Watermark.UnixMilli())
	if w.eval == nil {
		if err := w.start(ctx, p); err != nil {
			return err
		}
	}
	w.eval.Wait(p.Late)
	to := w.target(p.Watermark)
	advanced, err := w.advance(ctx, to)
	if advanced {
		w.stats.LastNanos.Store(int64(time.Since(begin)))
	}
	return err
}

// advance decides up to to and writes the result; what could not be written is written
// first the next time.
func (w *Watch) advance(ctx context.Context, to detect.Minute) (advanced bool, err error) {
	if err := w.flush(ctx); err != nil {
		return false, err
	}
	for more := true; more && to > w.eval.Evaluated(); {
		// Everything that can fail comes before the decision, or is repeated with the
		// write.
		if err := w.sweep(ctx, w.eval.Settled()); err != nil {
			return advanced, err
		}
		if err := w.listen(ctx); err != nil {
			return advanced, err
		}
		var res Result
		if res, more, err = w.eval.Advance(ctx, to); err != nil {
			return advanced, err
		}
		advanced = true
		w.move()
		w.pending = append(w.pending, pendingWrite{w.publish.Publish(&res), res.Scores, res.Deploys,
			uint64(res.To.Unix())})
		w.stats.Opened.Store(w.publish.opened)
		w.stats.Evaluations.Add(1)
		w.stats.Minutes.Add(int64(res.To - res.From + 1))
		w.stats.EvaluatedTo.Store(res.To.Unix())
		if err := w.flush(ctx); err != nil {
			return advanced, err
		}
	}
	return advanced, nil
}

func (w *Watch) flush(ctx context.Context) error {
	for len(w.pending) > 0 {
		p := &w.pending[0]
		if err := w.enrich(ctx, p.rows, detect.MinuteOf(int64(p.version))); err != nil {
			return err
		}
		written := make([]*detect.Incident, len(p.rows))
		for i := range p.rows {
			written[i] = &p.rows[i].Incident
		}
		if err := retries(ctx, w.tables, written, detect.MinuteOf(int64(p.version))); err != nil {
			return err
		}
		// Before the scores, which say how far was evaluated: what is restored from there
		// has these.
		if err := w.tables.Seen(ctx, p.deploys); err != nil {
			return err
		}
		if err := w.tables.Write(ctx, p.rows, p.scores, p.version); err != nil {
			return err
		}
		w.stats.Incidents.Add(int64(len(p.rows)))
		w.stats.Scores.Add(int64(len(p.scores)))
		w.pending = w.pending[1:]
	}
	w.pending = nil
	return nil
}

// listen reads what people said of incidents.
func (w *Watch) listen(ctx context.Context) error {
	now := w.now()
	notes, err := w.tables.Notes(ctx, now.Add(-notesFor))
	if err != nil {
		return err
	}
	w.publish.hush.say(notes)
	w.publish.hush.oldest = detect.MinuteOf(now.Add(-w.cfg.Notify.MaxAge).Unix())
	return nil
}

// start begins at the first stored minute, or goes on where some instance stopped.
func (w *Watch) start(ctx context.Context, p Progress) error {
	e := NewEvaluator(&w.cfg.Detectors, w.evidence)
	if p.Evaluated == 0 || p.Evaluated-rewind <= p.First {
		e.Start(p.First)
	}
	rows, err := w.tables.Incidents(ctx, p.Evaluated-rewind-detect.Memory)
	if err != nil {
		return err
	}
	if p.Evaluated > 0 && p.Evaluated-rewind > p.First {
		if err := e.Restore(ctx, p.Evaluated, rows); err != nil {
			return err
		}
	}
	w.publish.hush.muted = w.cfg.Detectors.Muted
	w.publish.Adopt(rows, e.Settled())
	w.eval, w.swept = e, e.Settled()
	w.cfg.Logger.Info("watch", "from", e.Evaluated().Time(), "incidents", len(rows))
	return nil
}

// notesFor is for how long notes of an incident count.
const notesFor = detect.Memory * time.Minute

// sweepMinutes is how often other instances' open incidents are checked.
const sweepMinutes = 15

// sweep adopts incidents that another instance opened from incomplete rows and died
// before withdrawing: their minute is settled here and they are not known here, so the
// next Publish withdraws them.
func (w *Watch) sweep(ctx context.Context, settled detect.Minute) error {
	if settled < w.swept+sweepMinutes {
		return nil
	}
	rows, err := w.tables.Incidents(ctx, settled)
	if err != nil {
		return err
	}
	w.swept = settled
	var lost []Stored
	for _, r := range rows {
		if r.State == detect.Open && r.OpenedAt <= settled && !w.publish.Knows(r.ID) {
			lost = append(lost, r)
		}
	}
	w.publish.Adopt(lost, settled)
	return nil
}

// enrich adds sources to keys' incidents when they are first written.
func (w *Watch) enrich(ctx context.Context, rows []Stored, to detect.Minute) error {
	type since struct {
		key  string
		from detect.Minute
	}
	groups := map[since][]*Stored{}
	from := map[string][]detect.Minute{}
	for i := range rows {
		r := &rows[i]
		if r.EntityType != detect.KeyEntity || len(r.Evidence.ClientIPs)+len(r.Evidence.UserAgents) > 0 ||
			r.State == detect.Withdrawn {
			continue
		}
		s := since{r.Entity, r.OpenedAt - detect.SettleMinutes}
		if len(groups[s]) == 0 {
			from[s.key] = append(from[s.key], s.from)
		}
		groups[s] = append(groups[s], r)
	}
	return w.tables.Sources(ctx, from, to, func(key string, from detect.Minute, ips, agents []string) {
		for _, r := range groups[since{key, from}] {
			r.Evidence.ClientIPs, r.Evidence.UserAgents = ips, agents
			w.publish.Enrich(r.ID, ips, agents)
		}
	})
}

// ErrNothing says that a store holds no response in the range asked for.
var ErrNothing = errors.New("no responses in this range")

// Range is what Evaluate is to look at. First is the first minute with data.
type Range struct{ First, From, To detect.Minute }

// Evaluate decides all of [r.From, r.To] at once, from what the store holds,
// and returns every incident that was open at some time in it, parents
// attached, sorted by opening. It begins as much earlier as the baselines look
// back; nothing is written.
func Evaluate(ctx context.Context, cfg *detect.Config, e Evidence, r Range) ([]detect.Incident, error) {
	found, _, err := evaluate(ctx, cfg, e, r)
	return found, err
}

// evaluate is Evaluate, and returns also the deploys that the versions of all minutes
// that it looked at tell.
func evaluate(ctx context.Context, cfg *detect.Config, e Evidence, r Range) ([]detect.Incident, []detect.Deploy,
	error) {
	if r.To < r.From || r.First == 0 || r.To < r.First {
		return nil, nil, fmt.Errorf("evaluate %s to %s: %w", r.From.Time().Format(time.RFC3339), r.To.Time().
			Format(time.RFC3339), ErrNothing)
	}
	ev := NewEvaluator(cfg, e)
	ev.Start(max(r.From-warmUp, r.First))
	pub := NewPublisher()
	all := map[string]detect.Incident{}
	var deploys []detect.Deploy
	for more := true; more; {
		var res Result
		var err error
		if res, more, err = ev.Advance(ctx, r.To); err != nil {
			return nil, nil, err
		}
		deploys = append(deploys, res.Deploys...)
		for _, s := range pub.Publish(&res) {
			all[s.ID] = s.Incident
		}
	}
	return overlapping(all, r.From, r.To), append(deploys, ev.rollouts.ahead...), nil
}

// warmUp is how much history before a range makes its baselines warm: the
// longest look back of any baseline.
const warmUp = 22 * 1440

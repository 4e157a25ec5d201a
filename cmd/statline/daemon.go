package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"statline/dashboards/console"
	"statline/ingest"
	"statline/ingest/config"
	"statline/ingest/labels"
	"statline/ingest/store"
	"statline/ingest/watch"
)

// daemon is a running daemon: its parts and their current configuration.
type daemon struct {
	sources config.Sources
	secret  []byte // keys are hashed with it; never changes while it runs
	level   slog.LevelVar
	levels  sync.Mutex  // of its own: a reload may wait for a server
	revert  *time.Timer // ends a level that was set for a while
	log     *slog.Logger

	registry *prometheus.Registry
	reloads  *prometheus.CounterVec
	current  atomic.Pointer[config.Config]

	// The parts, complete once ready is closed.
	ready chan struct{}
	store *store.Store
	mover *mover

	reloading sync.Mutex    // one at a time
	codes     string        // hash of the catalogue in force
	limits    *limitsFile   // in force
	relabel   chan struct{} // signals that the file of labels is another one
	rewatch   chan struct{} // signals that the detectors or the receivers have changed
	watch     atomic.Pointer[watch.Watch]
}

func newDaemon(st *settings, secret []byte) *daemon {
	d := &daemon{sources: st.sources, secret: secret, registry: prometheus.NewRegistry(),
		ready: make(chan struct{}), relabel: make(chan struct{}, 1), rewatch: make(chan struct{}, 1)}
	d.current.Store(st.Config)
	d.level.Set(st.Log.Slog())
	d.log = st.Log.Logger(os.Stderr, &d.level)
	d.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "statline_reloads_total",
		Help: "Reloads of the configuration, by result: ok, or failed, which changes nothing."}, []string{"result"})
	for _, result := range []string{"ok", "failed"} {
		d.reloads.WithLabelValues(result)
	}
	v := theseVersions()
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "statline_build_info",
		Help: "Always 1; the labels say which binary this is.", ConstLabels: prometheus.Labels{
			"version": v.Version, "goversion": v.Go, "decoder": strconv.Itoa(v.Decoder),
			"schema": strconv.Itoa(v.Schema)}})
	build.Set(1)
	d.registry.MustRegister(d.reloads, build)
	return d
}

// server serves the daemon's state, under the current token, and the console, to this
// machine or with its token.
func (d *daemon) server(ctx context.Context, starting *ingest.Startup) (*ingest.Server, error) {
	c := d.current.Load()
	s := &ingest.Server{Registry: d.registry, Ready: starting, Health: starting, Control: d, Log: d.log,
		Listening: ingest.Listening{
			Address: c.Daemon.Listen, Cert: c.Daemon.ListenCert, Key: c.Daemon.ListenKey,
			Token: func() (string, error) { return d.current.Load().Daemon.BearerToken() },
		}}
	if c.Console.Serve == "off" {
		return s, nil
	}
	tls := c.Daemon.ListenCert != ""
	if err := c.Console.Servable(c.Daemon.Listen, tls); err != nil {
		if c.Console.Serve == "on" {
			return nil, fmt.Errorf("--console: the console cannot be served on %s: %w", c.Daemon.Listen, err)
		}
		d.log.Info("the console is not served", "address", c.Daemon.Listen, "err", err)
		return s, nil
	}
	access := consoleAccess(&c.Console, c.Daemon.Listen, tls)
	access.Token = func() (string, error) { return d.current.Load().Console.GetToken() }
	page := console.Config{Access: access, KeyID: keyIDsOf(d.secret), Cluster: c.ClickHouse.Cluster,
		Store:      func() console.Store { return storeOf(d.opened()) },
		Objectives: func() (float64, map[string]float64) { return d.current.Load().Detect.Detectors.Objectives() }}
	if c.Console.Write {
		page.Writer = func() console.Writer { return writerOf(d.opened()) }
	}
	var err error
	s.Console, err = newConsole(ctx, page)
	return s, err
}

// opened is the store; nil while the daemon starts.
func (d *daemon) opened() *store.Store {
	select {
	case <-d.ready:
		return d.store
	default:
		return nil
	}
}

// Reloaded is the result of a reload.
type Reloaded struct {
	ConfigHash string `json:"config_hash"` // of blocks from now on; with several topics, of each
	// ConfigHashes has the hash of each topic, when there are several.
	ConfigHashes map[string]string `json:"config_hashes,omitempty"`
	Changed      []string          `json:"changed"` // settings with new values
	// NeedsRestart are settings that have new values in the file or the flags and
	// cannot change while the daemon runs.
	NeedsRestart []string `json:"needs_restart"`
}

// Reload reads file, environment and flags again and applies what can change. Each
// partition begins its next block under the new configuration. An error changes
// nothing.
func (d *daemon) Reload(ctx context.Context) (any, error) {
	done, err := d.reload(ctx)
	if err != nil {
		return nil, err
	}
	return done, nil
}

func (d *daemon) reload(ctx context.Context) (done *Reloaded, err error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	defer func() {
		if err != nil {
			d.reloads.WithLabelValues("failed").Inc()
			d.log.Error("reload failed; the configuration is the old one", "err", err)
			return
		}
		d.reloads.WithLabelValues("ok").Inc()
		d.log.Info("reloaded", "config_hash", done.ConfigHash, "changed", done.Changed, "needs_restart",
			done.NeedsRestart)
	}()
	if d.opened() == nil {
		return nil, ingest.ErrStarting
	}
	read, err := config.Load(d.sources)
	if err != nil {
		return nil, err
	}
	next, changed, restart := d.current.Load().Takeover(read)
	folding, err := next.Fold(d.secret)
	if err != nil {
		return nil, err
	}
	if _, err := checkLabels(next.Keys.Labels); err != nil {
		return nil, err
	}
	limits, err := readLimits(next.Keys.Limits)
	if err != nil {
		return nil, err
	}
	if _, err := next.Notify.Watch(); err != nil {
		return nil, err
	}
	// The connections first: the old credentials may no longer be valid. If they are
	// renewed and the rest fails, only they have changed.
	if h := &next.ClickHouse; config.Changes(changed, config.SetServer) || h.CA != "" || h.PasswordFile != "" {
		if err := d.store.Renew(ctx, h.Store()); err != nil {
			return nil, err
		}
	}
	if err := d.mover.reload(ctx, next); err != nil { // the last step that can fail
		return nil, err
	}
	d.current.Store(next)
	d.levels.Lock()
	d.setLevel(next.Log.Slog())
	d.levels.Unlock()
	d.mover.access(next.Kafka.Access())
	d.limits.set(limits, d.log)
	if config.Changes(changed, config.SetLabels) {
		tell(d.relabel)
	}
	codes := folding.Catalogue.Hash()
	if config.Changes(changed, config.SetDetect, config.SetNotify) || codes != d.codes {
		tell(d.rewatch)
	}
	d.codes = codes
	hashes := d.mover.hashes()
	done = &Reloaded{ConfigHash: hashesText(hashes), Changed: notNil(changed), NeedsRestart: notNil(restart)}
	if next.Kafka.Several() {
		done.ConfigHashes = hashes
	}
	return done, nil
}

// LogLevel is the level from which messages are logged.
type LogLevel struct {
	LogLevel string `json:"log_level"`
	// Until is when the configured level returns, nil when it does not.
	Until *time.Time `json:"until"`
}

// SetLogLevel logs from level on, for a while or, with 0, until the next call or
// reload.
func (d *daemon) SetLogLevel(level string, while time.Duration) (any, error) {
	l := config.Log{Level: level}
	if err := l.Check(); err != nil {
		return nil, err
	}
	d.levels.Lock()
	defer d.levels.Unlock()
	d.setLevel(l.Slog())
	done, says := LogLevel{LogLevel: level}, "log level "+level
	if while > 0 {
		until := time.Now().Add(while).UTC()
		done.Until = &until
		var timer *time.Timer
		timer = time.AfterFunc(while, func() {
			d.levels.Lock()
			defer d.levels.Unlock()
			if d.revert == timer {
				d.setLevel(d.current.Load().Log.Slog())
			}
		})
		d.revert = timer
		says += " for " + while.String()
	}
	d.log.Info(says)
	return done, nil
}

// setLevel logs from this level on and cancels a planned change. The caller holds
// levels.
func (d *daemon) setLevel(level slog.Level) {
	if d.revert != nil {
		d.revert.Stop()
		d.revert = nil
	}
	d.level.Set(level)
}

// Show returns the current configuration with secrets masked.
func (d *daemon) Show() any { return d.current.Load().Show() }

// tell sends a signal that may be pending already.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hashesText is one topic's config_hash, or that of each: access=c0ffee edge=bada55.
func hashesText(hashes map[string]string) string {
	var all []string
	for _, topic := range slices.Sorted(maps.Keys(hashes)) {
		if len(hashes) == 1 {
			return hashes[topic]
		}
		all = append(all, topic+"="+hashes[topic])
	}
	return strings.Join(all, " ")
}

func notNil(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// onSignal reloads at each SIGHUP until stop is called.
func (d *daemon) onSignal(ctx context.Context) (stop func()) {
	asked := hangups(ctx)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		for {
			select {
			case <-asked:
				_, _ = d.Reload(ctx) // it has logged and counted the result
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// followLabels keeps the customers' names in the store equal to the configured file,
// until ctx ends. Without a file and its follower they stay as they are.
func (d *daemon) followLabels(ctx context.Context, follower *labels.Follower) error {
	for ctx.Err() == nil {
		following, stop := context.WithCancel(ctx)
		var task errgroup.Group
		if follower != nil {
			task.Go(func() error { return follower.Run(following, labelsEvery) })
		}
		select {
		case <-d.relabel:
		case <-ctx.Done():
		}
		stop()
		if err := task.Wait(); err != nil {
			return err
		}
		var err error
		if follower, err = setLabels(ctx, d.current.Load().Keys.Labels, d.store, d.log); err != nil &&
			ctx.Err() == nil {
			d.log.Warn("key labels", "err", err) // the follower tries again by itself
		}
	}
	return nil
}

// Run runs the detectors and the notifier under the current configuration until ctx
// ends. When that changes they start again from what the store holds, as after a
// restart.
func (d *daemon) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		c := d.current.Load()
		catalogue, err := c.Lines.Catalogue()
		if err != nil {
			return err
		}
		notify, err := c.Notify.Watch()
		if err != nil {
			return err
		}
		tables := watch.NewSQL(d.store, catalogue).Limited(d.limits.inForce)
		w, notifier, err := newWatch(tables, c.Detect.Detectors, notify, time.Second, d.log)
		if err != nil {
			return err
		}
		if old := d.watch.Swap(w); old != nil {
			d.registry.Unregister(old.Collector())
		}
		d.registry.MustRegister(w.Collector())
		watching, stop := context.WithCancel(ctx)
		var tasks errgroup.Group
		tasks.Go(func() error { return w.Run(watching) })
		if notifier != nil {
			tasks.Go(func() error { return notifier.Run(watching) })
		}
		select {
		case <-d.rewatch:
		case <-ctx.Done():
		}
		stop()
		if err := tasks.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// Round runs the detectors once more.
func (d *daemon) Round(ctx context.Context) error { return d.watch.Load().Round(ctx) }

// Stopped is why the detectors cannot go on, nil when they can.
func (d *daemon) Stopped() error {
	if w := d.watch.Load(); w != nil {
		return w.Stopped()
	}
	return nil
}

// Failing is why the detectors' rounds fail, and since when.
func (d *daemon) Failing() (since time.Time, err error) {
	if w := d.watch.Load(); w != nil {
		return w.Failing()
	}
	return since, nil
}

// Moved is when the detectors last made progress.
func (d *daemon) Moved() time.Time {
	if w := d.watch.Load(); w != nil {
		return w.Moved()
	}
	return time.Time{}
}

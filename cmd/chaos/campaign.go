package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// campaign is one run: a plan, the processes, and what came of it.
type campaign struct {
	cfg  config
	dir  string
	plan []fault

	kafka              cluster
	clickhouse, native string // addresses
	engine             *process
	proxy              *proxy
	feed               *feed
	instances          []*process
	http               *http.Client

	witness *witness

	started      int      // instances so far
	configured   int      // configurations
	transactions int      // that hung
	epoch        int      // of the topic
	told         []string // more arguments for every instance
	rounds       []round
	maxRSS       int64

	mu         sync.Mutex // for what log lines touch
	isAttended bool       // an operator is needed, see attended
	stopsSeen  int        // while attended
	failures   []string
	recovered  []time.Time
	lost       uint64
	doubled    uint64
	overlaps   uint64
	skipped    uint64            // records that retention deleted unread
	doubledIn  map[string]uint64 // by table
}

// round is what happened.
type round struct {
	fault
	began, struck, ended time.Time
	missed               bool // the fault found nothing to strike
}

func newCampaign(cfg config, dir string, plan []fault) (*campaign, error) {
	if _, err := os.Stat(cfg.binary); err != nil {
		return nil, fmt.Errorf("%w; make chaos builds it", err)
	}
	c := &campaign{cfg: cfg, dir: dir, plan: plan, doubledIn: map[string]uint64{},
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	var err error
	if c.kafka, err = clusters[cfg.broker](cfg.binary, dir); err != nil {
		return nil, err
	}
	if c.clickhouse, err = freeAddress(); err != nil {
		return nil, err
	}
	if c.native, err = freeAddress(); err != nil {
		return nil, err
	}
	c.witness = &witness{c: c}
	c.proxy = newProxy(c.clickhouse, c.native)
	c.feed, err = newFeed(cfg, c.kafka)
	return c, err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// run goes through the plan and judges. passed counts the checks that held.
func (c *campaign) run(ctx context.Context) (passed int, err error) {
	began := time.Now()
	defer func() {
		for _, p := range append(c.instances, c.engine) {
			if p != nil {
				p.kill()
			}
		}
		err = errors.Join(err, killAllNodes(c.kafka), c.proxy.close())
	}()
	if err := errors.Join(c.kafka.start(ctx), c.startEngine(ctx)); err != nil {
		return 0, err
	}
	if err := c.writeConfig(); err != nil {
		return 0, err
	}
	// The first instance dies where a partition starts.
	if err := c.startInstance("anchor:3"); err != nil {
		return 0, err
	}
	for range 2 {
		if err := c.startInstance(""); err != nil {
			return 0, err
		}
	}
	if c.startsAtLatest() {
		if err := c.awaitBegun(ctx); err != nil {
			return 0, err
		}
	}
	producing, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { c.feed.run(producing, max(1, c.cfg.lines/4), 250*time.Millisecond) })
	blind := c.startWitness(ctx)
	defer blind()
	err = c.allRounds(ctx)
	stop()
	background.Wait()
	if err != nil {
		return 0, err
	}
	passed, err = c.judge(ctx, blind)
	if err == nil {
		c.report(ctx, time.Since(began))
	}
	return passed, err
}

// startWitness starts the check of every second; end ends it. Without tokens there is none,
// because the audit is meant to find differences.
func (c *campaign) startWitness(ctx context.Context) (end func()) {
	if c.cfg.noTokens {
		return func() {}
	}
	looking, stop := context.WithCancel(ctx)
	var looks sync.WaitGroup
	looks.Go(func() { c.witness.run(looking) })
	return func() {
		stop()
		looks.Wait()
	}
}

// allRounds injects the faults, one after the other.
func (c *campaign) allRounds(ctx context.Context) error {
	began := time.Now()
	if err := c.settle(ctx, began); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	for i, f := range c.plan {
		if i > 0 && c.cfg.limit > 0 && time.Since(began) > c.cfg.limit {
			fmt.Printf("%v are over after %d of %d rounds\n", c.cfg.limit, i, len(c.plan))
			break
		}
		r := round{fault: f, began: time.Now()}
		sleep(ctx, f.delay)
		if err := c.replaceDead(); err != nil {
			return err
		}
		r.struck = time.Now()
		hit, err := c.inject(ctx, f)
		if err != nil {
			return fmt.Errorf("round %d, %s: %w", i+1, f.name(), err)
		}
		r.missed = !hit
		if f.settle {
			if err := c.settle(ctx, time.Now()); err != nil {
				return fmt.Errorf("round %d, %s: %w", i+1, f.name(), err)
			}
		}
		r.ended = time.Now()
		c.rounds = append(c.rounds, r)
		fmt.Printf("%4d/%d  %-34s %5.1f s%s%s\n", i+1, len(c.plan), f.name(), r.ended.Sub(r.began).Seconds(),
			map[bool]string{true: "  (not reached)"}[r.missed], map[bool]string{true: "  and kill -9"}[f.also])
		if c.feed.failed() != nil {
			return fmt.Errorf("round %d, %s: produce: %w", i+1, f.name(), c.feed.failed())
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// judge lets everything catch up without faults and compares. blind ends the check of every
// second.
func (c *campaign) judge(ctx context.Context, blind func()) (passed int, err error) {
	c.proxy.lift()
	if err := c.replaceDead(); err != nil {
		return 0, err
	}
	if err := c.feed.end(); err != nil {
		return 0, err
	}
	want, err := c.feed.truth()
	if err != nil {
		return 0, err
	}
	if err := c.awaitCaughtUp(ctx); err != nil {
		if !c.cfg.noTokens {
			return 0, err
		}
	} else {
		passed++
	}
	blind()
	if !c.cfg.noTokens {
		if err := c.witness.awaitCalm(ctx); err != nil {
			return passed, err
		}
		passed++
		if c.witness.untrue == 0 {
			passed++
		}
	}
	for _, p := range c.instances {
		p.signal(syscall.SIGTERM)
	}
	for _, p := range c.instances {
		if !p.ended(15 * time.Second) {
			c.fail("%s did not end within 15 s of SIGTERM", p.name)
		} else if p.err != nil {
			c.fail("%s: SIGTERM: %v\n    %s", p.name, p.err, p.last())
		}
		c.maxRSS = max(c.maxRSS, p.maxRSS)
	}
	c.instances = nil
	a, err := c.runAudit(ctx)
	if err != nil {
		return passed, err
	}
	if c.cfg.midInsert && !a.OK {
		fmt.Printf("the audit found %d differences\n", len(a.Differences))
		if err := c.repair(ctx); err != nil {
			return passed, err
		}
		if a, err = c.runAudit(ctx); err != nil {
			return passed, err
		}
	}
	for _, d := range a.Differences {
		if d.Kind == "overlap" || d.Kind == "hole" {
			c.overlaps++
		}
	}
	if a.OK {
		passed++
	} else {
		c.fail("audit: %d differences: %s", len(a.Differences), cutText(a.text, 3000))
	}
	n, err := c.compare(ctx, want)
	return passed + n, err
}

// settleWithin is how long every partition may take to move; a busy machine
// misses heartbeats, and then nothing moves for some generations of the group.
const settleWithin = 3 * time.Minute

// settle waits until every partition has stored something after since.
func (c *campaign) settle(ctx context.Context, since time.Time) error {
	for deadline := time.Now().Add(settleWithin); time.Now().Before(deadline); {
		if c.moved(ctx, since) {
			return nil
		}
		if err := c.feed.failed(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		if err := c.replaceDead(); err != nil {
			return err
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("not every partition moved within %v", settleWithin)
}

// moved says whether every partition has stored something after since.
func (c *campaign) moved(ctx context.Context, since time.Time) bool {
	rows, err := c.query(ctx,
		fmt.Sprintf("SELECT count() FROM (SELECT partition FROM statline.ledger WHERE state = 'stored' AND kind = 'block' AND"+
			" written_at > fromUnixTimestamp64Milli(%d) GROUP BY partition)", since.UnixMilli()))
	return err == nil && len(rows) == 1 && rows[0][0] == fmt.Sprint(c.feed.partitions.Load())
}

func (c *campaign) startEngine(ctx context.Context) (err error) {
	c.engine, err = startSandbox(ctx, c.cfg.binary, c.dir, "engine", "--kafka", "", "--clickhouse", c.clickhouse,
		"--native", c.native)
	return err
}

// brokers is Kafka's addresses as --brokers takes them.
func (c *campaign) brokers() string { return strings.Join(c.kafka.addresses(), ",") }

// startInstance starts an instance of run, every second one over the native
// protocol unless all speak one; crashAt is step:n or "".
func (c *campaign) startInstance(crashAt string) error {
	number := c.started
	c.started++
	endpoint := c.proxy.endpoint
	if c.cfg.protocol == overNative || c.cfg.protocol == "" && number%2 == 1 {
		endpoint = c.proxy.nativeEndpoint
	}
	address, err := endpoint(number)
	if err != nil {
		return err
	}
	env := []string{"STATLINE_CRASH_AT=" + crashAt}
	if c.cfg.noTokens {
		env = append(env, "STATLINE_CHAOS_NO_TOKENS=1")
	}
	from := "earliest"
	if c.startsAtLatest() {
		from = "latest"
	}
	p, err := spawn(c.dir, fmt.Sprintf("run-%03d", number), c.cfg.binary, env, c.onLine, append([]string{
		"run", "--config", c.configFile(), "--from", from, "--brokers", c.brokers(), "--topic", topic, "--group", group,
		"--clickhouse", address, "--listen", "127.0.0.1:0",
		"--memory-budget", "16MiB", "--flush-interval", "700ms", "--on-gap", "skip",
		"--kafka-session-timeout", session.String(), "--kafka-heartbeat", heartbeat.String()}, c.told...)...)
	if err != nil {
		return err
	}
	p.number = number
	c.witness.watch(p)
	c.instances = append(c.instances, p)
	return nil
}

// onLine watches the instances' logs.
func (c *campaign) onLine(line string) {
	switch {
	case strings.Contains(line, `msg="finishing a declared block"`):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.recovered = append(c.recovered, time.Now())
	case stopped(line):
		if !c.expected() {
			c.fail("a partition stopped: %s", line)
		}
	case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "):
		c.fail("an instance broke: %s", line)
	}
}

func (c *campaign) fail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) < 40 {
		c.failures = append(c.failures, fmt.Sprintf(format, args...))
	}
}

// replaceDead starts another for each instance that has died; one that was
// not killed by a signal is a failure.
func (c *campaign) replaceDead() error {
	for _, p := range slices.Clone(c.instances) {
		select {
		case <-p.done:
		default:
			continue
		}
		if !p.killed() {
			c.fail("%s ended by itself: %v\n    %s", p.name, p.err, p.last())
		}
		c.forget(p)
		if err := c.startInstance(""); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func cutText(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

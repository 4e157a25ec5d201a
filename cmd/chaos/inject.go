package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"statline/ingest/traffic"
)

// inject strikes and heals; hit is false when there was nothing to strike.
func (c *campaign) inject(ctx context.Context, f fault) (hit bool, err error) {
	victim := c.instances[f.victim%len(c.instances)]
	if f.also {
		other := c.instances[(f.victim+1)%len(c.instances)]
		timer := time.AfterFunc(f.span/2, other.kill)
		defer timer.Stop()
	}
	switch f.kind {
	case kill:
		victim.kill()
		sleep(ctx, f.span/4)
	case killAll:
		for _, p := range c.instances {
			p.kill()
		}
	case crash:
		return c.crashAt(f, victim)
	case pause:
		victim.signal(syscall.SIGSTOP)
		sleep(ctx, f.span)
		victim.signal(syscall.SIGCONT)
	case late:
		return c.lateInsert(ctx, f, victim)
	case grow:
		return true, c.startInstance("")
	case shrink:
		c.remove(victim)
	case broker:
		return true, c.restartNode(ctx, f)
	case brokers, engine, both:
		return c.restart(ctx, f.kind, f.span/4)
	case expire:
		return c.expireUnread(ctx, f, victim)
	case away:
		return c.storeAway(ctx, f)
	case configure:
		return c.configure(ctx, f)
	case extend:
		return c.extend(ctx, f)
	case commits, aborts:
		return c.hangTransaction(ctx, f)
	case recreate:
		return c.recreate(ctx, f)
	case restore:
		return c.restoreOlder(ctx, f)
	case unstamped:
		return true, c.feed.unstamped(200)
	case poison:
		return true, c.feed.poison(200)
	case oversize:
		return true, c.feed.produce(12, 900_000)
	default:
		return c.disturb(ctx, f)
	}
	return true, c.replaceDead()
}

// disturb makes the proxy disturb requests for a while, or one insert.
func (c *campaign) disturb(ctx context.Context, f fault) (hit bool, err error) {
	defer c.proxy.lift()
	rule := rule{client: -1, status: f.status, delay: f.span / 8}
	switch f.kind {
	case refuse:
		rule.mode = dropBefore
	case hang:
		rule.mode = neverAnswer
	case broken:
		rule.mode = answerError
	case slow:
		rule.mode = answerSlow
	case cut:
		rule.mode, rule.table, rule.once = dropAfter, f.target, true
		return c.awaitHit(ctx, c.proxy.impose(rule), 20*time.Second), nil
	default:
		return false, fmt.Errorf("no such fault: %q", f.kind)
	}
	r := c.proxy.impose(rule)
	sleep(ctx, f.span)
	return c.awaitHit(ctx, r, 0), nil
}

func (c *campaign) awaitHit(ctx context.Context, r *rule, limit time.Duration) bool {
	select {
	case <-r.hit:
		return true
	default:
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-r.hit:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// crashAt replaces the victim by an instance that dies at a step. For recover
// the victim dies at once, so that there is something to recover.
func (c *campaign) crashAt(f fault, victim *process) (hit bool, err error) {
	if f.target == "recover" {
		victim.kill()
		c.forget(victim)
	} else {
		c.remove(victim)
	}
	if err := c.startInstance(fmt.Sprintf("%s:%d", f.target, f.nth)); err != nil {
		return false, err
	}
	doomed := c.instances[len(c.instances)-1]
	hit = doomed.ended(20 * time.Second)
	doomed.kill()
	return hit, c.replaceDead()
}

// lateInsert keeps one insert of the victim on its way while the victim dies
// and the next owner finishes the block, and then lets it arrive.
func (c *campaign) lateInsert(ctx context.Context, f fault, victim *process) (hit bool, err error) {
	defer c.proxy.lift()
	held := c.proxy.impose(rule{mode: holdBack, table: f.target, client: victim.number, once: true})
	if !c.awaitHit(ctx, held, 15*time.Second) {
		return false, c.replaceDead()
	}
	victim.kill()
	if err := c.replaceDead(); err != nil {
		return false, err
	}
	sleep(ctx, session+2*time.Second)
	return true, nil
}

// remove ends an instance as an operator does.
func (c *campaign) remove(p *process) {
	p.signal(syscall.SIGTERM)
	if !p.ended(15 * time.Second) {
		c.fail("%s did not end within 15 s of SIGTERM", p.name)
		p.kill()
	} else if p.err != nil && !p.killed() {
		c.fail("%s: SIGTERM: %v\n    %s", p.name, p.err, p.last())
	}
	c.forget(p)
}

// forget takes an ended instance off the list, so that it is not replaced.
func (c *campaign) forget(p *process) {
	c.maxRSS = max(c.maxRSS, p.maxRSS)
	c.instances = slices.DeleteFunc(c.instances, func(q *process) bool { return q == p })
}

// restartNode kills one node of Kafka for longer than the others wait for it.
// Where there are others, production goes on.
func (c *campaign) restartNode(ctx context.Context, f fault) error {
	if c.kafka.nodes() == 1 {
		_, err := c.restart(ctx, brokers, f.span/4)
		return err
	}
	node := f.victim % c.kafka.nodes()
	if err := c.kafka.kill(node); err != nil {
		return err
	}
	sleep(ctx, f.span)
	return c.kafka.restart(ctx, node)
}

// restart kills all brokers, the engine or both. Nothing is being produced then:
// what is acknowledged has to survive, and what is not is not counted.
//
// The engine is killed between two inserts, unless midInsert is set. On tables
// that are not replicated ClickHouse writes an insert's token to disk before it
// commits the part, and does not compare the two when it starts: killed in
// between, it drops the repetition of an insert that it does not have. The
// audit finds that; no client can prevent it.
func (c *campaign) restart(ctx context.Context, what kind, down time.Duration) (hit bool, err error) {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	if what != brokers && !c.cfg.midInsert && !c.proxy.drain(ctx) {
		c.proxy.lift()
		return false, nil
	}
	if what != engine {
		err = killAllNodes(c.kafka)
	}
	if what != brokers {
		c.engine.kill()
		c.proxy.lift() // what was held back finds nobody
	}
	sleep(ctx, down)
	if what != engine {
		err = errors.Join(err, restartDead(ctx, c.kafka))
	}
	if what != brokers {
		err = errors.Join(err, c.startEngine(ctx))
	}
	return true, err
}

// expireUnread lets retention delete records that nobody has read. They are malformed, so
// that the result for responses stays known. The instances have read everything else by then,
// and are killed, or stopped for less than a session. A stopped one still gets what it asked
// the broker for before; the second half is gone when it asks again.
func (c *campaign) expireUnread(ctx context.Context, f fault, victim *process) (hit bool, err error) {
	if f.target == "gap" {
		c.remove(victim)
		if err := c.startInstance("gap:1"); err != nil {
			return false, err
		}
	}
	doomed := c.instances[len(c.instances)-1]
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	if err := c.awaitCaughtUp(ctx); err != nil {
		return false, err
	}
	wake := func() error { return c.replaceDead() }
	if f.target == "resume" {
		for _, p := range c.instances {
			p.kill()
		}
	} else {
		for _, p := range c.instances {
			p.signal(syscall.SIGSTOP)
		}
		wake = func() error {
			for _, p := range c.instances {
				p.signal(syscall.SIGCONT)
			}
			return nil
		}
	}
	n := 100 * int(c.feed.partitions.Load())
	for range 2 {
		if err := c.feed.sendMalformed(n); err != nil {
			return false, err
		}
	}
	c.feed.doomed += uint64(2 * n)
	if err := traffic.Expire(ctx, c.kafka.addresses(), topic); err != nil {
		return false, err
	}
	if err := wake(); err != nil {
		return false, err
	}
	if f.target == "gap" {
		hit = doomed.ended(20 * time.Second)
		return hit, c.replaceDead()
	}
	return true, nil
}

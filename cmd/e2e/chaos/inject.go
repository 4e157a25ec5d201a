package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
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
	case restart:
		return c.restartSandbox(ctx, f.span/4)
	case poison:
		return true, c.feed.poison(200)
	case oversize:
		return true, c.feed.produce(12, 900_000)
	default:
		return c.disturb(ctx, f)
	}
	return true, c.replaceDead()
}

// disturb lets the proxy do something to requests for a while, or to one
// insert.
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

// restartSandbox kills broker and engine together. Nothing is being produced
// then: what is acknowledged has to survive, and what is not is not counted.
//
// The engine is killed between two inserts, unless midInsert is set. On tables
// that are not replicated ClickHouse writes an insert's token to disk before it
// commits the part, and does not compare the two when it starts: killed in
// between, it drops the repetition of an insert that it does not have. The
// audit finds that; no client can prevent it.
func (c *campaign) restartSandbox(ctx context.Context, down time.Duration) (hit bool, err error) {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	if !c.cfg.midInsert && !c.proxy.drain(ctx) {
		c.proxy.lift()
		return false, nil
	}
	c.sandbox.kill()
	c.proxy.lift() // what was held back finds nobody
	sleep(ctx, down)
	return true, c.startSandbox(ctx)
}

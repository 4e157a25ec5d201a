package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"statline/ingest/traffic"
)

// extend adds a partition to the topic. It counts from its first record on,
// also where reading began at the latest.
func (c *campaign) extend(ctx context.Context, _ fault) (hit bool, err error) {
	c.feed.mu.Lock()
	n := c.feed.partitions.Add(1)
	err = traffic.AddPartitions(ctx, c.kafka.addresses(), topic, int(n))
	c.feed.mu.Unlock()
	if err != nil {
		return false, err
	}
	return true, c.settle(ctx, time.Now())
}

// startsAtLatest reports whether the instances start at the latest offset: in a run that
// extends the topic, because from the earliest nothing could be skipped. Nothing is produced
// before all partitions have begun.
func (c *campaign) startsAtLatest() bool {
	return slices.ContainsFunc(c.plan, func(f fault) bool { return f.kind == extend })
}

// awaitBegun waits until the group knows where each partition begins.
func (c *campaign) awaitBegun(ctx context.Context) error {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		begun := 0
		offsets, err := traffic.ReadOffsets(ctx, c.kafka.addresses(), topic, group)
		for _, o := range offsets {
			if o.Committed >= 0 {
				begun++
			}
		}
		if err == nil && begun == partitions {
			return nil
		}
		if err := c.replaceDead(); err != nil {
			return err
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return errors.New("not every partition began within two minutes")
}

// recreate deletes the topic and creates it again, at rest or while a block waits for
// ClickHouse. Unread records are lost; they are malformed, so that the result for responses
// stays known. All records of the new topic must be counted, once the operator has said that
// it is a new one.
func (c *campaign) recreate(ctx context.Context, f fault) (hit bool, err error) {
	defer c.attended()()
	if err := c.anotherTopic(ctx, f); err != nil {
		return false, err
	}
	return true, c.nextEpoch(ctx, time.Now())
}

func (c *campaign) anotherTopic(ctx context.Context, f fault) error {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	defer c.proxy.lift()
	if err := c.awaitCaughtUp(ctx); err != nil {
		return err
	}
	n := 100 * int(c.feed.partitions.Load())
	if f.target == "in a block" {
		waits := c.proxy.impose(rule{mode: dropBefore, client: -1})
		if err := c.feed.sendMalformed(n); err != nil {
			return err
		}
		c.feed.gone += uint64(n)
		c.awaitHit(ctx, waits, 20*time.Second)
		sleep(ctx, f.span/2)
	}
	err := traffic.DeleteTopic(ctx, c.kafka.addresses(), topic)
	if err == nil {
		err = traffic.CreateTopic(ctx, c.kafka.addresses(), topic, c.feed.partitions.Load())
	}
	if err == nil {
		// The new log is soon longer than the block that waits.
		err = c.feed.sendLocked(4*n, c.feed.good(0))
	}
	sleep(ctx, f.span/2)
	return err
}

// nextEpoch raises the epoch, as an operator does, if instances have stopped because the topic
// is a new one.
func (c *campaign) nextEpoch(ctx context.Context, since time.Time) error {
	for deadline := since.Add(2 * time.Minute); time.Now().Before(deadline); {
		if c.stops() > 0 {
			c.epoch++
			return c.restartAll(ctx, "--epoch", fmt.Sprint(c.epoch))
		}
		if c.moved(ctx, since) {
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return errors.New("two minutes after the topic was recreated the instances neither go on nor stop")
}

// stopped finds what an instance says when a partition cannot go on.
func stopped(line string) bool { return strings.Contains(line, `msg="partition stopped"`) }

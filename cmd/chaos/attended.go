package main

import (
	"context"
	"time"
)

// attended begins a time in which an operator is needed: instances may stop a partition, and
// the fault itself judges what they say. end ends it.
func (c *campaign) attended() (end func()) {
	c.witness.looking.Lock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isAttended, c.stopsSeen = true, 0
	return func() {
		c.mu.Lock()
		c.isAttended = false
		c.mu.Unlock()
		c.witness.past = nil
		c.witness.looking.Unlock()
	}
}

// expected counts a stop and reports whether an operator is there.
func (c *campaign) expected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopsSeen++
	return c.isAttended
}

// stops is how often a partition has stopped while attended.
func (c *campaign) stops() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopsSeen
}

// restartAll ends all instances and starts as many new ones with more arguments, which later
// ones get too.
func (c *campaign) restartAll(ctx context.Context, more ...string) error {
	c.told = more
	n := len(c.instances)
	for len(c.instances) > 0 {
		c.remove(c.instances[0])
	}
	for range n {
		if err := c.startInstance(""); err != nil {
			return err
		}
	}
	return c.settle(ctx, time.Now())
}

package main

import (
	"context"
	"fmt"
	"time"
)

// noticed is how long an instance may take to turn red or green: three times its promise.
const noticed = 45 * time.Second

// storeAway takes ClickHouse away while nothing arrives, so that no block fails: every
// instance must report it all the same, and report when it is back.
func (c *campaign) storeAway(ctx context.Context, f fault) (hit bool, err error) {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	defer c.proxy.lift()
	if err := c.awaitCaughtUp(ctx); err != nil {
		return false, err
	}
	c.proxy.impose(rule{client: -1, mode: []mode{dropBefore, neverAnswer, answerError}[f.victim%3], status: f.status})
	c.mustSay(ctx, "without ClickHouse", false)
	c.proxy.lift()
	if err := c.replaceDead(); err != nil {
		return false, err
	}
	c.mustSay(ctx, "with ClickHouse again", true)
	return true, nil
}

// mustSay waits until every instance says that it is ready, or that it is not.
func (c *campaign) mustSay(ctx context.Context, when string, ready bool) {
	began, who := time.Now(), ""
	for time.Since(began) < noticed {
		who = ""
		claims := c.witness.claims(ctx)
		for p, s := range claims {
			if s.Ready != ready {
				who = fmt.Sprintf("%s says %+v", p.name, s)
			}
		}
		if living := len(c.witness.living()); who == "" && len(claims) == living {
			return
		}
		if !sleep(ctx, glance) {
			return
		}
	}
	if who != "" { // and not only too slow to answer
		c.fail("%s for %v: %s", when, noticed, who)
	}
}

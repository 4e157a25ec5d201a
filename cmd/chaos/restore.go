package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// restoreOlder restores a copy of ClickHouse's data from before the last blocks. The audit
// must find differences and no instance may be ready, until the operator tells them to read
// the missing records again.
func (c *campaign) restoreOlder(ctx context.Context, f fault) (hit bool, err error) {
	defer c.attended()()
	data, older := filepath.Join(c.dir, "engine"), filepath.Join(c.dir, "engine-older")
	if hit, err := c.withoutEngine(ctx, func() error {
		return errors.Join(os.RemoveAll(older), exec.Command("cp", "-a", data, older).Run())
	}); !hit || err != nil {
		return hit, err
	}
	sleep(ctx, f.span)
	if err := c.settle(ctx, time.Now()); err != nil {
		return false, err
	}
	for _, p := range c.instances {
		p.kill()
	}
	if hit, err := c.withoutEngine(ctx, func() error {
		return errors.Join(os.RemoveAll(data), os.Rename(older, data))
	}); !hit || err != nil {
		return hit, err
	}
	c.told = nil
	if err := c.replaceDead(); err != nil {
		return false, err
	}
	if err := c.awaitRefusal(ctx); err != nil {
		return false, err
	}
	err = c.restartAll(ctx, "--resume-at", "ledger")
	c.told = nil // an answer to this restoration, not to the next one
	return true, err
}

// withoutEngine does something while the engine is down, killed between two
// inserts. Nothing is being produced then.
func (c *campaign) withoutEngine(ctx context.Context, do func() error) (hit bool, err error) {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	defer c.proxy.lift()
	if !c.proxy.drain(ctx) {
		return false, nil
	}
	c.engine.kill()
	c.proxy.lift()
	return true, errors.Join(do(), c.startEngine(ctx))
}

// awaitRefusal waits until every instance with partitions refuses to go on, and checks what
// the audit says.
func (c *campaign) awaitRefusal(ctx context.Context) error {
	why := ""
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); {
		if why = c.notRefused(ctx); why == "" {
			break
		}
		if !sleep(ctx, glance) {
			return context.Cause(ctx)
		}
	}
	if why != "" {
		c.fail("an older ClickHouse was restored: %s", why)
	}
	if a, err := c.runAudit(ctx); err != nil {
		return err
	} else if a.OK {
		c.fail("an older ClickHouse was restored, and the audit finds no difference: %s", cutText(a.text, 2000))
	}
	return nil
}

func (c *campaign) notRefused(ctx context.Context) string {
	claims := c.witness.claims(ctx)
	partitions := 0
	for p, s := range claims {
		partitions += len(s.Partitions)
		if s.Ready {
			return fmt.Sprintf("%s is ready: %+v", p.name, s)
		}
	}
	if partitions < int(c.feed.partitions.Load()) {
		return fmt.Sprintf("%d instances show %d partitions", len(claims), partitions)
	}
	return ""
}

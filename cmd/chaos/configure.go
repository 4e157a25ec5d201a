package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// configFile is what every instance reads at its start, and when it is told to.
func (c *campaign) configFile() string { return filepath.Join(c.dir, "statline.yaml") }

// writeConfig writes the n-th configuration. They differ in a rule for routes,
// and so in config_hash and in rows, in nothing that is compared.
func (c *campaign) writeConfig() error {
	c.configured++
	text := fmt.Sprintf("routes:\n  - pattern: /3/movie/**\n    route: /3/movie/%d\n", c.configured)
	return os.WriteFile(c.configFile(), []byte(text), 0o644)
}

// configure changes the configuration and tells every second instance; the
// others learn of it when they start again. Blocks that were declared under
// the old one are finished under it, whoever finishes them.
func (c *campaign) configure(_ context.Context, f fault) (hit bool, err error) {
	if err := c.writeConfig(); err != nil {
		return false, err
	}
	for i, p := range c.instances {
		if i%2 == f.victim%2 {
			p.signal(syscall.SIGHUP)
		}
	}
	return true, c.replaceDead()
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// configFile is the file that every instance reads at its start and at a reload.
func (c *campaign) configFile() string { return filepath.Join(c.dir, "statline.yaml") }

// writeConfig writes the next configuration. Configurations differ in a rule for routes, and
// so in config_hash and rows, but in nothing that is compared.
func (c *campaign) writeConfig() error {
	c.configured++
	text := fmt.Sprintf("routes:\n  - pattern: /3/movie/**\n    route: /3/movie/%d\n", c.configured)
	return os.WriteFile(c.configFile(), []byte(text), 0o644)
}

// configure changes the configuration and reloads every second instance; the others read it
// at their next start. Blocks that were declared under the old one are finished under it,
// whoever finishes them.
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

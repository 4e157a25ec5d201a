package watch

import (
	"context"
	"fmt"
	"strings"

	"statline/classify/detect"
)

// clients are to client addresses what keys is to keys.
type clients struct {
	*entities[string, detect.Client, detect.ClientMinute]
}

func newClients(cfg *detect.Config) *clients {
	create := func(ip string) detect.Client { return detect.Client{IP: ip} }
	c := &clients{newEntities(cfg, detect.Clients(), strings.Compare, create)}
	c.find = named
	return c
}

func (c *clients) take(r *ClientRow) { c.put(c.get(r.IP), r.ClientMinute) }

// read reads the rows of every client that matters. The rules compare with all
// requests of a day, so all rows of a day are needed.
func (c *clients) read(ctx context.Context, ev Evidence, b *Rows, settled, _ detect.Minute) error {
	first := settled + 1 - detect.ClientLookback
	candidates, err := ev.ClientCandidates(ctx, b.Minutes, first, c.cfg.ClientCandidate())
	if err != nil {
		return fmt.Errorf("look for failing clients: %w", err)
	}
	fresh, known := c.follow(candidates, nil)
	if err := ev.Clients(ctx, Need{known, b.Minutes, fresh, first}, c.take); err != nil {
		return fmt.Errorf("read the rows of %d clients: %w", len(known)+len(fresh), err)
	}
	c.complete(fresh)
	return nil
}

func (c *clients) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	return c.Sums(inc.Rule, l.clients[inc.Entity], from, to)
}

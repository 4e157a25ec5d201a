package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// line is one row of the table.
type line struct {
	name                 string
	injected, missed     int
	takeovers, recovered int
	still                time.Duration // the longest time without progress of a partition
}

// storedBlock is a block as the ledger has it.
type storedBlock struct {
	partition, instance string
	config              string // config_hash
	at                  time.Time
	days                int
}

// report prints what was injected and what it did.
func (c *campaign) report(ctx context.Context, took time.Duration) {
	blocks, err := c.blocks(ctx)
	if err != nil {
		c.fail("report: %v", err)
		return
	}
	lines, wide, configs := c.tabulate(blocks), 0, map[string]bool{}
	for _, b := range blocks {
		if b.days > 1 {
			wide++
		}
		configs[b.config] = true
	}
	fmt.Printf("\nseed %d, %d rounds, %v, %d instances started, largest %d MiB; %d records, %d blocks under %d configurations, %d of them over several days\n\n", c.cfg.seed, len(c.rounds),
		took.Round(time.Second), c.started, c.maxRSS>>20, c.feed.records, len(blocks), len(configs), wide)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\tinjected\tnot reached\ttakeovers\tblocks recovered\tlongest pause\t")
	var total line
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.1f s\t\n", l.name, l.injected, l.missed, l.takeovers, l.recovered,
			l.still.Seconds())
		total.injected += l.injected
		total.missed += l.missed
		total.takeovers += l.takeovers
		total.recovered += l.recovered
		total.still = max(total.still, l.still)
	}
	fmt.Fprintf(w, "total\t%d\t%d\t%d\t%d\t%.1f s\t\n", total.injected, total.missed, total.takeovers, total.recovered,
		total.still.Seconds())
	_ = w.Flush() // standard output
	fmt.Println()
	if !c.cfg.noTokens {
		fmt.Printf("%d statuses and %d audits compared with what the run knows: %d untrue\n", c.witness.statuses,
			c.witness.audits, c.witness.untrue)
	}
	fmt.Printf("lost %d, doubled %d, overlaps %d; %d records deleted by retention before they were read\n", c.lost,
		c.doubled, c.overlaps, c.skipped)
}

func (c *campaign) blocks(ctx context.Context) ([]storedBlock, error) {
	rows, err := c.query(ctx,
		"SELECT partition, instance, toUnixTimestamp64Milli(written_at), length(days), config_hash FROM statline.ledger"+
			" WHERE state = 'stored' AND kind = 'block' ORDER BY partition, first")
	if err != nil {
		return nil, err
	}
	blocks := make([]storedBlock, len(rows))
	for i, row := range rows {
		ms, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			return nil, err
		}
		days, err := strconv.Atoi(row[3])
		if err != nil {
			return nil, err
		}
		blocks[i] = storedBlock{row[0], row[1], row[4], time.UnixMilli(ms), days}
	}
	return blocks, nil
}

// tabulate attributes each event to the round in which it happened, and a pause to every
// round that struck in it.
func (c *campaign) tabulate(blocks []storedBlock) []*line {
	byName := map[string]*line{}
	of := func(r *round) *line {
		l := byName[r.name()]
		if l == nil {
			l = &line{name: r.name()}
			byName[r.name()] = l
		}
		return l
	}
	at := func(when time.Time) *line { // of the last round that began before
		i, _ := slices.BinarySearchFunc(c.rounds, when, func(r round, t time.Time) int { return r.struck.Compare(t) })
		if i == 0 {
			return nil
		}
		return of(&c.rounds[i-1])
	}
	for i := range c.rounds {
		r := &c.rounds[i]
		if l := of(r); r.missed {
			l.missed++
		} else {
			l.injected++
		}
	}
	for _, when := range c.recovered {
		if l := at(when); l != nil {
			l.recovered++
		}
	}
	for i := 1; i < len(blocks); i++ {
		a, b := &blocks[i-1], &blocks[i]
		if a.partition != b.partition {
			continue
		}
		if l := at(b.at); l != nil && a.instance != b.instance {
			l.takeovers++
		}
		for j := range c.rounds {
			if r := &c.rounds[j]; !r.struck.Before(a.at) && r.struck.Before(b.at) {
				of(r).still = max(of(r).still, b.at.Sub(a.at))
			}
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *line) int { return strings.Compare(a.name, b.name) })
}

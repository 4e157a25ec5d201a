package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// The assumptions of scale.
const (
	// busy is the planned share of a core; the rest is for bursts, rebalances and queries.
	busy = 0.6
	// instanceCores is the number of cores of one instance.
	instanceCores = 2.0
	// partitionsAnInstance let the group share the load evenly.
	partitionsAnInstance = 4
	// insertsATable is how many INSERTs a second all partitions together send to a table at
	// most (ingest/source).
	insertsATable = 4.0
	// shardCores is a ClickHouse server of usual size.
	shardCores = 16.0
)

// constants are what the stages run and storage measured, of a record each.
type constants struct {
	daemon, engine, broker float64 // microseconds of CPU
	inserted, merged       float64 // rows written by INSERTs, and written again by merges
	minuteBytes, hourBytes float64 // on disk after all merges
}

// scale writes what it would take to store up to ten million records a second.
func (b *bench) scale(path string, at time.Time) error {
	c := b.constants
	if c.daemon == 0 || c.minuteBytes == 0 {
		return errors.New("--scale: the stages run and storage measure what it multiplies; choose both")
	}
	var t bytes.Buffer
	fmt.Fprintf(&t, `# What a million records a second take, and ten

Written by `+"`make bench`"+` on %s; do not edit. The constants were measured on %s, load %.1f; everything below them is arithmetic, and nothing of it was run.

| Measured, of a record | |
|---|--:|
| CPU of the daemon | %.2f µs |
| CPU of ClickHouse, its INSERTs and the merges during them | %.2f µs |
| CPU of the broker that is read | %.2f µs |
| rows that INSERTs write, all tables | %.3f |
| rows that merges write again | %.3f |
| minute tables on disk | %.2f bytes |
| hour tables on disk | %.2f bytes |

The records are those of the scenario bench (`+"`statline generate --scenario bench`"+`): ten thousand keys, twenty services. Rows are what costs ClickHouse: with ten times the records and the same keys a minute has no more rows, so that the table says too much for it; with a million keys in each minute it says too little (the stage keys).

| Records a second | Daemon's cores | Instances of %g cores | Partitions | ClickHouse's cores | Shards of %g cores | INSERTs a second, a table of a shard | Rows an INSERT, all tables | Minute rows a day | Hour rows a year |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`, at.UTC().Format("2006-01-02"), machine(), b.table.load, c.daemon, c.engine, c.broker, c.inserted, c.merged, c.minuteBytes, c.hourBytes, instanceCores, shardCores)
	for _, rate := range []float64{10_000, 100_000, 1e6, 10e6} {
		daemon, engine := rate*c.daemon/1e6/busy, rate*c.engine/1e6/busy
		instances := max(2, math.Ceil(daemon/instanceCores))
		shards := math.Ceil(engine / shardCores)
		fmt.Fprintf(&t, "| %.0f | %.2f | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f | %s | %s |\n",
			rate, daemon, instances, instances*partitionsAnInstance, engine, shards,
			insertsATable, rate*c.inserted/insertsATable/shards,
			size(rate*c.minuteBytes*86400), size(rate*c.hourBytes*86400*365))
	}
	fmt.Fprintf(&t, `
- Cores are planned to be busy for %.0f %%. Two instances at least, so that one may fail; %d partitions an instance, so that each gets its share.
- All partitions together send a table at most %g INSERTs a second, however many instances there are, so that parts do not depend on the load: ClickHouse writes a part for each table and partition of the table (a day, a week), and merges them with others of their size. With more partitions a record waits longer instead (the stage fresh).
- Through a Distributed table each shard gets a part of every INSERT: shards divide the rows, not the parts. Replicas are to be added: each writes everything again.
- What is read is not in it: boards, detectors, audits.
`, busy*100, partitionsAnInstance, insertsATable)
	return os.WriteFile(path, t.Bytes(), 0o644)
}

// size is a number of bytes as people say it.
func size(n float64) string {
	units := []string{"MB", "GB", "TB", "PB"}
	n /= 1e6
	for n >= 1000 && len(units) > 1 {
		n, units = n/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %s", n, units[0])
}

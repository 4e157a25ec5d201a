package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"

	"statline/ingest/traffic"
)

// crowdKeys is how many different keys the stage keys has.
const crowdKeys = 1_000_000

// manyKeys drains backlogs in which a million keys take turns, with the detectors on: the
// daemon's memory then holds mostly rows of keys. The hardest is a flood in which every
// request of every key is refused.
func (b *bench) manyKeys(ctx context.Context) error {
	for _, c := range []struct {
		name   string
		refuse uint64 // one request in so many is refused
	}{{"one request in twenty refused", 20}, {"every request refused", 1}} {
		got, other, err := b.drainCrowd(ctx, b.binary, c.refuse)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rate := func(f finished) float64 { return float64(b.crowd) / f.wall.Seconds() }
		b.table.judge("keys",
			fmt.Sprintf("peak memory of run, %g million records of %d keys, %s, --memory-budget 256MiB",
				float64(b.crowd)/1e6, crowdKeys, c.name),
			fmt.Sprintf("%d MiB (%.0f records/s, %.2f s CPU per million records, %.0f %% in __other__)", got.peak>>10,
				rate(got), got.cpu.Seconds()/float64(b.crowd)*1e6, other*100),
			"<= 400 MiB", got.peak <= 400<<10)
		if b.against == "" {
			continue
		}
		before, _, err := b.drainCrowd(ctx, b.against, c.refuse)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", b.against, c.name, err)
		}
		times := rate(got) / rate(before)
		b.table.judge("keys", "records/s beside the other binary, "+c.name,
			fmt.Sprintf("%.2fx its %.0f", times, rate(before)), ">= 2.5x", times >= 2.5)
	}
	return nil
}

// drainCrowd lets a binary store a crowd's requests, and returns the share of them that it
// has under __other__.
func (b *bench) drainCrowd(ctx context.Context, binary string, refuse uint64) (
	took finished, other float64, err error,
) {
	b.drains++
	err = b.withServers(ctx, fmt.Sprintf("keys-%d", b.drains), func(s servers) error {
		from := &crowd{left: b.crowd, refuse: refuse, at: time.Now().
			UnixMilli() - int64(b.crowd/traffic.BenchRate*1000)}
		if err := traffic.Produce(ctx, []string{s.broker.addr}, "access", from,
			traffic.ProduceOptions{Partitions: 4}); err != nil {
			return err
		}
		if took, err = s.drained(ctx, binary, b.crowd, "256MiB"); err != nil {
			return err
		}
		text, err := ask(ctx, s.engine.addr,
			"SELECT sumIf(requests, key_id = '__other__') / sum(requests) FROM statline.keys")
		if err == nil {
			other, err = strconv.ParseFloat(text, 64)
		}
		return err
	})
	return took, other, err
}

// crowd is traffic in which crowdKeys keys take turns in no order, each from
// an address of its own.
type crowd struct {
	n, left int
	refuse  uint64
	at      int64
}

// Next implements traffic.Source.
func (c *crowd) Next(line []byte) (out []byte, unixMilli int64, partitionKey uint64, ok bool) {
	if c.left == 0 {
		return line, 0, 0, false
	}
	c.left--
	at := c.at + int64(c.n)*1000/traffic.BenchRate
	// An odd number times n is a permutation of the keys' numbers within 2^20;
	// numbers above a million are taken again.
	k := uint64(c.n) * 0x9e3779b1 % (1 << 20)
	if k >= crowdKeys {
		k -= crowdKeys
	}
	line = append(line, `{"ts":"`...)
	line = time.UnixMilli(at).UTC().AppendFormat(line, "2006-01-02T15:04:05.000Z")
	line = append(line, `","service":"movies","method":"GET","route":"/movies/{id}",`...)
	if uint64(c.n)%c.refuse == 0 {
		line = append(line,
			`"status":429,"code":25,"message":"Your request count (41) is over the allowed limit of (40)."`...)
	} else {
		line = append(line, `"status":200,"code":1`...)
	}
	line = fmt.Appendf(line,
		`,"api_key":"%016x%016x","client_ip":"10.%d.%d.%d","latency_ms":%d,"bytes":512,"request_id":"%016x"}`,
		(k+1)*0x9e3779b97f4a7c15, k, k>>16&255, k>>8&255, k&255, 1+k%200, c.n)
	c.n++
	return line, at, k, true
}

// steadyRate is the load of the stage steady, in records a second.
const steadyRate = 50_000

// steady runs the daemon beside a producer and compares its memory early and late.
func (b *bench) steady(ctx context.Context) error {
	return b.withServers(ctx, "steady", func(s servers) (err error) {
		records := b.minutes * 60 * steadyRate
		daemon, err := launch(ctx, b.binary, "run", "--brokers", s.broker.addr, "--clickhouse", s.engine.addr,
			"--listen", "", "--memory-budget", "128MiB")
		if err != nil {
			return err
		}
		_, err = execute(ctx, b.binary, "generate", "--to", "kafka", "--brokers", s.broker.addr, "--scenario", "bench",
			"--speed", strconv.Itoa(steadyRate/traffic.BenchRate), "--count", strconv.Itoa(records))
		if err == nil {
			err = s.awaitStored(ctx, records)
		}
		err = errors.Join(err, daemon.cmd.Process.Signal(syscall.SIGTERM))
		took, ended := daemon.wait()
		if err = errors.Join(err, ended); err != nil {
			return err
		}
		half := len(took.resident) / 2
		early, late := slices.Max(took.resident[:half]), slices.Max(took.resident[half:])
		growth := (float64(late)/float64(early) - 1) * 100
		b.table.judge("steady",
			fmt.Sprintf("memory of run over %d minutes at %d records/s, --memory-budget 128MiB: the later half beside the earlier", b.minutes, steadyRate),
			fmt.Sprintf("%+.0f %% (at most %d and %d MiB, %.2f s CPU per million records)", growth, early>>10, late>>10,
				took.cpu.Seconds()/float64(records)*1e6),
			"flat", growth <= 5)
		return nil
	})
}

// awaitStored waits until the daemon has stored everything, a minute at most.
func (s servers) awaitStored(ctx context.Context, records int) (err error) {
	for range 60 {
		if err = s.stored(ctx, records); err == nil {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"statline/ingest/traffic"
)

// freshSeconds is how long each load of the stage fresh lasts.
const freshSeconds = 60

// fresh measures the age of a record when its rows can be queried: under even loads, over few
// and many partitions, with the daemon's default settings.
func (b *bench) fresh(ctx context.Context) error {
	for _, partitions := range []int32{4, 48} {
		for _, rate := range []int{1_000, 10_000, 50_000} {
			ages, err := b.freshness(ctx, rate, partitions)
			if err != nil {
				return fmt.Errorf("%d records/s over %d partitions: %w", rate, partitions, err)
			}
			what := fmt.Sprintf("event to queryable, %d records/s over %d partitions", rate, partitions)
			measured := fmt.Sprintf("50, 95 and 99 of 100 records within %.1f, %.1f and %.1f s", ages[0], ages[1], ages[2])
			switch {
			case rate < 50_000:
				b.table.add("fresh", what, measured)
			case partitions == 4:
				b.table.judge("fresh", what, measured, "95 of 100 within 2 s", ages[1] <= 2)
			default:
				b.table.judge("fresh", what, measured, "95 of 100 within 13 s", ages[1] <= 13)
			}
		}
	}
	return nil
}

// freshness returns the 50th, 95th and 99th percentile of the age, in seconds.
func (b *bench) freshness(ctx context.Context, rate int, partitions int32) (ages [3]float64, err error) {
	err = b.withServers(ctx, fmt.Sprintf("fresh-%d-%d", partitions, rate), func(s servers) error {
		// A first record, so that the topic is there before the daemon.
		for _, t := range []traffic.Config{
			{Count: 1, BenchRate: 1},
			{Count: int64(rate) * freshSeconds, BenchRate: float64(rate)},
		} {
			t.Seed, t.Scenario, t.Start = 1, traffic.Bench, time.Now()
			g, err := traffic.New(t)
			if err != nil {
				return err
			}
			options := traffic.ProduceOptions{Partitions: partitions, Speed: 1}
			if t.Count == 1 {
				if err := traffic.Produce(ctx, []string{s.broker.addr}, "access", g, options); err != nil {
					return err
				}
				continue
			}
			return b.beside(ctx, s, func() error {
				return traffic.Produce(ctx, []string{s.broker.addr}, "access", g, options)
			}, rate*freshSeconds+1, &ages)
		}
		return nil
	})
	return ages, err
}

// beside runs the daemon while produce does, until all records are stored, and reads
// the ages of the records of the last three quarters of the time: the daemon has
// started by then. Records of a block are as evenly spread over its time as the load.
func (b *bench) beside(ctx context.Context, s servers, produce func() error, records int, ages *[3]float64) error {
	began := time.Now()
	daemon, err := launch(ctx, b.binary, "run", "--brokers", s.broker.addr, "--clickhouse", s.engine.addr,
		"--listen", "")
	if err != nil {
		return err
	}
	if err = produce(); err == nil {
		err = s.awaitStored(ctx, records)
	}
	err = errors.Join(err, daemon.cmd.Process.Signal(syscall.SIGTERM))
	_, ended := daemon.wait()
	if err = errors.Join(err, ended); err != nil {
		return err
	}
	list, err := ask(ctx, s.engine.addr, fmt.Sprintf("SELECT arrayStringConcat(quantilesExactWeighted(0.5, 0.95, 0.99)(toUInt64(greatest(age, 0)), records), ' ') FROM ("+
		"SELECT records, arrayJoin(arrayMap(i -> dateDiff('millisecond', min_event, written_at) - intDiv(i * dateDiff('millisecond', min_event, max_event), 19), range(20))) AS age"+
		" FROM statline.ledger WHERE state = 'stored' AND kind = 'block' AND records > 0 AND min_event >= fromUnixTimestamp64Milli(%d))", began.Add(freshSeconds*time.Second/4).UnixMilli()))
	if err != nil {
		return err
	}
	var of [3]int
	if _, err := fmt.Fscan(strings.NewReader(list), &of[0], &of[1], &of[2]); err != nil {
		return fmt.Errorf("read the ages %q: %w", list, err)
	}
	for i, n := range of {
		ages[i] = float64(n) / 1000
	}
	return nil
}

package ingest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/store"
)

// pingEvery is how often Kafka and the store are asked whether they answer, even when
// nothing arrives, and pingTimeout how long they may take: an outage is known within
// ten seconds.
const (
	pingEvery   = 5 * time.Second
	pingTimeout = 4 * time.Second
)

// The loops of a run by name, for Healthy.
const (
	loopKafka  = "the ping of Kafka"
	loopStore  = "the ping of ClickHouse"
	loopLedger = "the comparison of ledger and commits"
	loopGroup  = "the consumer group"
	loopReport = "the report on the pipeline"
)

func loopPartition(p int32) string { return fmt.Sprintf("partition %d", p) }

// every calls op again and again until ctx ends; op returns how long to wait.
func (r *run) every(ctx context.Context, loop string, op func(context.Context) time.Duration) {
	r.pulses.watch(loop, stuckAfter)
	defer r.pulses.rest(loop)
	for {
		pause := op(ctx)
		r.pulses.beat(loop)
		if !retry.Sleep(ctx, pause) {
			return
		}
	}
}

// pingKafka asks for the log's ends, which only partitions that fetch learn from
// fetching.
func (r *run) pingKafka(ctx context.Context) time.Duration {
	limited, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	// In this order: without an open transaction the last stable offset is then
	// not below the high watermark, whatever is written meanwhile.
	high, err := r.source.HighWatermarks(limited)
	var stable map[int32]int64
	if err == nil {
		stable, err = r.source.EndOffsets(limited)
	}
	if turns := r.source.Turns(); turns != r.turns {
		r.turns = turns
		r.pulses.beat(loopGroup)
	}
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		r.tracker.hold(Condition{Name: KafkaAway, Red: true, Detail: err.Error()})
		return pingEvery
	}
	r.tracker.lift(KafkaAway)
	r.tracker.ends(stable, high)
	r.grown(len(stable))
	r.lookUp(ctx)
	return pingEvery
}

// lookUp finds out since when partitions lag whose records nobody reads. What cannot
// be found out is asked again the next time.
func (r *run) lookUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	for p, offset := range r.tracker.unknown() {
		ms, ok, err := r.source.TimeAt(ctx, p, offset)
		if err != nil {
			r.log.Debug("read the oldest record that is not stored", "partition", p, "err", err)
			continue
		}
		if !ok {
			ms = 0
		}
		r.tracker.look(p, moment{offset, ms})
	}
}

// pingStore asks the store whether it answers. A store that stores a block meanwhile
// is there, even when all its connections are in use.
func (r *run) pingStore(ctx context.Context) time.Duration {
	began := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, pingTimeout, fmt.Errorf("no answer within %s", pingTimeout))
	defer cancel()
	err := r.store.Ping(limited)
	switch {
	case ctx.Err() != nil:
		return 0
	case err == nil, r.tracker.storedSince(began):
		r.tracker.lift(StoreAway)
	default:
		if limited.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(limited), err)
		}
		r.tracker.hold(Condition{Name: StoreAway, Red: true, Detail: err.Error()})
	}
	return pingEvery
}

// compareLedger compares the ledger with the group's commits, and the configurations
// of all instances that write. It reads the whole topic's ledger, so that the
// comparisons of all topics take at most a twentieth of the time.
func (r *run) compareLedger(ctx context.Context) time.Duration {
	began := time.Now()
	cfg := &r.cfg.Block
	missing, err := Compare(ctx, r.source, r.store, cfg.Cluster, cfg.Topic, cfg.Group)
	if err == nil {
		for _, m := range r.tracker.miss(missing, began) {
			r.restart(m)
		}
		err = r.compareConfigurations(ctx)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Debug("compare ledger and commits", "err", err)
	}
	return max(pingEvery, time.Duration(20*r.bounds.topics())*time.Since(began))
}

// writersFor is for how long an instance's last block tells what it does now.
const writersFor = 10 * time.Minute

func (r *run) compareConfigurations(ctx context.Context) error {
	cfg := &r.cfg.Block
	writers, err := r.store.Writers(ctx, cfg.Cluster, cfg.Topic, time.Now().Add(-writersFor))
	if err != nil {
		return err
	}
	mine := r.ConfigHash()
	hashes, others := map[string]bool{mine: true}, []store.Writer(nil)
	for _, w := range writers {
		if w.Instance != cfg.Instance && w.ConfigHash != mine {
			hashes[w.ConfigHash] = true
			others = append(others, w)
		}
	}
	r.tracker.configure(len(hashes))
	if len(others) == 0 {
		r.tracker.lift(MixedConfigurations)
		return nil
	}
	var says []string
	for _, w := range others[:min(listed, len(others))] {
		says = append(says, fmt.Sprintf("%s stores blocks under %s (version %s, at %s)", w.Instance, w.ConfigHash,
			w.Version,
			w.At.UTC().Format(time.RFC3339)))
	}
	r.tracker.hold(Condition{Name: MixedConfigurations,
		Detail: fmt.Sprintf("%s; this instance works under %s: during a reload or a rolling "+
			"upgrade that is as it should be, otherwise give all instances of the group one configuration",
			strings.Join(says, "; "), mine)})
	return nil
}

// restart makes a partition find out again where it stands, because its group has
// committed what the store no longer has. Then it stops, or goes on as ResumeAt says.
func (r *run) restart(m Missing) {
	r.mu.Lock()
	cancel := r.machines[m.Partition]
	r.mu.Unlock()
	if cancel != nil {
		cancel(fmt.Errorf("%w: %s", block.ErrRowsMissing, m))
	}
}

// Healthy is nil as long as every loop of the pipeline moves or waits for a
// server, and names those that do not.
func (p *Pipeline) Healthy() error { return p.pulses.stuck() }

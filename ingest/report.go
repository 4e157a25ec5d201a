package ingest

import (
	"context"
	"time"

	"statline/ingest/store"
)

// reportEvery is how often the state of the pipeline is written to the table pipeline.
// A minute's row is replaced until the minute is over.
const reportEvery = 15 * time.Second

// counts is what a partition has done since the start.
type counts struct{ blocks, records, rejected uint64 }

// report writes the status into the store for dashboards. A report that fails is
// logged and left out.
func (r *run) report(ctx context.Context) {
	base := map[int32]counts{} // at the beginning of the minute
	var minute time.Time
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	r.pulses.watch(loopReport, stuckAfter)
	defer r.pulses.rest(loopReport)
	for {
		r.pulses.beat(loopReport)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		st := r.Status()
		if m := now.Truncate(time.Minute); !m.Equal(minute) {
			minute = m
			clear(base)
			for _, p := range r.reported {
				base[p.Partition] = counts{p.Blocks, p.Records, p.Rejected}
			}
		}
		r.reported = st.Partitions
		limited, cancel := context.WithTimeout(ctx, reportEvery)
		if err := r.store.WritePipeline(limited, r.rows(st, base, now)); err != nil {
			r.log.Debug("write the pipeline's status", "err", err)
		}
		cancel()
	}
}

func (r *run) rows(st Status, base map[int32]counts, now time.Time) []store.PipelineRow {
	rows := make([]store.PipelineRow, 0, len(st.Partitions))
	for _, p := range st.Partitions {
		was := base[p.Partition]
		audit := int64(-1)
		if a := st.Audit; a != nil && p.Partition == auditor && !a.At.Before(now.Truncate(time.Minute)) {
			audit = int64(a.Differences)
		}
		rows = append(rows, store.PipelineRow{
			Minute:   uint32(now.Truncate(time.Minute).Unix()),
			Instance: r.cfg.Block.Instance, Topic: r.cfg.Block.Topic, Partition: p.Partition,
			LagRecords: p.LagRecords, LagSeconds: p.LagSeconds, FreshnessSeconds: p.FreshnessSeconds,
			Blocks: p.Blocks - was.blocks, Records: p.Records - was.records, Rejected: p.Rejected - was.rejected,
			AuditDifferences: audit, Stalled: p.Stalled, Version: uint64(now.UnixNano()),
		})
	}
	return rows
}

// auditor is the partition whose owner audits, of the first topic when there are
// several.
const auditor = 0

// auditAll compares the ledger with every rollup from time to time.
func (r *run) auditAll(ctx context.Context) {
	if r.cfg.AuditEvery <= 0 {
		return
	}
	tick := time.NewTicker(r.cfg.AuditEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !r.tracker.owns(auditor) || !r.bounds.audits(r.cfg.Block.Topic) {
			continue
		}
		report, err := r.store.Audit(ctx, store.AuditOptions{TTL: r.cfg.TTL, Now: time.Now()})
		if err != nil {
			r.log.Warn("audit", "err", err)
			continue
		}
		r.tracker.audited(AuditStatus{At: report.At, Differences: len(report.Differences)})
		for i, d := range report.Differences {
			if i == maxAuditLines {
				r.log.Error("audit: more differences", "suppressed", len(report.Differences)-i)
				break
			}
			r.log.Error("audit", "difference", d.String())
		}
	}
}

const maxAuditLines = 10

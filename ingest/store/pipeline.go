package store

import (
	"context"
	"fmt"

	"statline/classify/aggregate"
	"statline/ingest/schema"
)

// PipelineRow is the state of one instance on one partition in one minute. A later row
// for the same minute replaces it.
type PipelineRow struct {
	Minute           uint32 // Unix seconds, a multiple of 60
	Instance         string
	Topic            string
	Partition        int32
	LagRecords       int64
	LagSeconds       float64
	FreshnessSeconds float64
	Blocks           uint64 // of this minute so far, like the next two
	Records          uint64
	Rejected         uint64
	AuditDifferences int64 // -1 when not audited in this minute
	Stalled          bool
	Version          uint64 // the highest wins
}

// WritePipeline inserts rows of the table pipeline. It is not exactly once:
// rows of one minute and version are the same row.
func (s *Store) WritePipeline(ctx context.Context, rows []PipelineRow) error {
	if len(rows) == 0 {
		return nil
	}
	token := fmt.Sprintf("pipeline/%s/%s/%d", rows[0].Instance, rows[0].Topic, rows[0].Version)
	j := job{table: schema.Pipeline, columns: pipelineColumns(rows), to: len(rows)}
	if err := s.insert(ctx, j, token, func() error { return nil }); err != nil {
		return fmt.Errorf("insert into %s: %w", schema.Pipeline, Classify(err))
	}
	return nil
}

func pipelineColumns(rows []PipelineRow) []insertColumn {
	type row = PipelineRow
	return []insertColumn{
		seconds(schema.Minute, of(rows, func(r *row) aggregate.Seconds { return aggregate.Seconds(r.Minute) })),
		text(schema.Instance, of(rows, func(r *row) string { return r.Instance })),
		text(schema.Topic, of(rows, func(r *row) string { return r.Topic })),
		i32(schema.Partition, of(rows, func(r *row) int32 { return r.Partition })),
		i64("lag_records", of(rows, func(r *row) int64 { return r.LagRecords })),
		f64("lag_seconds", of(rows, func(r *row) float64 { return r.LagSeconds })),
		f64("freshness_seconds", of(rows, func(r *row) float64 { return r.FreshnessSeconds })),
		u64("blocks", of(rows, func(r *row) uint64 { return r.Blocks })),
		u64(schema.Records, of(rows, func(r *row) uint64 { return r.Records })),
		u64(schema.Rejected, of(rows, func(r *row) uint64 { return r.Rejected })),
		i64("audit_differences", of(rows, func(r *row) int64 { return r.AuditDifferences })),
		flag("stalled", of(rows, func(r *row) bool { return r.Stalled })),
		u64("version", of(rows, func(r *row) uint64 { return r.Version })),
	}
}

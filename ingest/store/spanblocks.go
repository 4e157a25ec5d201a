package store

import (
	"context"
	"fmt"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// SpanBlocks lists a topic's stored blocks and gaps that a span of event time needs: of
// each partition, and each life of the topic, all from the first to the last block that
// has a response in [from, to), or whose last record is of that time. They follow each
// other without a hole as far as the ledger's do; sorted by epoch, partition and offset.
func (s *Store) SpanBlocks(ctx context.Context, cluster, topic string, from, to time.Time) (rows []block.LedgerRow,
	err error) {
	const chain = "cluster = ? AND topic = ? AND state = 'stored' AND kind IN ('block', 'gap')"
	spans, err := Select[struct {
		Epoch     uint32 `ch:"epoch"`
		Partition int32  `ch:"partition"`
		First     int64  `ch:"lo"`
		End       int64  `ch:"hi"`
	}](ctx, s, "SELECT epoch, partition, min(first) AS lo, max(end) AS hi FROM "+s.Table(schema.Ledger)+" WHERE "+chain+" AND kind = 'block'"+
		" AND (responses > 0 AND min_event < fromUnixTimestamp64Milli(?) AND max_event >= fromUnixTimestamp64Milli(?)"+
		" OR last_record_ts >= fromUnixTimestamp64Milli(?) AND last_record_ts < fromUnixTimestamp64Milli(?))"+
		" GROUP BY epoch, partition ORDER BY epoch, partition",
		cluster, topic, to.UnixMilli(), from.UnixMilli(), from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list the blocks of a span: %w", err)
	}
	for _, span := range spans {
		of, err := s.ledgerRows(ctx, chain+
			" AND epoch = ? AND partition = ? AND first >= ? AND end <= ? ORDER BY first, end", cluster, topic,
			span.Epoch, span.Partition, span.First, span.End)
		if err != nil {
			return nil, fmt.Errorf("list the blocks of partition %d: %w", span.Partition, err)
		}
		rows = append(rows, of...)
	}
	return rows, nil
}

package watch

import (
	"context"
	"fmt"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// sourceRows reads what the ledger says of the blocks whose last record is of
// these minutes.
func (q *SQL) sourceRows(ctx context.Context, minutes []detect.Minute) (rows []SourceRow, err error) {
	type row struct {
		Minute    time.Time `ch:"minute"`
		Topic     string    `ch:"topic"`
		Partition int32     `ch:"partition"`
		Responses uint64    `ch:"n"`
		Late      int64     `ch:"late"`
	}
	err = store.Each(ctx, q.store, func(r *row) error {
		rows = append(rows, SourceRow{fmt.Sprintf("%s/%d", r.Topic, r.Partition),
			detect.SourceMinute{Minute: minuteOf(r.Minute), Responses: r.Responses, Late: int(r.Late)}})
		return nil
	},
		"SELECT toStartOfMinute(toDateTime(last_record_ts, 'UTC')) AS minute, topic, partition, sum(responses) AS n, min("+lateBy+") AS late FROM "+
			q.table(schema.Ledger)+" WHERE state = 'stored' AND responses > 0 AND "+within(minutes)+
			" GROUP BY minute, topic, partition ORDER BY minute, topic, partition")
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	return rows, nil
}

// lateServices says how many minutes late the rows of services come whose every
// partition was late in the hour before minute at. A partition that several
// topics have is as late as the least late of them.
func (q *SQL) lateServices(ctx context.Context, at detect.Minute) (map[string]int, error) {
	late := map[string]int{}
	err := store.Each(ctx, q.store, func(r *struct {
		Service string `ch:"service"`
		Late    int64  `ch:"late"`
	}) error {
		late[r.Service] = int(r.Late+59) / 60
		return nil
	}, fmt.Sprintf(`SELECT service, min(late) AS late FROM (SELECT DISTINCT service, partition FROM %s WHERE %s) AS s
		GLOBAL INNER JOIN (SELECT partition, min(late) AS late FROM (
			SELECT topic, partition, min(%s) AS late FROM %s
			WHERE state = 'stored' AND responses > 0 AND last_record_ts >= toDateTime(%d, 'UTC') AND last_record_ts < toDateTime(%d, 'UTC')
			GROUP BY topic, partition) GROUP BY partition) AS l USING partition
		GROUP BY service HAVING late > %d ORDER BY service`,
		q.table(schema.Samples), between(at-detect.SourceLookback, at), lateBy, q.table(schema.Ledger),
		max((at-detect.SourceLookback).Unix(), 0), max((at+1).Unix(), 0), int(waitsFor.Seconds())))
	if err != nil {
		return nil, fmt.Errorf("late services: %w", err)
	}
	return late, nil
}

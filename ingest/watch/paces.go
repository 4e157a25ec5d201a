package watch

import (
	"context"
	"fmt"
	"strings"
	"time"

	"statline/classify/aggregate"
	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// paces are the services whose latency is compared with their own week.
type paces = listed[string, detect.PaceOf, detect.PaceMinute, PaceRow]

func newPaces(cfg *detect.Config) *paces {
	create := func(name string) detect.PaceOf { return detect.PaceOf{Service: name} }
	s := &paces{newEntities(cfg, detect.Paces(), strings.Compare, create),
		func(b *Rows) []PaceRow { return b.Paces },
		func(r *PaceRow) (string, detect.PaceMinute) { return r.Service, r.PaceMinute },
		func(l *later) map[string][]detect.PaceMinute { return l.paces }}
	s.find = named
	return s
}

// PaceRow is how fast one service answered in one minute.
type PaceRow struct {
	Service string
	detect.PaceMinute
}

// What is usual is known with at least this many hours and requests.
const (
	knownHours   = 48
	paceRequests = 1000
	// an hour of fewer requests says nothing of what is usual
	paceHourRequests = 100
)

// paceRows reads how fast services answered in minutes, which are sorted, for services
// whose usual speed is known.
func (q *SQL) paceRows(ctx context.Context, minutes []detect.Minute) (rows []PaceRow, err error) {
	for day, minutes := range byDay(minutes) {
		usual, err := q.usualPaces(ctx, day)
		if err != nil {
			return nil, err
		}
		if rows, err = q.paceRowsOf(ctx, usual, minutes, rows); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (q *SQL) paceRowsOf(ctx context.Context, usual []detect.Pace, minutes []detect.Minute, rows []PaceRow) ([]PaceRow,
	error) {
	byName := map[string]*detect.Pace{}
	names := make([]string, len(usual))
	for i := range usual {
		names[i] = usual[i].Service
		byName[names[i]] = &usual[i]
	}
	for part := range parts(names) {
		buckets := make([]uint16, len(part))
		for i, name := range part {
			buckets[i] = byName[name].Bucket
		}
		err := store.Each(ctx, q.store, func(r *struct {
			Minute  time.Time `ch:"minute"`
			Service string    `ch:"service"`
			Timed   uint64    `ch:"timed"`
			Slow    uint64    `ch:"slow"`
		}) error {
			u := byName[r.Service]
			rows = append(rows, PaceRow{r.Service, detect.PaceMinute{
				Minute: minuteOf(r.Minute), Timed: r.Timed, Slow: r.Slow, Limit: u.Limit, Usual: u.Usual,
			}})
			return nil
		},
			"SELECT minute, service, sum(arraySum(latency.2)) AS timed, sum("+slowerThan("transform(service, ?, ?, toUInt16(65535))")+") AS slow FROM "+
				q.table(schema.Responses)+" WHERE service IN (SELECT arrayJoin(?)) AND "+within(minutes)+
				" GROUP BY minute, service HAVING timed > 0 ORDER BY minute, service", part, buckets, part)
		if err != nil {
			return nil, fmt.Errorf("paces: %w", err)
		}
	}
	return rows, nil
}

// slowerThan counts, of one row, the requests that lie above a bucket.
func slowerThan(bucket string) string {
	return "arraySum((b, c) -> if(b > " + bucket + ", c, 0), latency.1, latency.2)"
}

// usualPaces is the usual speed, for a day, of every service that has been known for
// long enough, sorted. It does not change any more, so it is read once.
func (q *SQL) usualPaces(ctx context.Context, day detect.Minute) ([]detect.Pace, error) {
	if q.paces[day] != nil {
		return q.paces[day], nil
	}
	where := between(day-(detect.LatencyDays+1)*dayMinutes, day-dayMinutes-1)
	list := []detect.Pace{}
	old, err := q.knowsHours(ctx, day)
	if old {
		err = store.Each(ctx, q.store, func(r *struct {
			Service string  `ch:"service"`
			Bucket  uint16  `ch:"bucket"`
			Usual   float64 `ch:"usual"`
		}) error {
			list = append(list, detect.Pace{Service: r.Service, Bucket: r.Bucket,
				Limit: aggregate.BucketMicros(r.Bucket), Usual: r.Usual})
			return nil
		}, usualPacesSQL(q.table(schema.ServicesHour), where))
	}
	if err != nil {
		return nil, fmt.Errorf("usual latencies: %w", err)
	}
	keepDays(q.paces, day, list)
	return list, nil
}

func usualPacesSQL(hours, where string) string {
	return fmt.Sprintf(`SELECT service, bucket, if(isNaN(q), 0, q) AS usual FROM (
		SELECT service, any(bucket) AS bucket, quantileExactIf(0.98)(slow / timed, timed >= %d) AS q FROM (
			SELECT service, minute, any(l.bucket) AS bucket, sum(arraySum(latency.2)) AS timed, sum(%s) AS slow
			FROM (SELECT service, minute, latency FROM %s WHERE %s) AS h
			GLOBAL INNER JOIN (
				SELECT service, h.1[arrayFirstIndex(c -> c >= %v * n, arrayCumSum(h.2))] AS bucket FROM (
					SELECT service, sumMap(latency.1, latency.2) AS h, arraySum(h.2) AS n, uniqExact(minute) AS hours
					FROM %s WHERE %s AND notEmpty(latency.1) GROUP BY service)
				WHERE n >= %d AND hours >= %d) AS l USING service
			GROUP BY service, minute)
		GROUP BY service) ORDER BY service`,
		paceHourRequests, slowerThan("l.bucket"), hours, where, detect.LatencyQuantile, hours, where, paceRequests,
		knownHours)
}

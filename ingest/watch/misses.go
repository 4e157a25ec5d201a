package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/classify/distinct"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// misses are the services whose answers of 404 are compared with their own week.
type misses = listed[string, detect.MissOf, detect.MissMinute, MissRow]

func newMisses(cfg *detect.Config) *misses {
	create := func(name string) detect.MissOf { return detect.MissOf{Service: name} }
	s := &misses{newEntities(cfg, detect.Misses(), strings.Compare, create),
		func(b *Rows) []MissRow { return b.Misses },
		func(r *MissRow) (string, detect.MissMinute) { return r.Service, r.MissMinute },
		func(l *later) map[string][]detect.MissMinute { return l.misses }}
	s.find = named
	return s
}

// MissRow is what one service answered 404 in one minute.
type MissRow struct {
	Service string
	detect.MissMinute
}

const missed = "http_status = 404 AND route != '" + classify.Other + "'"

// missRows reads what services answered 404 in minutes, which are sorted, for services
// whose usual level is known.
func (q *SQL) missRows(ctx context.Context, minutes []detect.Minute) (rows []MissRow, err error) {
	for day, minutes := range byDay(minutes) {
		usual, err := q.usualMisses(ctx, day)
		if err != nil {
			return nil, err
		}
		if len(usual) == 0 {
			continue
		}
		err = store.Each(ctx, q.store, func(r *struct {
			Minute  time.Time `ch:"minute"`
			Service string    `ch:"service"`
			N       uint64    `ch:"n"`
			Routes  []uint64  `ch:"routes"`
		}) error {
			if u, known := usual[r.Service]; known {
				rows = append(rows, MissRow{r.Service, detect.MissMinute{
					Minute: minuteOf(r.Minute), NotFound: r.N, Routes: distinct.Bitmap(r.Routes), Usual: u,
				}})
			}
			return nil
		}, "SELECT minute, service, sum(requests) AS n, ["+routeBits()+"] AS routes FROM "+q.table(schema.Responses)+
			" WHERE "+missed+" AND "+within(minutes)+" GROUP BY minute, service ORDER BY minute, service")
		if err != nil {
			return nil, fmt.Errorf("paths that do not exist: %w", err)
		}
	}
	return rows, nil
}

// routeBits are the words of the bitmap of the routes.
func routeBits() string {
	words := make([]string, distinct.Words)
	for i := range words {
		words[i] = fmt.Sprintf("groupBitOrIf(bitShiftLeft(toUInt64(1), bitAnd(cityHash64(route), 63)), bitAnd(bitShiftRight(cityHash64(route), 6), %d) = %d)",
			distinct.Words-1, i)
	}
	return strings.Join(words, ", ")
}

// byDay splits minutes, which are sorted, by day, each with its first minute.
func byDay(minutes []detect.Minute) func(yield func(detect.Minute, []detect.Minute) bool) {
	return func(yield func(detect.Minute, []detect.Minute) bool) {
		for len(minutes) > 0 {
			day := minutes[0] - minutes[0]%dayMinutes
			n, _ := slices.BinarySearch(minutes, day+dayMinutes)
			if !yield(day, minutes[:n]) {
				return
			}
			minutes = minutes[n:]
		}
	}
}

// usualMisses is, for a day, how many different routes the services that are known for
// long enough answered 404 in all but the busiest two per cent of the hours of the
// week that ended a day before. It does not change any more, so it is read once.
func (q *SQL) usualMisses(ctx context.Context, day detect.Minute) (map[string]int, error) {
	if usual, ok := q.misses[day]; ok {
		return usual, nil
	}
	where := between(day-(detect.LatencyDays+1)*dayMinutes, day-dayMinutes-1)
	usual, hours := map[string]int{}, map[string]uint64{}
	old, err := q.knowsHours(ctx, day)
	if !old {
		return usual, err
	}
	err = store.Each(ctx, q.store, func(r *struct {
		Service string `ch:"service"`
		Hours   uint64 `ch:"hours"`
	}) error {
		usual[r.Service], hours[r.Service] = 0, r.Hours
		return nil
	}, fmt.Sprintf("SELECT service, uniqExact(minute) AS hours FROM %s WHERE %s GROUP BY service HAVING hours >= %d",
		q.table(schema.ServicesHour), where, knownHours))
	if err == nil && len(usual) > 0 {
		err = store.Each(ctx, q.store, func(r *struct {
			Service string   `ch:"service"`
			Most    []uint64 `ch:"most"`
		}) error {
			if n := int(hours[r.Service]) / 50; hours[r.Service] > 0 && n < len(r.Most) {
				usual[r.Service] = int(r.Most[n])
			}
			return nil
		}, fmt.Sprintf(`SELECT service, arrayReverseSort(groupArray(routes)) AS most FROM (
			SELECT service, minute, uniqExact(route) AS routes FROM %s WHERE %s AND %s GROUP BY service, minute) GROUP BY service`,
			q.table(schema.ResponsesHour), missed, where))
	}
	if err != nil {
		return nil, fmt.Errorf("usual paths that do not exist: %w", err)
	}
	keepDays(q.misses, day, usual)
	return usual, nil
}

// keepDays stores the value of a day and drops those of much earlier days.
func keepDays[V any](days map[detect.Minute]V, day detect.Minute, v V) {
	for d := range days {
		if d < day-2*dayMinutes {
			delete(days, d)
		}
	}
	days[day] = v
}

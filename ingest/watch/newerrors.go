package watch

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// newErrors are the errors that are new to their services.
type newErrors = listed[detect.ErrorOf, detect.ErrorOf, detect.ErrorMinute, ErrorRow]

func newNewErrors(cfg *detect.Config) *newErrors {
	order := func(a, b detect.ErrorOf) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Error, b.Error))
	}
	s := &newErrors{newEntities(cfg, detect.Errors(), order, func(e detect.ErrorOf) detect.ErrorOf { return e }),
		func(b *Rows) []ErrorRow { return b.errors },
		func(r *ErrorRow) (detect.ErrorOf, detect.ErrorMinute) { return r.ErrorOf, r.ErrorMinute },
		func(l *later) map[string][]detect.ErrorMinute { return l.errors }}
	s.find = func(name string, stored []Stored) (detect.ErrorOf, bool) {
		for i := range stored {
			if r := &stored[i]; r.EntityType == detect.ErrorEntity && r.Entity == name {
				return detect.ErrorOf{Service: r.Service, Error: strings.TrimPrefix(name, r.Service+"/")}, true
			}
		}
		return detect.ErrorOf{}, false
	}
	return s
}

// ErrorRow is one minute of an error that is new to its service.
type ErrorRow struct {
	detect.ErrorOf
	detect.ErrorMinute
}

// errorName is the identity of an error: the API's own name of it, or else its code.
const errorName = "if(error_type != '', error_type, toString(code))"

// namedError selects rows of errors that have a name.
var namedError = outcome(classify.Failed) + " AND (error_type NOT IN ('', '" + classify.Other +
	"') OR error_type = '' AND code > 0)"

// Errors implements Evidence. minutes are sorted.
func (q *SQL) Errors(ctx context.Context, minutes []detect.Minute, seen []detect.Deploy) (rows []ErrorRow,
	err error) {
	for day, minutes := range byDay(minutes) {
		known, err := q.knownErrors(ctx, day)
		if err != nil {
			return nil, err
		}
		first, last := minutes[0], minutes[len(minutes)-1]
		var deploys []Deploy
		judged, err := q.reaches(ctx, last, knownBefore*60)
		if judged {
			deploys, err = q.Deploys(ctx, first-detect.DeployHours*60, last)
		}
		if err != nil {
			return nil, err
		}
		if judged {
			deploys = withSeen(deploys, seen, first-detect.DeployHours*60, last)
		}
		if len(known) == 0 && len(deploys) == 0 {
			continue
		}
		found, err := q.errorsOf(ctx, minutes)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			isNew, err := q.isNew(ctx, known, deploys, &r, last)
			if err != nil {
				return nil, err
			}
			if isNew {
				rows = append(rows, r)
			}
		}
	}
	return rows, q.countKeys(ctx, rows)
}

// knownBefore is how many hours a service must be known for when it is deployed.
const knownBefore = 24

// isNew reports that an error is new, and sets in r after which deploy.
func (q *SQL) isNew(ctx context.Context, known map[string]knownService, deploys []Deploy, r *ErrorRow,
	last detect.Minute) (bool, error) {
	for i := len(deploys) - 1; i >= 0; i-- {
		d := &deploys[i]
		at := minuteOf(d.At)
		if d.Service != r.Service || r.Minute < max(at, d.known) || r.Minute >= at+detect.DeployHours*60 {
			continue
		}
		before, err := q.errorsBefore(ctx, d, last)
		if err != nil {
			return false, err
		}
		if before != nil && !before[r.Error] {
			r.Version, r.Deployed, r.Seen = d.Version, at, d.known != 0
			return true, nil
		}
		break // the newest counts
	}
	service, judged := known[r.Service]
	r.KnownDays = service.days
	return judged && !service.errors[r.Error], nil
}

// errorsOf reads every error of minutes.
func (q *SQL) errorsOf(ctx context.Context, minutes []detect.Minute) (rows []ErrorRow, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		Minute  time.Time `ch:"minute"`
		Service string    `ch:"service"`
		Error   string    `ch:"error"`
		N       uint64    `ch:"n"`
		Server  uint64    `ch:"server"`
		Route   string    `ch:"most"`
	}) error {
		if code, err := strconv.Atoi(r.Error); err == nil && !q.catalogued(code) {
			return nil // an incident of its own kind, unknown_code
		}
		rows = append(rows, ErrorRow{detect.ErrorOf{Service: r.Service, Error: r.Error}, detect.ErrorMinute{
			Minute: minuteOf(r.Minute), Count: r.N, ServerSide: r.Server, Route: r.Route,
		}})
		return nil
	}, fmt.Sprintf(`SELECT minute, service, error, sum(k) AS n, sum(s) AS server, argMax(route, (k, route)) AS most FROM (
			SELECT minute, service, %s AS error, toString(route) AS route, sum(requests) AS k, sumIf(requests, %s) AS s
			FROM %s WHERE %s AND %s GROUP BY minute, service, error, route)
		GROUP BY minute, service, error ORDER BY minute, service, error`,
		errorName, serverSide, q.table(schema.Responses), within(minutes), namedError))
	if err != nil {
		return nil, fmt.Errorf("errors: %w", err)
	}
	return rows, nil
}

func (q *SQL) catalogued(code int) bool {
	_, ok := q.catalogue[uint16(code)]
	return ok
}

// countKeys fills in how many keys got the errors of rows.
func (q *SQL) countKeys(ctx context.Context, rows []ErrorRow) error {
	type group struct {
		minute detect.Minute
		of     detect.ErrorOf
	}
	at := map[group]*ErrorRow{}
	var minutes []detect.Minute
	for i := range rows {
		r := &rows[i]
		at[group{r.Minute, r.ErrorOf}] = r
		if n := len(minutes); n == 0 || minutes[n-1] != r.Minute {
			minutes = append(minutes, r.Minute)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	err := store.Each(ctx, q.store, func(r *struct {
		Minute  time.Time `ch:"minute"`
		Service string    `ch:"service"`
		Error   string    `ch:"error"`
		Keys    uint64    `ch:"keys"`
	}) error {
		if x := at[group{minuteOf(r.Minute), detect.ErrorOf{Service: r.Service, Error: r.Error}}]; x != nil {
			x.Keys = int(r.Keys)
		}
		return nil
	},
		fmt.Sprintf("SELECT minute, service, %s AS error, uniqExact(key_id) AS keys FROM %s WHERE %s AND %s GROUP BY minute, service, error",
			errorName, q.table(schema.Keys), within(minutes), namedError))
	if err != nil {
		return fmt.Errorf("keys with an error: %w", err)
	}
	return nil
}

// knownService is a service that has been known for so many days, and its errors then.
type knownService struct {
	days   int
	errors map[string]bool
}

// knownErrors are, for a day, the errors of every service that has been known for long
// enough. They do not change any more, so they are read once.
func (q *SQL) knownErrors(ctx context.Context, day detect.Minute) (map[string]knownService, error) {
	if known, ok := q.errors[day]; ok {
		return known, nil
	}
	known := map[string]knownService{}
	if old, err := q.reaches(ctx, day, (detect.ErrorKnownDays+1)*dayMinutes); !old {
		return known, err
	}
	where := between(day-(detect.ErrorDays+1)*dayMinutes, day-dayMinutes-1)
	err := store.Each(ctx, q.store, func(r *struct {
		Service string `ch:"service"`
		First   int64  `ch:"first"`
	}) error {
		days := int(day-detect.MinuteOf(r.First))/dayMinutes - 1 // the last of them is not looked at
		known[r.Service] = knownService{min(days, detect.ErrorDays), map[string]bool{}}
		return nil
	},
		fmt.Sprintf("SELECT service, toInt64(toUnixTimestamp(min(minute))) AS first FROM %s WHERE %s GROUP BY service HAVING uniqExact(minute) >= %d AND min(minute) <= toDateTime(%d, 'UTC')",
			q.table(schema.ServicesHour), where, knownHours, max((day-(detect.ErrorKnownDays+1)*dayMinutes).Unix(), 0)))
	if err == nil && len(known) > 0 {
		err = q.eachError(ctx, where, func(service, name string) {
			if s, judged := known[service]; judged {
				s.errors[name] = true
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("known errors: %w", err)
	}
	keepDays(q.errors, day, known)
	return known, nil
}

func (q *SQL) eachError(ctx context.Context, where string, each func(service, name string), args ...any) error {
	return store.Each(ctx, q.store, func(r *struct {
		Service string `ch:"service"`
		Error   string `ch:"error"`
	}) error {
		each(r.Service, r.Error)
		return nil
	}, fmt.Sprintf("SELECT DISTINCT service, %s AS error FROM %s WHERE %s AND %s", errorName,
		q.table(schema.ResponsesHour), where, namedError), args...)
}

// errorsBefore are the errors of a service in the days before a deploy of it, nil
// when the service was not known for one of them. The hour of the deploy is read by
// the minute. Rows may come an hour late: what is known by then is read once.
func (q *SQL) errorsBefore(ctx context.Context, d *Deploy, last detect.Minute) (map[string]bool, error) {
	if before, ok := q.before[*d]; ok {
		return before, nil
	}
	at := minuteOf(d.At)
	hour := at - at%60
	hours := between(hour-detect.DeployDays*dayMinutes, hour-1) + " AND service = ?"
	seen, err := store.Select[struct {
		Hours uint64 `ch:"hours"`
	}](ctx, q.store, "SELECT uniqExact(minute) AS hours FROM "+q.table(schema.ServicesHour)+" WHERE "+hours, d.Service)
	if err != nil {
		return nil, fmt.Errorf("hours before a deploy: %w", err)
	}
	var before map[string]bool
	if len(seen) > 0 && seen[0].Hours >= knownBefore {
		before = map[string]bool{}
		if err := q.eachError(ctx, hours, func(_, name string) { before[name] = true }, d.Service); err != nil {
			return nil, fmt.Errorf("errors before a deploy: %w", err)
		}
		found, err := q.errorsOf(ctx, minutesOf(hour, at-1))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if r.Service == d.Service {
				before[r.Error] = true
			}
		}
	}
	if last >= at+60 {
		q.before[*d] = before
	}
	return before, nil
}

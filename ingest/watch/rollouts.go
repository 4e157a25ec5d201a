package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// VersionRow is how many requests of a service told a version in a minute.
type VersionRow struct {
	Service string
	detect.VersionMinute
}

// rollouts finds the deploys that the versions of requests tell. What the settled minutes
// tell is final: it does not depend on when, or by whom, it is looked at.
type rollouts struct {
	of map[string]*rollout // by service
	// final are the deploys of settled minutes that an error may still come after, by
	// when they were known; ahead those of the minutes that are not settled yet.
	final, ahead []detect.Deploy
	found        []detect.Deploy // of the minutes that settle in this advance
	next         map[string]detect.Versions
}

type rollout struct {
	rows    []detect.VersionMinute // sorted by minute
	settled detect.Versions
}

func newRollouts() *rollouts { return &rollouts{of: map[string]*rollout{}} }

// take replaces the minutes of rows, which are sorted by minute and service.
func (r *rollouts) take(rows []VersionRow) {
	for i := 0; i < len(rows); {
		j, first := i, &rows[i]
		var minute []detect.VersionMinute
		for ; j < len(rows) && rows[j].Minute == first.Minute && rows[j].Service == first.Service; j++ {
			minute = append(minute, rows[j].VersionMinute)
		}
		x := r.of[first.Service]
		if x == nil {
			x = &rollout{}
			r.of[first.Service] = x
		}
		from, to := x.search(first.Minute), x.search(first.Minute+1)
		x.rows = slices.Replace(x.rows, from, to, minute...)
		i = j
	}
}

// search is where the rows of a minute begin, or would.
func (x *rollout) search(m detect.Minute) int {
	i, _ := slices.BinarySearchFunc(x.rows, m,
		func(r detect.VersionMinute, m detect.Minute) int { return cmp.Compare(r.Minute, m) })
	return i
}

// look takes rows of minutes up to to and finds the deploys of those after settled: up to
// settles for good. commit makes it so; until then look may be repeated.
func (r *rollouts) look(rows []VersionRow, settled, settles, to detect.Minute) {
	r.take(rows)
	r.found, r.ahead, r.next = nil, nil, map[string]detect.Versions{}
	for _, service := range slices.Sorted(maps.Keys(r.of)) {
		x := r.of[service]
		now := x.settled
		r.found = x.walk(service, &now, settled, settles, r.found)
		r.next[service] = now
		r.ahead = x.walk(service, &now, settles, to, r.ahead)
	}
	byKnown(r.found)
	byKnown(r.ahead)
}

// walk steps over the minutes (from, to] that have rows.
func (x *rollout) walk(service string, now *detect.Versions, from, to detect.Minute,
	list []detect.Deploy) []detect.Deploy {
	for i := x.search(from + 1); i < len(x.rows) && x.rows[i].Minute <= to; {
		m := x.rows[i].Minute
		for i < len(x.rows) && x.rows[i].Minute == m {
			i++
		}
		if d, ok := now.Step(service, x.rows[:i], m); ok {
			list = append(list, d)
		}
	}
	return list
}

func byKnown(list []detect.Deploy) {
	slices.SortStableFunc(list, func(a, b detect.Deploy) int {
		return cmp.Or(cmp.Compare(a.Known, b.Known), strings.Compare(a.Service, b.Service))
	})
}

// deploys are those that an error may come after, at the minutes that look was given.
func (r *rollouts) deploys() []detect.Deploy { return slices.Concat(r.final, r.found, r.ahead) }

// commit ends an advance up to the settled minute, and drops what nobody looks back on.
func (r *rollouts) commit(settled detect.Minute) {
	r.final = append(r.final, r.found...)
	r.found = nil
	r.final = slices.DeleteFunc(r.final, func(d detect.Deploy) bool { return d.At < settled-afterDeploy })
	for service, now := range r.next {
		x := r.of[service]
		x.settled = now
		x.rows = slices.Delete(x.rows, 0, x.search(settled-detect.DeployLookback))
	}
	r.next = nil
}

// afterDeploy is how many minutes before a settled one a deploy matters to errors.
const afterDeploy = detect.DeployHours*60 + detect.ErrorLookback + rewind

// restore sets what was known at minute at, by the deploys that are stored, sorted by
// when they were known, and the rows of the window before.
func (r *rollouts) restore(at detect.Minute, stored []detect.Deploy, rows []VersionRow) {
	r.take(rows)
	for i := range stored {
		d := &stored[i]
		if d.Known > at {
			continue // it is found again
		}
		if r.of[d.Service] == nil {
			r.of[d.Service] = &rollout{}
		}
		r.of[d.Service].settled.Took(d)
		if d.At >= at-afterDeploy {
			r.final = append(r.final, *d)
		}
	}
}

// Seen implements Tables. Each is stored once, however often and by however many
// instances it is told.
func (q *SQL) Seen(ctx context.Context, list []detect.Deploy) error {
	for i := range list {
		d := &list[i]
		token := fmt.Sprintf("deploy/%s/%s/%d/%d", d.Service, d.Version, d.At, d.Known)
		once, err := q.store.InsertingOnce(ctx, token)
		if err == nil {
			first := 0
			if d.First {
				first = 1
			}
			err = q.store.Exec(once, "INSERT INTO "+q.table(schema.Deploys)+
				" (at, service, version, author, known, first) VALUES (fromUnixTimestamp64Milli(?, 'UTC'), ?, ?, ?, toDateTime(?, 'UTC'), ?)",
				d.At.Unix()*1000, d.Service, d.Version, detect.SeenDeploy, d.Known.Unix(), first)
		}
		if err != nil {
			return fmt.Errorf("store the deploy of %s %s: %w", d.Service, d.Version, err)
		}
	}
	return nil
}

// seenDeploys bounds how many of a service's deploys a restored evaluator reads.
const seenDeploys = 100

// seen reads the newest deploys of each service that Seen stored, by when they were
// known.
func (q *SQL) seen(ctx context.Context) (list []detect.Deploy, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		At      time.Time `ch:"at"`
		Service string    `ch:"service"`
		Version string    `ch:"version"`
		Known   time.Time `ch:"known"`
		First   uint8     `ch:"first"`
	}) error {
		list = append(list, detect.Deploy{Service: r.Service, Version: r.Version, At: minuteOf(r.At),
			Known: minuteOf(r.Known), First: r.First != 0})
		return nil
	}, fmt.Sprintf(`SELECT DISTINCT at, service, version, known, first FROM (
			SELECT at, service, version, known, first FROM %s WHERE toUnixTimestamp(known) > 0 ORDER BY known DESC LIMIT %d BY service)
		ORDER BY known, service`, q.table(schema.Deploys), seenDeploys))
	if err != nil {
		return nil, fmt.Errorf("read the deploys that were seen: %w", err)
	}
	return list, nil
}

// versionRows reads the requests of minutes that tell a version.
func (q *SQL) versionRows(ctx context.Context, minutes []detect.Minute) (rows []VersionRow, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		Minute  time.Time `ch:"minute"`
		Service string    `ch:"service"`
		Version string    `ch:"version"`
		N       uint64    `ch:"n"`
	}) error {
		rows = append(rows, VersionRow{r.Service, detect.VersionMinute{Minute: minuteOf(r.Minute), Version: r.Version,
			Requests: r.N}})
		return nil
	}, "SELECT minute, service, version, sum(requests) AS n FROM "+q.table(schema.Services)+" WHERE "+within(minutes)+
		" AND version != '' GROUP BY minute, service, version ORDER BY minute, service, version")
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	return rows, nil
}

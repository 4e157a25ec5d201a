package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Retried is what the requests of a service in some minutes declared about being
// retries.
type Retried struct {
	Minutes           int
	Requests, Retries uint64
	Before            float64 // requests a minute in the hour that ended a quarter before
	Keys              []RetryingKey
}

// RetryingKey is a key with requests that declared to be retries.
type RetryingKey struct {
	Key     string
	Retries uint64
	Agents  []string // of its failures
}

const (
	// leastRetried is the share of a load that is told.
	leastRetried = 0.05
	// mostRetrying bounds the keys that are looked at: those with the most retries.
	mostRetrying = 100
	// retriedMark begins what is told of retries, in a summary.
	retriedMark = "; load "
)

// retries adds to the summaries of services' incidents how much of the load is
// retries, and whose, when it is made of retries.
func retries(ctx context.Context, t Tables, rows []*detect.Incident, to detect.Minute) error {
	for _, inc := range rows {
		switch inc.Kind {
		case detect.TimeoutSpike, detect.Outage, detect.ErrorSpike, detect.TrafficSurge:
		default:
			continue
		}
		if inc.State == detect.Withdrawn {
			continue
		}
		last := to
		if inc.ClosedAt != 0 {
			last = min(to, inc.ClosedAt)
		}
		r, err := t.Retried(ctx, inc.Service, inc.OpenedAt, last)
		if err != nil {
			return err
		}
		inc.Summary, _, _ = strings.Cut(inc.Summary, retriedMark)
		inc.Evidence.Retries, inc.Evidence.Load = 0, 0
		if float64(r.Retries) < leastRetried*float64(r.Requests) || r.Retries == 0 {
			continue
		}
		inc.Evidence.Retries = r.Retries
		if r.Before > 0 {
			inc.Evidence.Load = float64(r.Requests) / float64(r.Minutes) / r.Before
		}
		inc.Summary += r.sentence(inc.Evidence.Load)
	}
	return nil
}

// sentence is the end of a summary.
func (r *Retried) sentence(load float64) string {
	factor := ""
	if load > 0 {
		factor = fmt.Sprintf("x%.1f, ", load)
	}
	s := fmt.Sprintf("%s%s%.0f %% of it declared retries", retriedMark, factor,
		100*float64(r.Retries)/float64(r.Requests))
	if who, n, keys := r.most(); n > 0 {
		s += fmt.Sprintf(", %.0f %% of them %s", 100*float64(n)/float64(r.Retries), who)
		if keys == 1 {
			s += " of one key"
		} else {
			s += fmt.Sprintf(" of %d keys", keys)
		}
	}
	return s
}

// most is who sent the most retries: the user agent if keys have the same one, else
// one key.
func (r *Retried) most() (who string, n uint64, keys int) {
	type sender struct {
		n    uint64
		keys int
	}
	by := map[string]sender{}
	for _, k := range r.Keys {
		if len(k.Agents) == 1 {
			s := by[k.Agents[0]]
			by[k.Agents[0]] = sender{s.n + k.Retries, s.keys + 1}
		}
	}
	names := slices.SortedFunc(maps.Keys(by),
		func(a, b string) int { return cmp.Or(cmp.Compare(by[b].n, by[a].n), cmp.Compare(a, b)) })
	if len(names) > 0 && (len(r.Keys) == 0 || by[names[0]].n >= r.Keys[0].Retries) {
		return "from " + names[0], by[names[0]].n, by[names[0]].keys
	}
	if len(r.Keys) > 0 {
		return "from " + shortID(r.Keys[0].Key), r.Keys[0].Retries, 1
	}
	return "", 0, 0
}

// shortID is how a key id is shown.
func shortID(id string) string { return id[:min(10, len(id))] }

// Retried implements Tables.
func (q *SQL) Retried(ctx context.Context, service string, from, to detect.Minute) (*Retried, error) {
	r := &Retried{Minutes: int(to-from) + 1}
	const hour = 60
	before := between(from-detect.SettleMinutes-hour, from-detect.SettleMinutes-1)
	rows, err := store.Select[struct {
		N       uint64 `ch:"n"`
		Retries uint64 `ch:"retried"`
		Before  uint64 `ch:"before"`
	}](ctx, q.store,
		fmt.Sprintf("SELECT sumIf(requests, %[2]s) AS n, sumIf(retries, %[2]s) AS retried, sumIf(requests, %[3]s) AS before FROM %[1]s WHERE service = ? AND (%[2]s OR %[3]s)",
			q.table(schema.Responses), between(from, to), before), service)
	if err != nil {
		return nil, fmt.Errorf("retries of a service: %w", err)
	}
	if len(rows) == 0 || rows[0].Retries == 0 {
		return r, nil
	}
	r.Requests, r.Retries, r.Before = rows[0].N, rows[0].Retries, float64(rows[0].Before)/hour
	err = store.Each(ctx, q.store, func(k *struct {
		Key     string   `ch:"key_id"`
		Retries uint64   `ch:"n"`
		Agents  []string `ch:"agents"`
	}) error {
		r.Keys = append(r.Keys, RetryingKey{k.Key, k.Retries, k.Agents})
		return nil
	},
		fmt.Sprintf("SELECT key_id, sum(retries) AS n, arraySort(groupUniqArrayArray(user_agents)) AS agents FROM %s WHERE service = ? AND %s AND key_id != '%s' GROUP BY key_id HAVING n > 0 ORDER BY n DESC, key_id LIMIT %d",
			q.table(schema.Keys), between(from, to), classify.Other, mostRetrying), service)
	if err != nil {
		return nil, fmt.Errorf("keys that retry: %w", err)
	}
	return r, nil
}

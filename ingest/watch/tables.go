package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Tables keeps incidents and scores, and tells how far events have come.
type Tables interface {
	// Progress reads the watermark and what has been evaluated.
	Progress(ctx context.Context) (Progress, error)
	// Incidents reads the newest row of every incident that is open, or that
	// opened or closed at or after since.
	Incidents(ctx context.Context, since detect.Minute) ([]Stored, error)
	// Write inserts rows; each replaces the incident's row of a lower version.
	Write(ctx context.Context, rows []Stored, scores []ScoreRow, version uint64) error
	// Seen stores deploys that versions tell, each once.
	Seen(ctx context.Context, list []detect.Deploy) error
	// Notes reads the notes since a time, oldest first.
	Notes(ctx context.Context, since time.Time) ([]Note, error)
	// Sources reads the addresses and user agents of the keys' failures up to minute to,
	// from each of a key's minutes on, in no order; a key without any may be left out.
	Sources(ctx context.Context, from map[string][]detect.Minute, to detect.Minute, each EachSource) error
	// Retried reads what a service's requests declared about being retries.
	Retried(ctx context.Context, service string, from, to detect.Minute) (*Retried, error)
}

// EachSource is called with the addresses and user agents of a key's failures since from.
type EachSource func(key string, from detect.Minute, ips, agents []string)

// Progress is how far events and their evaluation are.
type Progress struct {
	Watermark time.Time     // zero when nothing is stored
	Late      time.Duration // how much later than that the rows of late sources come
	First     detect.Minute // first minute with a response, 0 for none
	Last      detect.Minute // last one
	Evaluated detect.Minute // last minute with a score, 0 for none
}

// idleAfter is how long a partition may be silent, by the writers' clocks,
// before it no longer holds the watermark back. A partition that has a lag is
// never silent.
const idleAfter = 30 * time.Second

// waitsFor is how late a source's newest response may be, by Kafka's time of its
// records, for the others to be decided only together with it. They do not wait
// for one that is later: its rows are read again when they have come, within
// settlesWithin.
const (
	waitsFor      = 3 * time.Minute
	settlesWithin = maxSlack*time.Minute + detect.SettleMinutes*time.Minute
)

// Progress implements Tables. The watermark is the least of the partitions'
// greatest event times; partitions that have nothing to read are left out, and so
// are late ones while there are others.
func (q *SQL) Progress(ctx context.Context) (p Progress, err error) {
	marks, err := store.Select[struct {
		Latest time.Time `ch:"latest"`
		Late   int64     `ch:"late"`
	}](ctx, q.store, fmt.Sprintf(`SELECT latest, late FROM (
			SELECT topic, partition, max(max_event) AS latest, max(written_at) AS seen, max(seen) OVER () AS newest,
				dateDiff('second', latest, maxIf(last_record_ts, last_record_ts <= written_at + 3600)) AS late
			FROM %s WHERE state = 'stored' AND responses > 0 GROUP BY topic, partition)
		WHERE seen >= newest - %d OR (topic, partition) IN (
			SELECT topic, partition FROM %s GROUP BY topic, partition HAVING argMax(lag_records, (minute, version)) > 0) ORDER BY latest`,
		q.table(schema.Ledger), int(idleAfter.Seconds()), q.table(schema.Pipeline)))
	if err != nil {
		return p, fmt.Errorf("read watermark: %w", err)
	}
	for i, m := range marks {
		if i == 0 || time.Duration(m.Late)*time.Second <= waitsFor {
			p.Watermark = m.Latest
		}
		if time.Duration(m.Late)*time.Second <= waitsFor {
			break
		}
	}
	for _, m := range marks {
		if by := p.Watermark.Sub(m.Latest); by <= settlesWithin {
			p.Late = max(p.Late, by)
		}
	}
	bounds, err := store.Select[struct {
		First int64 `ch:"first"`
		Last  int64 `ch:"last"`
		Done  int64 `ch:"done"`
	}](ctx, q.store, fmt.Sprintf(`SELECT toInt64(toUnixTimestamp(min(minute))) AS first, toInt64(toUnixTimestamp(max(minute))) AS last,
		(SELECT toInt64(toUnixTimestamp(max(minute))) FROM %s) AS done FROM %s`, q.table(schema.Scores), q.table(schema.Services)))
	if err != nil {
		return p, fmt.Errorf("read bounds: %w", err)
	}
	if len(bounds) > 0 {
		p.First, p.Last, p.Evaluated = detect.MinuteOf(bounds[0].First), detect.MinuteOf(bounds[0].Last),
			detect.MinuteOf(bounds[0].Done)
	}
	return p, nil
}

type incidentScan struct {
	ID          string    `ch:"id"`
	Kind        string    `ch:"kind"`
	Entity      string    `ch:"entity"`
	EntityType  string    `ch:"entity_type"`
	Service     string    `ch:"service"`
	Parent      string    `ch:"parent"`
	SilentWhy   string    `ch:"silent_why"`
	Severity    string    `ch:"severity"`
	State       string    `ch:"state"`
	ClosedAs    string    `ch:"closed_as"`
	OpenedAt    time.Time `ch:"opened_at"`
	ClosedAt    time.Time `ch:"closed_at"`
	Observed    float64   `ch:"observed"`
	Expected    float64   `ch:"expected"`
	Score       float64   `ch:"score"`
	Requests    uint64    `ch:"requests"`
	Affected    uint64    `ch:"affected"`
	Summary     string    `ch:"summary"`
	Evidence    string    `ch:"evidence"`
	Rule        string    `ch:"rule"`
	RuleVersion uint32    `ch:"rule_version"`
	Version     uint64    `ch:"version"`
	Silent      bool      `ch:"silent"`
}

const incidentColumns = `id, kind, entity, entity_type, service, parent, severity, state, closed_as, opened_at, closed_at,
	observed, expected, score, requests, affected, summary, evidence, rule, rule_version, version, silent, silent_why`

// Incidents implements Tables.
func (q *SQL) Incidents(ctx context.Context, since detect.Minute) (rows []Stored, err error) {
	err = store.Each(ctx, q.store, func(r *incidentScan) error {
		s, err := r.stored()
		rows = append(rows, s)
		return err
	},
		fmt.Sprintf("SELECT %s FROM %s FINAL WHERE state = 'open' OR opened_at >= toDateTime(%d, 'UTC') OR closed_at >= toDateTime(%d, 'UTC') ORDER BY opened_at, id",
			incidentColumns, q.table(schema.Incidents), max(since.Unix(), 1), max(since.Unix(), 1)))
	if err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	return rows, nil
}

func (r *incidentScan) stored() (Stored, error) {
	s := Stored{Version: r.Version, Incident: detect.Incident{
		ID: r.ID, Kind: detect.Kind(r.Kind), Entity: r.Entity, EntityType: detect.EntityType(r.EntityType),
		Service: r.Service,
		Parent:  r.Parent, Silent: r.SilentWhy, Severity: detect.Severity(r.Severity), State: detect.State(r.State),
		ClosedAs: r.ClosedAs,
		OpenedAt: minuteOf(r.OpenedAt), ClosedAt: minuteOf(r.ClosedAt), Observed: r.Observed, Expected: r.Expected,
		Score:    r.Score,
		Requests: r.Requests, Affected: r.Affected, Summary: r.Summary, Rule: r.Rule, RuleVersion: r.RuleVersion,
	}}
	if r.Evidence != "" {
		if err := json.Unmarshal([]byte(r.Evidence), &s.Evidence); err != nil {
			return s, fmt.Errorf("incident %s: evidence %q: %w", r.ID, r.Evidence, err)
		}
	}
	return s, nil
}

// Write implements Tables.
func (q *SQL) Write(ctx context.Context, rows []Stored, scores []ScoreRow, version uint64) error {
	ctx, err := q.store.Inserting(ctx)
	if err != nil {
		return fmt.Errorf("insert %d incidents and %d scores: %w", len(rows), len(scores), err)
	}
	if len(rows) > 0 {
		batch, err := q.store.Conn().PrepareBatch(ctx,
			"INSERT INTO "+q.table(schema.Incidents)+" ("+incidentColumns+")")
		if err != nil {
			return fmt.Errorf("insert %d incidents: %w", len(rows), err)
		}
		for i := range rows {
			r := &rows[i]
			evidence, err := json.Marshal(&r.Evidence)
			if err != nil {
				return fmt.Errorf("incident %s: %w", r.ID, err)
			}
			err = batch.Append(r.ID, string(r.Kind), r.Entity, string(r.EntityType), r.Service, r.Parent,
				string(r.Severity),
				string(r.State), r.ClosedAs, r.OpenedAt.Time(), r.ClosedAt.Time(), r.Observed, r.Expected, r.Score,
				r.Requests, r.Affected, r.Summary, string(evidence), r.Rule, r.RuleVersion, r.Version,
				r.Silent != "", r.Silent)
			if err != nil {
				return fmt.Errorf("incident %s: %w", r.ID, err)
			}
		}
		if err := batch.Send(); err != nil {
			return fmt.Errorf("insert %d incidents: %w", len(rows), err)
		}
	}
	if len(scores) == 0 {
		return nil
	}
	batch, err := q.store.Conn().PrepareBatch(ctx,
		"INSERT INTO "+q.table(schema.Scores)+" (minute, service, series, n, k, expected, z, version)")
	if err != nil {
		return fmt.Errorf("insert %d scores: %w", len(scores), err)
	}
	for i := range scores {
		s := &scores[i]
		if err := batch.Append(s.Minute.Time(), s.Service, s.Series, s.N, s.K, s.Expected, s.Z, version); err != nil {
			return fmt.Errorf("score of %s: %w", s.Service, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert %d scores: %w", len(scores), err)
	}
	return nil
}

// maxSources bounds how many addresses and user agents an incident names.
const maxSources = 10

// minutesAtOnce is how many minutes of a key a query asks for: their numbers fit in its
// text beside the keys.
const minutesAtOnce = 3

// Sources implements Tables. It asks for all keys and their minutes at once: the rows of a
// key are all over the table, so that each query reads most of it.
func (q *SQL) Sources(ctx context.Context, from map[string][]detect.Minute, to detect.Minute, each EachSource) error {
	for keys := range parts(slices.Sorted(maps.Keys(from))) {
		for n := 0; len(keys) > 0; n += minutesAtOnce {
			some := map[string][]detect.Minute{}
			for _, k := range keys {
				some[k] = from[k][n:min(n+minutesAtOnce, len(from[k]))]
			}
			if err := q.sources(ctx, keys, some, to, each); err != nil {
				return fmt.Errorf("sources of %d keys: %w", len(keys), err)
			}
			keys = slices.DeleteFunc(keys, func(k string) bool { return len(from[k]) <= n+minutesAtOnce })
		}
	}
	return nil
}

// sources is Sources of keys that each have one to minutesAtOnce minutes.
func (q *SQL) sources(ctx context.Context, keys []string, from map[string][]detect.Minute, to detect.Minute,
	each EachSource) error {
	first, most := to, 0
	for _, k := range keys {
		first, most = min(first, slices.Min(from[k])), max(most, len(from[k]))
	}
	with, args := "WITH ? AS keys", []any{keys}
	var ips, agents []string
	for n := range most {
		after := make([]uint32, len(keys)) // the n-th minute of each key, after the first of all
		for i, k := range keys {
			after[i] = math.MaxUint32 // there is none
			if n < len(from[k]) {
				after[i] = uint32(from[k][n] - first)
			}
		}
		name := fmt.Sprintf("after_%d", n)
		with, args = with+", ? AS "+name, append(args, after)
		since := fmt.Sprintf("intDiv(toUnixTimestamp(minute) - %d, 60) >= transform(key_id, keys, %s, 0)",
			max(first.Unix(), 0), name)
		slice := func(column string) string {
			return fmt.Sprintf("arraySlice(arraySort(groupUniqArrayArrayIf(%s, %s)), 1, %d)", column, since, maxSources)
		}
		ips = append(ips, "arrayMap(x -> toString(x), "+slice("client_ips")+")")
		agents = append(agents, slice("user_agents"))
	}
	return store.Each(ctx, q.store, func(r *struct {
		Key    string     `ch:"key_id"`
		IPs    [][]string `ch:"ips"`
		Agents [][]string `ch:"agents"`
	}) error {
		for n, minute := range from[r.Key] {
			for i, ip := range r.IPs[n] {
				r.IPs[n][i] = plainIP(ip)
			}
			each(r.Key, minute, r.IPs[n], r.Agents[n])
		}
		return nil
	}, fmt.Sprintf(`%s SELECT key_id, [%s] AS ips, [%s] AS agents FROM %s
		WHERE key_id IN (SELECT arrayJoin(keys)) AND %s AND %s GROUP BY key_id`, with, strings.Join(ips, ", "),
		strings.Join(agents, ", "), q.table(schema.Keys), failed, between(first, to)), args...)
}

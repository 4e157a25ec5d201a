package report

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"statline/dashboards/query"
)

// Scan reads the columns of one row.
type Scan = func(dest ...any) error

// Store answers a text. Its values are ClickHouse's query parameters; row is
// called for each row of the answer, and its error ends it.
type Store interface {
	Database() string
	Ask(ctx context.Context, sql string, values map[string]any, row func(Scan) error) error
}

// Collect reads every row of a query's answer. what names them in errors.
func Collect[T any](ctx context.Context, s Store, what string, text query.Text, p query.Params,
	scan func(Scan) (T, error)) ([]T, error) {
	sql, values := text.Bind(query.Target{Database: s.Database()}, p)
	all := []T{}
	err := s.Ask(ctx, sql, values, func(columns Scan) error {
		row, err := scan(columns)
		all = append(all, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return all, nil
}

// params are the values of a report's texts.
func params(w TimeRange, f Filter) query.Params {
	p := query.Params{From: w.From, To: w.To}
	for _, x := range []struct {
		one  string
		list *[]string
	}{{f.Service, &p.Services}, {f.Route, &p.Routes}, {f.Outcome, &p.Outcomes}, {f.Key, &p.Keys}, {f.Code, &p.Codes}} {
		if x.one != "" {
			*x.list = []string{x.one}
		}
	}
	return p
}

// Stored is the time range of the stored minutes. ok is false when nothing is stored.
func Stored(ctx context.Context, s Store) (w TimeRange, ok bool, err error) {
	type stored struct {
		first, last time.Time
		n           uint64
	}
	rows, err := Collect(ctx, s, "the stored span", query.ReportSpan(), query.Params{},
		func(scan Scan) (r stored, err error) {
			err = scan(&r.first, &r.last, &r.n)
			return r, err
		})
	if err != nil || len(rows) == 0 {
		return w, false, err
	}
	r := rows[0]
	return TimeRange{From: r.first.UTC(), To: r.last.Add(time.Minute).UTC()}, r.n > 0, nil
}

// Read reads the whole report of a time range.
func Read(ctx context.Context, s Store, w TimeRange, f Filter) (*Report, error) {
	texts, p := query.NewReport(f.Key != ""), params(w, f)
	r, err := Totals(ctx, s)
	if err != nil {
		return nil, err
	}
	// Whoever reads while blocks arrive is not told of a key's refusals before
	// the refusals themselves: a block's ledger row comes last, its responses
	// first, so they are read the other way round.
	if r.Who, err = Collect(ctx, s, "the refused keys", texts.Who, p, scanWho); err != nil {
		return nil, err
	}
	if r.Quotas, err = Collect(ctx, s, "the limits that headers tell", texts.Quotas, p, scanQuota); err != nil {
		return nil, err
	}
	latencies, err := Collect(ctx, s, "the latencies", texts.Latency, p, scanLatency)
	if err != nil {
		return nil, err
	}
	responses, err := Collect(ctx, s, "the responses", texts.Responses, p, scanResponses)
	if err != nil {
		return nil, err
	}
	r.count(responses, latencies, f.Key != "")
	if r.RejectReasons, err = readCounts(ctx, s, texts.Rejects, p); err != nil {
		return nil, err
	}
	if w != Everything() {
		r.Responses = r.ByOutcome.Total()
		from, to := w.From.UTC(), w.To.UTC()
		r.First, r.Last = &from, &to
	}
	r.Incidents, err = Collect(ctx, s, "the incidents", texts.Incidents, p, scanIncident)
	return r, err
}

// Totals is a report of the totals of every stored block.
func Totals(ctx context.Context, s Store) (*Report, error) {
	rows, err := Collect(ctx, s, "the ledger", query.ReportLedger(), query.Params{}, func(scan Scan) (*Report, error) {
		var r Report
		var blocks uint64
		var first, last time.Time
		err := scan(&r.Records, &r.Responses, &r.Rejected, &first, &last, &blocks)
		if r.Responses > 0 {
			r.First, r.Last = &first, &last
		}
		return &r, err
	})
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("read the ledger: got %d rows; want 1", len(rows))
	}
	return rows[0], nil
}

func readCounts(ctx context.Context, s Store, text query.Text, p query.Params) (Counts, error) {
	rows, err := Collect(ctx, s, "the counts", text, p, func(scan Scan) (c Count, err error) {
		err = scan(&c.Name, &c.N)
		return c, err
	})
	counts := make(Counts, len(rows))
	for _, c := range rows {
		counts[c.Name] = c.N
	}
	return counts, err
}

func scanWho(scan Scan) (r Who, err error) {
	err = scan(&r.Key, &r.Name, &r.Outcome, &r.Code, &r.Services, &r.Requests, &r.OfKey, &r.CountMax, &r.LimitMax,
		&r.FirstSeen, &r.LastSeen, &r.Clients, &r.UserAgent)
	return r, err
}

func scanQuota(scan Scan) (q Quota, err error) {
	var left int64
	err = scan(&q.Key, &q.Name, &q.Limit, &q.Window, &q.RetryAfter, &left, &q.Responses)
	if left >= 0 {
		q.Left = &left
	}
	return q, err
}

func scanIncident(scan Scan) (r Incident, err error) {
	var closed time.Time
	var evidence string
	err = scan(&r.Kind, &r.Entity, &r.Severity, &r.State, &r.Opened, &closed, &r.Observed, &r.Expected, &r.Score,
		&r.Summary, &r.Parent, &r.ID, &r.ClosedAs, &r.Silent, &r.Rule, &evidence, &r.Name)
	if r.State != "open" {
		r.Closed = &closed
	}
	if err == nil && evidence != "" {
		if err = json.Unmarshal([]byte(evidence), &r.Evidence); err != nil {
			err = fmt.Errorf("incident %s: evidence %q: %w", r.ID, evidence, err)
		}
	}
	return r, err
}

// Incidents lists the incidents that touch a time range, or only the open ones.
func Incidents(ctx context.Context, s Store, w TimeRange, f Filter, open bool) ([]Incident, error) {
	return Collect(ctx, s, "the incidents", query.ReportIncidents(open), params(w, f), scanIncident)
}

// IncidentOf is the incident with a whole id, and the incidents that it causes. ok is
// false when there is none.
func IncidentOf(ctx context.Context, s Store, id string) (found Incident, caused []Incident, ok bool, err error) {
	list, err := Collect(ctx, s, "the incident", query.ReportIncident(), query.Params{Incidents: []string{id}},
		scanIncident)
	if err != nil {
		return found, nil, false, err
	}
	for _, r := range list {
		if r.ID == id {
			found, ok = r, true
		} else {
			caused = append(caused, r)
		}
	}
	return found, caused, ok, nil
}

// Name adds the names of keys to their incidents.
func Name(ctx context.Context, s Store, list []Incident) error {
	const maxKeys = 2000 // what fits a query
	for some := range slices.Chunk(list, maxKeys) {
		keys := make([]string, len(some))
		for i := range some {
			keys[i] = some[i].Entity
		}
		names := map[string]string{}
		_, err := Collect(ctx, s, "the names of keys", query.KeyNames(), query.Params{Keys: keys},
			func(scan Scan) (key string, err error) {
				var name string
				err = scan(&key, &name)
				names[key] = name
				return key, err
			})
		if err != nil {
			return err
		}
		for i := range some {
			some[i].Name = names[some[i].Entity]
		}
	}
	return nil
}

// NameOf is the name of a key, "" when it has none.
func NameOf(ctx context.Context, s Store, key string) (string, error) {
	named := []Incident{{Entity: key}}
	err := Name(ctx, s, named)
	return named[0].Name, err
}

// NamedKey is a key and its name, "" when it has none.
type NamedKey struct{ ID, Name string }

// NewestKeys lists the keys with the most requests of the newest stored week, 500 at
// most. It reads rows of hours only.
func NewestKeys(ctx context.Context, s Store) ([]NamedKey, error) {
	return Collect(ctx, s, "the newest keys", query.NewestKeys(), query.Params{}, scanNamedKey)
}

func scanNamedKey(scan Scan) (k NamedKey, err error) {
	err = scan(&k.ID, &k.Name)
	return k, err
}

// Services lists the stored services.
func Services(ctx context.Context, s Store) ([]string, error) {
	return Collect(ctx, s, "the services", query.StoredServices(), query.Params{}, scanName)
}

// Routes lists the stored routes.
func Routes(ctx context.Context, s Store) ([]string, error) {
	return Collect(ctx, s, "the stored routes", query.StoredRoutes(), query.Params{}, scanName)
}

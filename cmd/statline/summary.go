package main

import (
	"context"
	"fmt"
	"time"

	"statline/dashboards/query"
	"statline/ingest/store"
)

// summary is what a report says, and the object that --json prints.
type summary struct {
	Records        uint64            `json:"records"`
	Responses      uint64            `json:"responses"`
	Rejected       uint64            `json:"rejected"`
	ByHTTPStatus   map[string]uint64 `json:"by_http_status"`
	ByCode         map[string]uint64 `json:"by_code"`
	ByOutcome      map[string]uint64 `json:"by_outcome"`
	ByService      map[string]uint64 `json:"by_service"`
	First          *time.Time        `json:"first"`
	Last           *time.Time        `json:"last"`
	ElapsedSeconds float64           `json:"elapsed_seconds"`
	RejectReasons  map[string]uint64 `json:"rejected_by_reason"`
	Why            []whyRow          `json:"why"`
	Who            []whoRow          `json:"who"`
	Services       []serviceRow      `json:"services"`
	Incidents      []incidentRow     `json:"incidents"`
}

type whyRow struct {
	Outcome      string    `json:"outcome"`
	Code         uint16    `json:"code"`
	HTTPStatus   uint16    `json:"http_status"`
	Requests     uint64    `json:"requests"`
	Services     uint64    `json:"services"`
	WorstService string    `json:"worst_service"`
	Since        time.Time `json:"since"`
	Until        time.Time `json:"until"`
}

type whoRow struct {
	Key       string    `json:"key_id"`
	Name      string    `json:"name,omitempty"`
	Outcome   string    `json:"outcome"`
	Code      uint16    `json:"code"`
	Services  string    `json:"services"`
	Requests  uint64    `json:"requests"`
	OfKey     uint64    `json:"requests_of_key"`
	CountMax  uint32    `json:"count_max,omitempty"`
	LimitMax  uint32    `json:"limit_max,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Clients   uint64    `json:"clients"`
	UserAgent string    `json:"user_agent,omitempty"`
}

type serviceRow struct {
	Service      string     `json:"service"`
	Requests     uint64     `json:"requests"`
	Failures     uint64     `json:"failures"`
	Timeouts     uint64     `json:"timeouts"`
	P50Micros    float64    `json:"p50_us"`
	P95Micros    float64    `json:"p95_us"`
	P99Micros    float64    `json:"p99_us"`
	TimeoutSince *time.Time `json:"timeouts_since,omitempty"`
}

type incidentRow struct {
	Kind     string     `json:"kind"`
	Entity   string     `json:"entity"`
	Name     string     `json:"name,omitempty"` // of a key
	Severity string     `json:"severity"`
	State    string     `json:"state"`
	Opened   time.Time  `json:"opened"`
	Closed   *time.Time `json:"closed"`
	Observed float64    `json:"observed"`
	Expected float64    `json:"expected"`
	Score    float64    `json:"score"`
	Summary  string     `json:"summary"`
	Parent   string     `json:"parent,omitempty"`
	ID       string     `json:"id"`
}

// window is the span of event minutes [From, To) that a report covers.
type window struct{ From, To time.Time }

// everything covers whatever is stored.
var everything = window{From: time.Unix(0, 0).UTC(), To: time.Unix(1<<32-61, 0).UTC()}

// newest is the last span of what is stored: "1 h" means the hour up to the
// newest stored minute, so that a report on old logs shows them. ok is false
// when nothing is stored.
func newest(ctx context.Context, s *store.Store, span time.Duration) (w window, ok bool, err error) {
	var first, last time.Time
	var n uint64
	if err := s.Conn().QueryRow(ctx, query.In(s.Database(), query.ReportSpan)).Scan(&first, &last, &n); err != nil {
		return w, false, fmt.Errorf("read the stored span: %w", err)
	}
	w = window{From: last.Add(time.Minute - span), To: last.Add(time.Minute)}
	if w.From.Before(first) {
		w.From = first
	}
	return w, n > 0, nil
}

// summarize reads the whole report of a window.
func summarize(ctx context.Context, s *store.Store, w window, filter reportFilter) (*summary, error) {
	texts := query.NewReport(filter.Key != "")
	args := []any{w.From, w.To, filter.Service, filter.Key}
	sum := &summary{RejectReasons: map[string]uint64{}}
	if err := readLedger(ctx, s, sum); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		into *map[string]uint64
		sql  string
	}{
		{&sum.ByHTTPStatus, texts.ByStatus}, {&sum.ByCode, texts.ByCode}, {&sum.ByOutcome, texts.ByOutcome},
		{&sum.ByService, texts.ByService}, {&sum.RejectReasons, texts.Rejects},
	} {
		m, err := counts(ctx, s, part.sql, args...)
		if err != nil {
			return nil, err
		}
		*part.into = m
	}
	if w != everything {
		sum.Responses = total(sum.ByOutcome)
		from, to := w.From.UTC(), w.To.UTC()
		sum.First, sum.Last = &from, &to
	}
	var err error
	if sum.Why, err = readWhy(ctx, s, texts.Why, args); err != nil {
		return nil, err
	}
	if sum.Who, err = readWho(ctx, s, texts.Who, args); err != nil {
		return nil, err
	}
	if sum.Services, err = readServices(ctx, s, texts.Services, args); err != nil {
		return nil, err
	}
	sum.Incidents, err = readIncidents(ctx, s, texts.Incidents, args)
	return sum, err
}

// readLedger reads the totals of every stored block.
func readLedger(ctx context.Context, s *store.Store, sum *summary) error {
	var blocks uint64
	var first, last time.Time
	row := s.Conn().QueryRow(ctx, query.In(s.Database(), query.ReportLedger))
	if err := row.Scan(&sum.Records, &sum.Responses, &sum.Rejected, &first, &last, &blocks); err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	if sum.Responses > 0 {
		sum.First, sum.Last = &first, &last
	}
	return nil
}

// counts reads (name, number) pairs.
func counts(ctx context.Context, s *store.Store, sql string, args ...any) (map[string]uint64, error) {
	rows, err := s.Conn().Query(ctx, query.In(s.Database(), sql), args...)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	defer rows.Close()
	m := map[string]uint64{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, fmt.Errorf("read the report: %w", err)
		}
		m[name] = n
	}
	return m, rows.Err()
}

// collect reads every row of a query with scan.
func collect[T any](ctx context.Context, s *store.Store, what, sql string, scan func(dest func(...any) error) (T, error), args ...any) ([]T, error) {
	rows, err := s.Conn().Query(ctx, query.In(s.Database(), sql), args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		row, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return all, nil
}

func readWhy(ctx context.Context, s *store.Store, sql string, args []any) ([]whyRow, error) {
	return collect(ctx, s, "the failures", sql, func(scan func(...any) error) (r whyRow, err error) {
		err = scan(&r.Outcome, &r.Code, &r.HTTPStatus, &r.Requests, &r.Services, &r.WorstService, &r.Since, &r.Until)
		return r, err
	}, args...)
}

func readWho(ctx context.Context, s *store.Store, sql string, args []any) ([]whoRow, error) {
	return collect(ctx, s, "the refused keys", sql, func(scan func(...any) error) (r whoRow, err error) {
		err = scan(&r.Key, &r.Name, &r.Outcome, &r.Code, &r.Services, &r.Requests, &r.OfKey, &r.CountMax, &r.LimitMax, &r.FirstSeen, &r.LastSeen, &r.Clients, &r.UserAgent)
		return r, err
	}, args...)
}

func readServices(ctx context.Context, s *store.Store, sql string, args []any) ([]serviceRow, error) {
	return collect(ctx, s, "the services", sql, func(scan func(...any) error) (r serviceRow, err error) {
		var since time.Time
		err = scan(&r.Service, &r.Requests, &r.Failures, &r.Timeouts, &r.P50Micros, &r.P95Micros, &r.P99Micros, &since)
		if r.Timeouts > 0 {
			r.TimeoutSince = &since
		}
		return r, err
	}, args...)
}

func readIncidents(ctx context.Context, s *store.Store, sql string, args []any) ([]incidentRow, error) {
	return collect(ctx, s, "the incidents", sql, func(scan func(...any) error) (r incidentRow, err error) {
		var closed time.Time
		err = scan(&r.Kind, &r.Entity, &r.Severity, &r.State, &r.Opened, &closed, &r.Observed, &r.Expected, &r.Score, &r.Summary, &r.Parent, &r.ID, &r.Name)
		if r.State != "open" {
			r.Closed = &closed
		}
		return r, err
	}, args...)
}

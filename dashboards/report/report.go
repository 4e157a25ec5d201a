// Package report reads what the command line says of the stored responses: why
// they fail, who causes it and since when. Its texts are those of package
// query, with the reader's choices as query parameters. It draws nothing.
package report

import (
	"time"

	"statline/classify/detect"
)

// Report is a report. --json prints it as JSON.
type Report struct {
	Records        uint64     `json:"records"`
	Responses      uint64     `json:"responses"`
	Rejected       uint64     `json:"rejected"`
	ByHTTPStatus   Counts     `json:"by_http_status"`
	ByCode         Counts     `json:"by_code"`
	ByOutcome      Counts     `json:"by_outcome"`
	ByService      Counts     `json:"by_service"`
	First          *time.Time `json:"first"`
	Last           *time.Time `json:"last"`
	ElapsedSeconds float64    `json:"elapsed_seconds"`
	RejectReasons  Counts     `json:"rejected_by_reason"`
	Why            []Why      `json:"why"`
	Who            []Who      `json:"who"`
	Quotas         []Quota    `json:"quotas"`
	Services       []Service  `json:"services"`
	Incidents      []Incident `json:"incidents"`
}

// Why is a reason for failures: an outcome with its code and HTTP status.
type Why struct {
	Outcome      string    `json:"outcome"`
	Code         uint16    `json:"code"`
	HTTPStatus   uint16    `json:"http_status"`
	Requests     uint64    `json:"requests"`
	Services     uint64    `json:"services"`
	WorstService string    `json:"worst_service"`
	Since        time.Time `json:"since"`
	Until        time.Time `json:"until"`
	// Samples is the command that shows the stored lines behind it; "" when nobody can ask.
	Samples string `json:"samples_command,omitempty"`
}

// Who is a key that was refused, for one reason.
type Who struct {
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
	Samples   string    `json:"samples_command,omitempty"`
}

// Quota is what headers of its responses, refused or not, told a key of its rate
// limit: each field the extreme of the window.
type Quota struct {
	Key        string `json:"key_id"`
	Name       string `json:"name,omitempty"`
	Limit      uint32 `json:"limit,omitempty"`
	Window     uint32 `json:"window_seconds,omitempty"`
	RetryAfter uint32 `json:"retry_after_seconds,omitempty"` // the longest wait
	Left       *int64 `json:"least_left,omitempty"`
	Responses  uint64 `json:"responses"` // in rows with such headers
	Samples    string `json:"samples_command,omitempty"`
}

// Service is a service with its failures on the server's side and its latency.
type Service struct {
	Service      string     `json:"service"`
	Requests     uint64     `json:"requests"`
	Failures     uint64     `json:"failures"`
	Timeouts     uint64     `json:"timeouts"`
	P50Micros    float64    `json:"p50_us"`
	P95Micros    float64    `json:"p95_us"`
	P99Micros    float64    `json:"p99_us"`
	TimeoutSince *time.Time `json:"timeouts_since,omitempty"`
	Samples      string     `json:"samples_command,omitempty"`
}

// Incident is what a detector found.
type Incident struct {
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
	ClosedAs string     `json:"closed_as,omitempty"`
	Silent   string     `json:"silent,omitempty"` // why nobody is told, "" when they are
	Rule     string     `json:"rule"`
	// Evidence is what the rule saw.
	Evidence detect.Evidence `json:"evidence"`
}

// FromIncidents are incidents of the detectors as a report lists them. Their
// keys' names are not known yet (see Name).
func FromIncidents(found []detect.Incident) []Incident {
	list := make([]Incident, len(found))
	for i := range found {
		from := &found[i]
		list[i] = Incident{Kind: string(from.Kind), Entity: from.Entity, Severity: string(from.Severity),
			State:  string(from.State),
			Opened: from.OpenedAt.Time(), Observed: from.Observed, Expected: from.Expected, Score: from.Score,
			Summary: from.Summary, Parent: from.Parent, ID: from.ID, ClosedAs: from.ClosedAs, Silent: from.Silent,
			Rule: from.Rule, Evidence: from.Evidence}
		if from.ClosedAt > 0 {
			closed := from.ClosedAt.Time()
			list[i].Closed = &closed
		}
	}
	return list
}

// TimeRange is the event minutes [From, To) that a report covers.
type TimeRange struct{ From, To time.Time }

// Everything covers all that is stored.
func Everything() TimeRange {
	return TimeRange{From: time.Unix(0, 0).UTC(), To: time.Unix(1<<32-61, 0).UTC()}
}

// Filter narrows a report: to one service, route, outcome or code, and to keys by
// the first characters of their ids. Empty is all.
type Filter struct{ Service, Route, Outcome, Key, Code string }

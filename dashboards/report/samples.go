package report

import (
	"context"
	"time"

	"statline/classify"
	"statline/dashboards/query"
)

// Sample is one stored response, scrubbed.
type Sample struct {
	Time       time.Time `json:"time"`
	Service    string    `json:"service"`
	Outcome    string    `json:"outcome"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Route      string    `json:"route"`
	HTTPStatus uint16    `json:"http_status"`
	Code       uint16    `json:"code"`
	Message    string    `json:"message"`
	Micros     int64     `json:"latency_us"` // -1 when unknown
	RequestID  string    `json:"request_id"`
	Key        string    `json:"key_id"`
}

// SampleFilter narrows samples. Without an outcome they are of failures.
type SampleFilter struct {
	Filter
	Limit int
}

// Samples lists the newest samples of a time range.
func Samples(ctx context.Context, s Store, w TimeRange, f SampleFilter) ([]Sample, error) {
	list, err := Collect(ctx, s, "the samples", query.ReportSamples(), sampleParams(w, f.Filter), scanSample)
	if err != nil {
		return nil, err
	}
	return list[:min(len(list), f.Limit)], nil
}

func sampleParams(w TimeRange, f Filter) query.Params {
	p := params(w, f)
	if f.Outcome == "" {
		for _, o := range classify.Failed.Outcomes() {
			p.Outcomes = append(p.Outcomes, o.String())
		}
	}
	return p
}

// SamplesOf lists the newest failures of an incident's service or key while it was
// open, from ten minutes before.
func SamplesOf(ctx context.Context, s Store, incident string) ([]Sample, error) {
	return Collect(ctx, s, "the incident's samples", query.ReportIncidentSamples(),
		query.Params{Incidents: []string{incident}}, scanSample)
}

func scanSample(scan Scan) (r Sample, err error) {
	err = scan(&r.Time, &r.Service, &r.Outcome, &r.Method, &r.Path, &r.Route, &r.HTTPStatus, &r.Code, &r.Message,
		&r.Micros, &r.RequestID, &r.Key)
	return r, err
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"statline/classify/limit"
	"statline/dashboards"
	"statline/dashboards/limits"
	"statline/dashboards/report"
)

// server has the tools: each answers what the command of the same name prints.
func (a *assistant) server() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "statline",
		Title: "statline: why API responses fail, who does it, since when", Version: version}, nil)
	tool(a, s, "why", "Why responses fail: exact counts by outcome, code, HTTP status and service, since when.", a.why)
	tool(a, s, "who", "Who is refused: keys with the most refused requests, and keys nearest to their rate limit.",
		a.who)
	tool(a, s, "incidents", "What the detectors found in a span, or everything about one incident (id).", a.incidents)
	tool(a, s, "key", "What one key did: outcomes, reasons, limits and incidents.", a.key)
	tool(a, s, "compare",
		"A span compared with the one before it, or with the same so much earlier: what changed by outcome, code and service.", a.compare)
	tool(a, s, "simulate", "What a rate limit would do: who would be refused, how often, who of them is clean today.",
		a.simulate)
	return s
}

type span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func spanOf(w report.TimeRange) span { return span{stamp(w.From) + " UTC", stamp(w.To) + " UTC"} }

var errNothing = errors.New("nothing is stored yet")

// read reads the report for a question.
func (a *assistant) read(ctx context.Context, q about) (asking, report.TimeRange, *report.Report, error) {
	ask, w, ok, err := q.span(ctx, a.store)
	if err != nil || !ok {
		return ask, w, nil, errors.Join(err, unless(ok))
	}
	r, err := report.Read(ctx, a.store, w, ask.filter)
	return ask, w, r, err
}

func unless(ok bool) error {
	if ok {
		return nil
	}
	return errNothing
}

func (a *assistant) why(ctx context.Context, q about) (any, error) {
	_, w, r, err := a.read(ctx, q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"span": spanOf(w), "responses": r.ByOutcome.Total(), "failed": r.ByOutcome.Failures().Total(),
		"by_outcome": r.ByOutcome, "why": firstOf(r.Why, maxList), "services": firstOf(r.Services, maxList)}, nil
}

func (a *assistant) who(ctx context.Context, q about) (any, error) {
	_, w, r, err := a.read(ctx, q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"span": spanOf(w), "who": firstOf(r.Who, maxList),
		"limits_that_headers_tell": firstOf(r.Quotas, maxList)}, nil
}

type incidentsQuestion struct {
	about
	ID   string `json:"id,omitempty" jsonschema:"tell everything about this incident; the other fields are ignored"`
	Open bool   `json:"open,omitempty" jsonschema:"only those that are still open"`
}

func (a *assistant) incidents(ctx context.Context, q incidentsQuestion) (any, error) {
	if q.ID != "" {
		return a.incident(ctx, q.ID)
	}
	ask, w, ok, err := q.span(ctx, a.store)
	if err != nil || !ok {
		return nil, errors.Join(err, unless(ok))
	}
	list, err := report.Incidents(ctx, a.store, w, ask.filter, q.Open)
	return map[string]any{"span": spanOf(w), "incidents": firstOf(list, maxList), "in_all": len(list)}, err
}

func (a *assistant) incident(ctx context.Context, id string) (any, error) {
	found, caused, ok, err := report.IncidentOf(ctx, a.store, id)
	if err == nil && !ok {
		err = errors.New("id: there is no incident of this whole id; the tool incidents lists them")
	}
	if err != nil {
		return nil, err
	}
	means, todo := dashboards.MeaningOf(found.Kind)
	all := map[string]any{"incident": found, "means": means, "to_do": todo, "causes": firstOf(caused, maxList)}
	if a.samples {
		list, err := report.SamplesOf(ctx, a.store, id)
		if err != nil {
			return nil, err
		}
		all["samples"] = firstOf(list, 10)
	}
	return all, nil
}

func (a *assistant) key(ctx context.Context, q about) (any, error) {
	if q.Key == "" {
		return nil, errors.New("key: got none; want its id, the first characters of it, or the customer's name")
	}
	ask, w, r, err := a.read(ctx, q)
	if err != nil {
		return nil, err
	}
	name, err := report.NameOf(ctx, a.store, ask.filter.Key)
	return map[string]any{"span": spanOf(w), "key_id": ask.filter.Key, "name": name, "responses": r.ByOutcome.Total(),
		"by_outcome": r.ByOutcome, "by_code": r.ByCode, "by_service": r.ByService, "refused": firstOf(r.Who, maxList),
		"limits_that_headers_tell": r.Quotas, "incidents": firstOf(r.Incidents, maxList)}, err
}

type compareQuestion struct {
	about
	With string `json:"with,omitempty" jsonschema:"previous (the span before), or how much earlier: 1d, 7d; default previous"`
}

func (a *assistant) compare(ctx context.Context, q compareQuestion) (any, error) {
	with := q.With
	if with == "" {
		with = "previous"
	}
	ask, w, now, err := a.read(ctx, q.about)
	if err != nil {
		return nil, err
	}
	if err := (comparison{&ask.compare}).Set(with); err != nil {
		return nil, err
	}
	then, _ := ask.before(w)
	before, err := report.Read(ctx, a.store, then, ask.filter)
	if err != nil {
		return nil, err
	}
	return map[string]any{"span": spanOf(w), "compared_with": spanOf(then),
		"changes": firstOf(now.Compare(before), maxList)}, nil
}

type simulateQuestion struct {
	about
	Limit        string `json:"limit" jsonschema:"limits to try together: requests/window, such as 600/1m or 600/1m,10000/1h"`
	CountRefused bool   `json:"count_refused,omitempty" jsonschema:"a request that one limit refuses counts against the others too"`
}

func (a *assistant) simulate(ctx context.Context, q simulateQuestion) (any, error) {
	parsed, err := limit.Parse(q.Limit)
	if err != nil {
		return nil, err
	}
	ask, w, ok, err := q.span(ctx, a.store)
	if err != nil || !ok {
		return nil, errors.Join(err, unless(ok))
	}
	question := limits.Question{Trial: limit.Trial{Limits: parsed, CountRefused: q.CountRefused}, Filter: ask.filter}
	if question.TimeRange, err = limits.Span(ctx, a.store, w, &question); err != nil {
		return nil, err
	}
	found, err := limits.Simulate(ctx, a.store, question)
	if err != nil {
		return nil, err
	}
	found.ByKey, found.ByHour = firstOf(found.ByKey, maxList), firstOf(found.ByHour, maxList)
	return found, nil
}

// boundedTexts is v as JSON with every text bounded, including field names that come
// from traffic.
func boundedTexts(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // numbers keep their precision
	if err := d.Decode(&plain); err != nil {
		return nil, err
	}
	return boundedValue(plain), nil
}

func boundedValue(v any) any {
	switch v := v.(type) {
	case string:
		return bounded(v, maxText)
	case []any:
		for i := range v {
			v[i] = boundedValue(v[i])
		}
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, value := range v {
			all[bounded(name, maxText)] = boundedValue(value)
		}
		return all
	}
	return v
}

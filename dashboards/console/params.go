package console

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"statline/dashboards/query"
)

const (
	longestSpan  = 400 * 24 * time.Hour
	mostPoints   = 1500
	mostChosen   = 100 // values of one variable
	longestValue = 1024
)

// read reads a request's time range, step and choices. Both ends are whole minutes,
// the finest that is stored.
func read(q url.Values, now time.Time, points int) (query.Params, error) {
	p := query.Params{}
	var err error
	if p.From, err = moment(q.Get("from"), now, "now-1h"); err != nil {
		return p, fmt.Errorf("from: %w", err)
	}
	if p.To, err = moment(q.Get("to"), now, "now"); err != nil {
		return p, fmt.Errorf("to: %w", err)
	}
	switch span := p.To.Sub(p.From); {
	case span < time.Minute:
		return p, fmt.Errorf("from %s, to %s: want at least a minute between", p.From.Format(time.RFC3339),
			p.To.Format(time.RFC3339))
	case span > longestSpan:
		return p, fmt.Errorf("from %s, to %s: want at most 400 days between", p.From.Format(time.RFC3339),
			p.To.Format(time.RFC3339))
	}
	seconds := 60
	if text := q.Get("step"); text != "" {
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > 1e8 {
			return p, fmt.Errorf("step: got %q; want seconds", text)
		}
	}
	if points == 0 || points > mostPoints {
		points = mostPoints
	}
	p.Step = max(time.Duration(seconds)*time.Second, p.To.Sub(p.From)/time.Duration(points))
	p.Step = (p.Step + time.Minute - 1).Truncate(time.Minute)
	for name, list := range map[string]*[]string{"service": &p.Services, "route": &p.Routes, "outcome": &p.Outcomes,
		"key": &p.Keys, "incident": &p.Incidents,
		"code": &p.Codes, "client": &p.Clients} {
		values := q[name]
		if len(values) > mostChosen {
			return p, fmt.Errorf("%s: got %d values; want at most %d", name, len(values), mostChosen)
		}
		for _, v := range values {
			if len(v) > longestValue {
				return p, fmt.Errorf("%s: got a value of %d bytes; want at most %d", name, len(v), longestValue)
			}
		}
		*list = values
	}
	return p, nil
}

// moment reads now, now-6h, seconds since 1970, or RFC 3339.
func moment(text string, now time.Time, otherwise string) (time.Time, error) {
	if text == "" {
		text = otherwise
	}
	t := now
	back, relative := strings.CutPrefix(text, "now")
	switch {
	case relative && back != "":
		span, err := ago(back)
		if err != nil {
			return t, fmt.Errorf("got %q; want for example now-6h or now-7d", text)
		}
		t = now.Add(-span)
	case !relative:
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 && seconds < 1<<32-3600 {
			t = time.Unix(seconds, 0)
			break
		}
		var err error
		if t, err = time.Parse(time.RFC3339, text); err != nil || t.Unix() < 0 || t.Unix() >= 1<<32-3600 {
			return t, fmt.Errorf("got %q; want now-6h, seconds since 1970 or 2026-03-01T12:00:00Z", text)
		}
	}
	if t.Unix() < 0 {
		t = time.Unix(0, 0)
	}
	return t.UTC().Truncate(time.Minute), nil
}

// ago reads -6h, -30m or -7d.
func ago(text string) (time.Duration, error) {
	text, ok := strings.CutPrefix(text, "-")
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		n, err := strconv.ParseUint(days, 10, 12)
		if err != nil {
			return 0, err
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	span, err := time.ParseDuration(text)
	if err == nil && (!ok || span < 0) {
		err = fmt.Errorf("got %q; want a time back", text)
	}
	return span, err
}

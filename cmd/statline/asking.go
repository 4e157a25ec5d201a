package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/dashboards/report"
	"statline/ingest/config"
)

// moment is a flag for a time: a duration back from the newest stored minute, a date,
// a date and time in UTC, or RFC 3339.
type moment struct {
	text string
	back time.Duration // when it is relative
	at   time.Time
}

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "time" }
func (m *moment) given() bool    { return m.text != "" }

func (m *moment) Set(s string) error {
	if s == "now" {
		*m = moment{text: s, at: time.Now().UTC()}
		return nil
	}
	if at, ok := parseMoment(s); ok {
		*m = moment{text: s, at: at}
		return nil
	}
	back, err := config.ParseSpan(s)
	if err != nil {
		return fmt.Errorf("got %q; want a time such as 2h, 7d, 2026-01-31, 2026-01-31T12:00 or 2026-01-31T12:00:00Z", s)
	}
	*m = moment{text: s, back: back}
	return nil
}

// parseMoment reads a date, a date and time in UTC, or RFC 3339.
func parseMoment(s string) (at time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04",
		"2006-01-02 15:04",
		time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return at, false
}

// in is the time itself, given that the newest stored minute ends at newest.
func (m *moment) in(newest time.Time) time.Time {
	if m.at.IsZero() {
		return newest.Add(-m.back)
	}
	return m.at
}

// asking is the part of the store that a command is asked about: its time range and
// filters, with the same flags in every command.
type asking struct {
	since, from, to moment
	compare         string
	filter          report.Filter
	limit           int
	all             report.TimeRange // what is stored, once resolve has read it
	// keysByRoute: the command can choose a key and a route at once.
	keysByRoute bool
}

// The filters that a command can take.
const (
	byService = "service"
	byRoute   = "route"
	byOutcome = "outcome"
	byKey     = "key"
	byCode    = "code"
)

// takeTime gives a command the flags for time. since is the default beginning; "" is
// the oldest minute.
func (a *asking) takeTime(c *cobra.Command, since string) {
	f := c.Flags()
	a.since.text = since
	if since != "" {
		_ = a.since.Set(since) // a constant
	}
	f.Var(&a.since, "since", "from then on: 30m, 1h, 7d before the newest stored minute, a date or RFC 3339")
	f.Var(&a.from, "from", "the same as --since")
	f.Var(&a.to, "to", "until then, in the same forms (default: the newest stored minute)")
}

// takeFilters gives a command these filters.
func (a *asking) takeFilters(c *cobra.Command, names ...string) {
	f := c.Flags()
	for _, name := range names {
		switch name {
		case byService:
			f.StringVar(&a.filter.Service, name, "", "only this `service`")
		case byRoute:
			f.StringVar(&a.filter.Route, name, "", "only this `route`")
		case byOutcome:
			f.StringVar(&a.filter.Outcome, name, "", "only this `outcome`")
		case byKey:
			f.StringVar(&a.filter.Key, name, "",
				"only this `key`: its id, the first characters of it, or the customer's name")
		case byCode:
			f.StringVar(&a.filter.Code, name, "", "only this `code` of the API")
		}
	}
}

// takeLimit gives a command --limit.
func (a *asking) takeLimit(c *cobra.Command, limit int, what string) {
	c.Flags().IntVar(&a.limit, "limit", limit, "at most so many "+what)
}

// takeCompare gives a command --compare.
func (a *asking) takeCompare(c *cobra.Command) {
	c.Flags().Var(comparison{&a.compare}, "compare",
		"compare with the span before it (previous), or with the same span so much earlier: 1d, 7d")
}

// comparison is the flag --compare.
type comparison struct{ to *string }

func (c comparison) String() string {
	if c.to == nil {
		return ""
	}
	return *c.to
}
func (c comparison) Type() string { return "previous|duration" }

func (c comparison) Set(s string) error {
	if s != "previous" {
		if d, err := config.ParseSpan(s); err != nil || d < time.Minute {
			return fmt.Errorf("got %q; want previous or a duration such as 1d", s)
		}
	}
	*c.to = s
	return nil
}

// check finds contradictions before the store is opened.
func (a *asking) check(c *cobra.Command) error {
	switch {
	case a.from.given() && c.Flags().Changed("since"):
		return usage("got --since and --from; want one of them")
	case a.limit < 0:
		return usage("--limit: got %d; want 1 or more, or 0 for the default", a.limit)
	case a.filter.Key != "" && a.filter.Route != "" && !a.keysByRoute:
		return usage("got --key and --route; keys are not stored by route: want one of them, or statline samples, which takes both")
	}
	return nil
}

// open opens the store and resolves the question. stored is false when nothing is
// stored. The caller closes the store.
func (a *asking) open(cmd *cobra.Command, c *config.Config) (s *asked, w report.TimeRange, stored bool, err error) {
	if err = a.check(cmd); err != nil {
		return nil, w, false, err
	}
	if s, err = openAsked(cmd.Context(), c); err != nil {
		return nil, w, false, err
	}
	if w, stored, err = a.resolve(cmd.Context(), s); err != nil {
		return nil, w, false, errors.Join(err, s.Close())
	}
	return s, w, stored, nil
}

// resolve computes the time range and the filter. ok is false when nothing is stored.
func (a *asking) resolve(ctx context.Context, s report.Store) (w report.TimeRange, ok bool, err error) {
	all, ok, err := report.Stored(ctx, s)
	if err != nil || !ok {
		return w, false, err
	}
	w, a.all = all, all
	if a.to.given() {
		w.To = a.to.in(all.To).Add(time.Minute - 1).Truncate(time.Minute)
	}
	switch {
	case a.from.given():
		w.From = a.from.in(all.To)
	case a.since.given() && a.since.at.IsZero():
		w.From = later(w.To.Add(-a.since.back), all.From)
	case a.since.given():
		w.From = a.since.at
	}
	w.From = w.From.Truncate(time.Minute)
	if !w.From.Before(w.To) {
		return w, true, usage("the span is empty: %s to %s UTC; stored is %s to %s", stamp(w.From), stamp(w.To),
			stamp(all.From), stamp(all.To))
	}
	a.filter, err = a.filter.Resolve(ctx, s, config.Nearest)
	return w, true, err
}

// narrows reports that not everything is asked for.
func (a *asking) narrows() bool {
	return a.since.given() || a.from.given() || a.to.given() || a.compare != "" || a.limit > 0 ||
		a.filter != report.Filter{}
}

// among selects the incidents that are asked for.
func (a *asking) among(found []report.Incident, w report.TimeRange) []report.Incident {
	list := []report.Incident{}
	for _, r := range found {
		touches := r.Opened.Before(w.To) && (r.Closed == nil || !r.Closed.Before(w.From))
		if touches && (a.filter.Key == "" || r.Entity == a.filter.Key) && (a.filter.Service == "" ||
			r.Entity == a.filter.Service || strings.HasPrefix(r.Entity, a.filter.Service+"/")) &&
			(a.filter.Code == "" || strconv.Itoa(int(r.Evidence.Code)) == a.filter.Code) {
			list = append(list, r)
		}
	}
	return firstOf(list, a.limit)
}

// before is the time range to compare with; ok is false when none is asked for.
func (a *asking) before(w report.TimeRange) (report.TimeRange, bool) {
	if a.compare == "" {
		return w, false
	}
	back := w.To.Sub(w.From)
	if d, err := config.ParseSpan(a.compare); err == nil {
		back = d
	}
	return report.TimeRange{From: w.From.Add(-back), To: w.To.Add(-back)}, true
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// firstOf returns the first rows of a list; a limit of 0 returns all.
func firstOf[T any](list []T, limit int) []T {
	if limit > 0 && limit < len(list) {
		return list[:limit]
	}
	return list
}

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/dustin/go-humanize"

	"statline/classify"
	"statline/dashboards/report"
)

// style formats for one output: with colours only where the output is a terminal that
// has them and NO_COLOR is not set.
type style struct {
	bold, dim, good, warn, bad lipgloss.Style
}

func newStyle(w io.Writer) style {
	if colorprofile.Detect(w, os.Environ()) <= colorprofile.ASCII {
		return style{}
	}
	plain := lipgloss.NewStyle()
	return style{
		bold: plain.Bold(true),
		dim:  plain.Foreground(lipgloss.Color("8")),
		good: plain.Foreground(lipgloss.Color("2")),
		warn: plain.Foreground(lipgloss.Color("3")),
		bad:  plain.Foreground(lipgloss.Color("1")),
	}
}

// heading prints the title of a section.
func (s style) heading(w io.Writer, title string) { fmt.Fprintf(w, "\n%s\n", s.bold.Render(title)) }

// outcome is the colour of an outcome: the same everywhere.
func (s style) outcome(name string) lipgloss.Style {
	switch {
	case classify.ServerSide.HasName(name):
		return s.bad
	case classify.GroupOf(classify.Success, classify.Redirect).HasName(name):
		return s.good
	}
	return s.warn
}

// severity writes a severity; a page stands out.
func (s style) severity(name string) string {
	if name == "page" {
		return s.bad.Render(name)
	}
	return name
}

// bar is a bar of at most width cells, drawn in eighths of a cell.
func bar(share float64, width int) string {
	share = min(max(share, 0), 1)
	eighths := int(share*float64(width)*8 + 0.5)
	if share > 0 && eighths == 0 {
		eighths = 1
	}
	b := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		b += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return b
}

func percent(part, whole uint64) string {
	if whole == 0 {
		return "-"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case p > 0 && p < 0.01:
		return "<0.01 %"
	case p < 1:
		return fmt.Sprintf("%.2f %%", p)
	}
	return fmt.Sprintf("%.1f %%", p)
}

func count(n uint64) string { return humanize.Comma(int64(n)) }

func latency(micros float64) string {
	switch {
	case micros <= 0:
		return "-"
	case micros < 1000:
		return fmt.Sprintf("%.0f µs", micros)
	case micros < 1e6:
		return fmt.Sprintf("%.3g ms", micros/1e3)
	}
	return fmt.Sprintf("%.3g s", micros/1e6)
}

// clock prints a time of day, with the date when the time range spans days.
func clock(t time.Time, withDate bool) string {
	if t.IsZero() || t.Unix() == 0 {
		return "-"
	}
	if withDate {
		return stamp(t)
	}
	return t.UTC().Format("15:04")
}

// printSummary prints a report for people. The answer comes first: why, who, where,
// since when.
func printSummary(w io.Writer, title string, s *report.Report, catalogue *classify.Catalogue, limit int, b *behind) {
	most := func(normal int) int { return cmp.Or(limit, normal) }
	st := newStyle(w)
	all := s.ByOutcome.Total()
	if all == 0 {
		none := "no lines read"
		switch {
		case b != nil:
			none = fmt.Sprintf("no responses; stored is %s to %s UTC", stamp(b.all.From), stamp(b.all.To))
		case s.Records > 0:
			none = "no responses"
		}
		fmt.Fprintf(w, "%s: %s\n", title, none)
		printRejects(w, st, s, b)
		return
	}
	failed := s.ByOutcome.Failures().Total()
	withDate := spansDays(s)
	st.heading(w, title)
	head := fmt.Sprintf("%s responses, %s failed (%s)", count(all), count(failed), percent(failed, all))
	if s.First != nil {
		head += fmt.Sprintf(", %s to %s UTC", clock(*s.First, true), clock(*s.Last, withDate))
	}
	fmt.Fprintln(w, head)

	printOutcomes(w, st, s, b)
	printWhy(w, st, s, catalogue, most(10), b)
	printWho(w, st, s, most(10), b)
	printQuotas(w, st, s, most(10), b)
	printServices(w, st, s, most(12), b)
	printIncidents(w, st, "Incidents", s.Incidents, withDate, b != nil)
	if b != nil && len(s.Incidents) > 0 {
		fmt.Fprintf(w, "  %s\n", st.dim.Render("its lines: statline incidents show ID"))
	}
	printRejects(w, st, s, b)
}

// spansDays reports that times of a report need their date.
func spansDays(s *report.Report) bool {
	return s.First != nil && s.Last != nil && s.Last.Sub(*s.First) > 20*time.Hour
}

// printList prints one list of a report in full.
func printList(w io.Writer, by string, shown *reportShown, catalogue *classify.Catalogue) {
	st, s, b := newStyle(w), shown.Report, shown.behind
	const all = 0
	switch by {
	case "reason":
		printWhy(w, st, s, catalogue, all, b)
	case "key":
		printWho(w, st, s, all, b)
	case "service":
		printServices(w, st, s, all, b)
	case "outcome":
		printOutcomes(w, st, s, b)
	case "code":
		printCounts(w, st, "Codes", s.ByCode)
		b.hint(w, st, report.Filter{Code: "CODE"})
	case "http_status":
		printCounts(w, st, "HTTP statuses", s.ByHTTPStatus)
	case "limit":
		printQuotas(w, st, s, all, b)
	case "incident":
		printIncidents(w, st, "Incidents", s.Incidents, spansDays(s), true)
	case "change":
		printChanges(w, st, shown.Before, all)
	}
}

func printOutcomes(w io.Writer, st style, s *report.Report, b *behind) {
	all := s.ByOutcome.Total()
	st.heading(w, "Outcomes")
	var rows [][]string
	for _, p := range s.ByOutcome.Ranked() {
		rows = append(rows, []string{p.Name, count(p.N), percent(p.N, all),
			st.outcome(p.Name).Render(bar(float64(p.N)/float64(all), 40))})
	}
	table(w, "  ", "lrr", rows)
	b.hint(w, st, report.Filter{Outcome: "OUTCOME"})
}

func printCounts(w io.Writer, st style, title string, counts report.Counts) {
	st.heading(w, title)
	var rows [][]string
	for _, p := range counts.Ranked() {
		rows = append(rows, []string{p.Name, count(p.N), percent(p.N, counts.Total())})
	}
	table(w, "  ", "lrr", rows)
}

func printWhy(w io.Writer, st style, s *report.Report, catalogue *classify.Catalogue, most int, b *behind) {
	withDate, failed := spansDays(s), s.ByOutcome.Failures().Total()
	if len(s.Why) == 0 {
		return
	}
	st.heading(w, "Why responses fail")
	rows := [][]string{{"", "requests", "of failures", "code", "HTTP", "since", "most in", ""}}
	for _, r := range firstOf(s.Why, most) {
		code, message := "-", ""
		if r.Code != 0 {
			code = fmt.Sprint(r.Code)
			if e, ok := catalogue.Entry(r.Code); ok {
				message = e.Message
			} else {
				message = "not in the catalogue"
			}
		}
		rows = append(rows, []string{st.outcome(r.Outcome).Render(r.Outcome), count(r.Requests),
			percent(r.Requests, failed), code,
			httpStatus(r.HTTPStatus), clock(r.Since, withDate), r.WorstService, st.dim.Render(message)})
	}
	table(w, "  ", "lrrrrr", rows)
	b.hint(w, st, report.Filter{Outcome: "OUTCOME", Code: "CODE"})
}

func printWho(w io.Writer, st style, s *report.Report, most int, b *behind) {
	withDate := spansDays(s)
	if len(s.Who) == 0 {
		return
	}
	st.heading(w, "Who is refused")
	rows := [][]string{{"key", "why", "refused", "of its requests", "count/limit", "first seen", "last seen", "clients",
		"service"}}
	for _, r := range firstOf(s.Who, most) {
		rows = append(rows, []string{keyName(r.Key, r.Name), st.outcome(r.Outcome).Render(r.Outcome), count(r.Requests),
			percent(r.Requests, r.OfKey),
			countOfLimit(&r), clock(r.FirstSeen, withDate), clock(r.LastSeen, withDate), count(r.Clients), r.Services})
	}
	table(w, "  ", "llrrrrrr", rows)
	b.hint(w, st, report.Filter{Key: "KEY", Outcome: "OUTCOME"})
}

// countOfLimit is the highest count of a key, of its limit.
func countOfLimit(r *report.Who) string {
	if r.LimitMax == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", r.CountMax, r.LimitMax)
}

// printQuotas prints what response headers told keys of their limits.
func printQuotas(w io.Writer, st style, s *report.Report, most int, b *behind) {
	if len(s.Quotas) == 0 {
		return
	}
	st.heading(w, "Nearest to the limit that headers tell")
	rows := [][]string{{"key", "limit", "window", "least left", "longest wait", "responses"}}
	seconds := func(n uint32) string {
		if n == 0 {
			return "-"
		}
		return (time.Duration(n) * time.Second).String()
	}
	for _, q := range firstOf(s.Quotas, most) {
		limit, left := "-", "-"
		if q.Limit > 0 {
			limit = count(uint64(q.Limit))
		}
		if q.Left != nil {
			left = count(uint64(*q.Left))
		}
		rows = append(rows, []string{keyName(q.Key, q.Name), limit, seconds(q.Window), left, seconds(q.RetryAfter),
			count(q.Responses)})
	}
	table(w, "  ", "lrrrrr", rows)
	b.hint(w, st, report.Filter{Key: "KEY"})
}

// httpStatus prints a status; reports of keys have none.
func httpStatus(status uint16) string {
	if status == 0 {
		return "-"
	}
	return fmt.Sprint(status)
}

// shortID is the part of a key's id that is shown.
func shortID(id string) string { return id[:min(len(id), 10)] }

func keyName(key, name string) string {
	short := shortID(key)
	if name != "" {
		return shorten(name, 24) + " (" + short + ")"
	}
	return short
}

// named is an incident's sentence, with the customer's name before the id.
func named(r report.Incident) string {
	if r.Name == "" || len(r.Entity) < 10 {
		return r.Summary
	}
	short := r.Entity[:10]
	return strings.Replace(r.Summary, short, shorten(r.Name, 40)+" ("+short+")", 1)
}

func printServices(w io.Writer, st style, s *report.Report, most int, b *behind) {
	withDate := spansDays(s)
	if len(s.Services) == 0 {
		return
	}
	st.heading(w, "Services")
	rows := [][]string{{"service", "requests", "server-side failures", "timeouts", "since", "p50", "p95", "p99"}}
	shown := firstOf(s.Services, most)
	for _, r := range shown {
		since := "-"
		if r.TimeoutSince != nil {
			since = clock(*r.TimeoutSince, withDate)
		}
		timeouts := count(r.Timeouts)
		if r.Timeouts > 0 {
			timeouts = st.bad.Render(timeouts)
		}
		rows = append(rows, []string{cmp.Or(r.Service, "(none)"), count(r.Requests),
			percent(r.Failures, r.Requests), timeouts, since,
			latency(r.P50Micros), latency(r.P95Micros), latency(r.P99Micros)})
	}
	if more := len(s.Services) - len(shown); more > 0 {
		rows = append(rows, []string{fmt.Sprintf("… and %d more", more)})
	}
	table(w, "  ", "lrrrrrrr", rows)
	b.hint(w, st, report.Filter{Service: "SERVICE"})
}

// printIncidents lists incidents, each with the beginning of its id if ids is set.
func printIncidents(w io.Writer, st style, title string, list []report.Incident, withDate, ids bool) {
	if len(list) == 0 {
		return
	}
	st.heading(w, title)
	rows := [][]string{{"since", "state", "severity", "what", ""}}
	list, deep := byCause(list)
	for i, r := range list {
		kind := r.Kind
		if deep[i] > 0 {
			kind = strings.Repeat("  ", deep[i]-1) + "└ " + kind
		}
		rows = append(rows, []string{clock(r.Opened, withDate), r.State, st.severity(r.Severity),
			kind, printable(named(r))})
	}
	align := "r"
	if ids {
		align = "l"
		rows[0] = append([]string{"id"}, rows[0]...)
		for i, r := range list {
			rows[i+1] = append([]string{r.ID[:min(len(r.ID), shownID)]}, rows[i+1]...)
		}
	}
	table(w, "  ", align, rows)
}

// byCause puts incidents below the incident in the list that causes them. deep is how
// deep each is indented.
func byCause(list []report.Incident) (ordered []report.Incident, deep []int) {
	at, effects, placed := map[string]int{}, make([][]int, len(list)), make([]bool, len(list))
	for i, r := range list {
		at[r.ID] = i
	}
	var put func(i, below int)
	put = func(i, below int) {
		if placed[i] {
			return
		}
		placed[i] = true
		ordered, deep = append(ordered, list[i]), append(deep, below)
		for _, effect := range effects[i] {
			put(effect, below+1)
		}
	}
	var causes []int
	for i, r := range list {
		if cause, ok := at[r.Parent]; ok && r.Parent != "" {
			effects[cause] = append(effects[cause], i)
		} else {
			causes = append(causes, i)
		}
	}
	for _, i := range causes {
		put(i, 0)
	}
	for i := range list { // a cycle: both are shown
		put(i, 0)
	}
	return ordered, deep
}

// printRejects prints how many lines were no responses. They have no event time and no
// service, so the report says that they are of everything stored, and a filtered
// report does not have them.
func printRejects(w io.Writer, st style, s *report.Report, b *behind) {
	if s.Rejected == 0 || b != nil && b.filter != (report.Filter{}) {
		return
	}
	fmt.Fprintf(w, "\n%s %s lines could not be read", st.bold.Render("Rejected"), count(s.Rejected))
	for i, p := range s.RejectReasons.Ranked() {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(w, "%s%s %s", sep, count(p.N), p.Name)
	}
	if b != nil {
		fmt.Fprint(w, "; of all that is stored, whatever the span")
	}
	fmt.Fprintln(w)
}

// shorten cuts s to n characters, with an ellipsis.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

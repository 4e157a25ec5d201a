package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/report"
)

func keysCommand() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Show everything about one API key"}
	c.AddCommand(keyShowCommand())
	return c
}

func keyShowCommand() *cobra.Command {
	var (
		st  *settings
		ask asking
		out *answers
	)
	c := &cobra.Command{
		Use:   "show ID|NAME",
		Short: "Show what a key did: over time, its limits, addresses, agents, incidents and examples",
		Long: `show prints everything that is stored about one key. Name it by its id, the first
characters of the id, or the customer's name. statline key-id turns a key into
its id. Times count back from the newest stored minute.`,
		Example: `  statline keys show k7f3q2mzpa --data ./store --since 7d
  statline keys show "ACME, Inc." --clickhouse http://127.0.0.1:8123 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask.filter.Key = args[0]
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			if !stored {
				return errors.New("keys show: nothing is stored")
			}
			k, err := report.ReadKey(cmd.Context(), s, w, ask.filter.Key)
			if err != nil {
				return err
			}
			return out.print(cmd, func(to io.Writer) { printKey(to, k) }, k, k.Uses, k.OverTime,
				k.Addresses,
				k.Agents, k.Incidents, k.Samples)
		},
	}
	st = takeSettings(c, "keys show")
	ask.takeTime(c, "24h")
	out = takeOutput(c, answer.Of[report.Key](answer.RowsOf[report.KeyUse]("use"),
		answer.RowsOf[report.KeyTime]("time"),
		answer.RowsOf[report.KeySource]("address"), answer.RowsOf[report.KeySource]("agent"),
		answer.RowsOf[report.Incident]("incident"), answer.RowsOf[report.Sample]("sample")), answer.JSON)
	return c
}

// printKey prints what is known of a key for people.
func printKey(w io.Writer, k *report.Key) {
	st := newStyle(w)
	title := k.ID
	if k.Name != "" {
		title = printable(k.Name) + " (" + k.ID + ")"
	}
	fmt.Fprintf(w, "%s\n", st.bold.Render("Key "+title))
	limit := "unknown"
	if k.LimitMax > 0 {
		limit = fmt.Sprintf("%s, highest count %s", count(uint64(k.LimitMax)), count(uint64(k.CountMax)))
	}
	rows := [][]string{{"span", stamp(k.From) + " to " + stamp(k.To) + " UTC"},
		{"requests", fmt.Sprintf("%s, %s failed (%s), %s refused for the rate limit", count(k.Requests),
			count(k.Failed),
			percent(k.Failed, k.Requests), count(k.Refused))},
		{"limit", limit}}
	if q := k.Quota; q != nil {
		rows = append(rows, []string{"headers tell", quotaSentence(q)})
	}
	facts(w, rows)
	if k.Requests == 0 {
		fmt.Fprintln(w, "\nno requests in this span; try --since 30d")
		return
	}
	withDate := k.To.Sub(k.From) > 20*time.Hour
	section := func(title, align string, rows [][]string) {
		if len(rows) > 1 {
			st.heading(w, title)
			table(w, "  ", align, rows)
		}
	}
	uses := [][]string{{"service", "outcome", "code", "requests", "of all", "first seen", "last seen"}}
	for _, u := range firstOf(k.Uses, 12) {
		uses = append(uses, []string{u.Service, st.outcome(u.Outcome).Render(u.Outcome), fmt.Sprint(u.Code),
			count(u.Requests),
			percent(u.Requests, k.Requests), clock(u.FirstSeen, withDate), clock(u.LastSeen, withDate)})
	}
	section("What came of it", "llrrr", uses)
	section("Over time", "lrrrr", keyTimes(st, k, withDate))
	for _, list := range []struct {
		title   string
		sources []report.KeySource
	}{{"Addresses", k.Addresses}, {"User agents", k.Agents}} {
		rows := [][]string{{"", "first seen", "last seen"}}
		for _, s := range firstOf(list.sources, 10) {
			rows = append(rows, []string{printable(s.Name), clock(s.FirstSeen, withDate), clock(s.LastSeen, withDate)})
		}
		section(fmt.Sprintf("%s (%d)", list.title, len(list.sources)), "", rows)
	}
	printIncidents(w, st, "Incidents", k.Incidents, true, true)
	if len(k.Samples) > 0 {
		st.heading(w, "Examples")
		printSampleRows(w, st, "  ", firstOf(k.Samples, 5))
	}
}

func keyTimes(st style, k *report.Key, withDate bool) [][]string {
	most := uint64(1)
	for _, t := range k.OverTime {
		most = max(most, t.Requests)
	}
	rows := [][]string{{"from", "requests", "failed", "refused", "highest count", ""}}
	for _, t := range k.OverTime {
		highest := "-"
		if t.CountMax > 0 {
			highest = count(uint64(t.CountMax))
		}
		rows = append(rows, []string{clock(t.Time, withDate), count(t.Requests), count(t.Failed), count(t.Refused),
			highest,
			st.dim.Render(bar(float64(t.Requests)/float64(most), 12))})
	}
	return rows
}

// quotaSentence is what response headers told a key of its limit.
func quotaSentence(q *report.Quota) string {
	var says []string
	if q.Limit > 0 {
		says = append(says, "limit "+count(uint64(q.Limit)))
	}
	if q.Window > 0 {
		says = append(says, "a window of "+(time.Duration(q.Window)*time.Second).String())
	}
	if q.Left != nil {
		says = append(says, count(uint64(*q.Left))+" left at least")
	}
	if q.RetryAfter > 0 {
		says = append(says, "waits of up to "+(time.Duration(q.RetryAfter)*time.Second).String())
	}
	return strings.Join(says, ", ")
}

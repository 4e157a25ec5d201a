package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/report"
)

func samplesCommand() *cobra.Command {
	var (
		st  *settings
		ask asking
		out *answers
	)
	c := &cobra.Command{
		Use:   "samples",
		Short: "List stored examples of failures: the lines behind a figure",
		Long: `samples lists the newest of the examples that are stored for each minute, service
and outcome. They are scrubbed: no key and no secret is in them. --since counts
back from the newest stored minute.

--compare counts the examples by outcome, service, route and code, beside those of an
earlier span; --by prints the counts of one of them alone. Examples are a few of each
minute: report --compare counts responses.`,
		Example: `  statline samples --clickhouse http://127.0.0.1:8123 --service search --outcome timeout
  statline samples --data ./store --since 7d --key k7f3q2mzpa --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			shown := &samplesShown{}
			if stored {
				if shown.Samples, err = report.Samples(cmd.Context(), s, w,
					report.SampleFilter{Filter: ask.filter, Limit: ask.limit}); err != nil {
					return err
				}
				if ask.compare != "" || out.by != "" || out.form == answer.JSON {
					// the counts read every example of the span
					if err := shown.count(cmd.Context(), s, &ask, w); err != nil {
						return err
					}
				}
			}
			return out.print(cmd, func(to io.Writer) {
				shown.printTo(to, titleOf(w, ask.filter), out.by)
			}, shown, shown.Samples, shown.ByOutcome, shown.ByService, shown.ByRoute, shown.ByCode)
		},
	}
	st = takeSettings(c, "samples")
	ask.takeTime(c, "1h")
	ask.keysByRoute = true
	ask.takeLimit(c, 20, "samples")
	ask.takeFilters(c, byService, byRoute, byOutcome, byKey, byCode)
	ask.takeCompare(c)
	out = takeOutput(c, answer.Of[samplesShown](answer.RowsOf[report.Sample]("sample"),
		answer.RowsOf[report.Tally](byOutcome),
		answer.RowsOf[report.Tally](byService), answer.RowsOf[report.Tally](byRoute),
		answer.RowsOf[report.Tally](byCode)), answer.Lines)
	return c
}

// samplesShown is the answer of samples. Its counts are of all examples in the time
// range, whatever --limit is.
type samplesShown struct {
	Samples   []report.Sample `json:"samples"`
	ByOutcome []report.Tally  `json:"by_outcome" help:"counts of all, whatever --limit says"`
	ByService []report.Tally  `json:"by_service"`
	ByRoute   []report.Tally  `json:"by_route"`
	ByCode    []report.Tally  `json:"by_code"`
	Before    *comparedWith   `json:"before" help:"null without --compare"`
}

func (r *samplesShown) count(ctx context.Context, s report.Store, ask *asking, w report.TimeRange) error {
	counted, before, err := ask.count(w, func(w report.TimeRange) (report.Tallies, error) {
		return report.CountSamples(ctx, s, w, ask.filter)
	})
	r.ByOutcome, r.ByService, r.ByRoute, r.ByCode = counted[byOutcome], counted[byService], counted[byRoute],
		counted[byCode]
	r.Before = before
	return err
}

// printTo prints it for people: the examples and what changed, or the counts that by
// names.
func (r *samplesShown) printTo(w io.Writer, title, by string) {
	counted := report.Tallies{byOutcome: r.ByOutcome, byService: r.ByService, byRoute: r.ByRoute, byCode: r.ByCode}
	if counted[by] != nil {
		printTallies(w, counted, r.Before, 0, by)
		return
	}
	if len(r.Samples) == 0 {
		fmt.Fprintf(w, "no samples, %s\n", title)
	} else {
		printSampleRows(w, newStyle(w), "", r.Samples)
	}
	if r.Before != nil {
		printTallies(w, counted, r.Before, 10, byOutcome, byService, byRoute, byCode)
	}
}

func printSampleRows(w io.Writer, st style, indent string, list []report.Sample) {
	rows := [][]string{{"time", "service", "outcome", "HTTP", "code", "latency", "key", "request", "message"}}
	for _, r := range list {
		rows = append(rows, []string{r.Time.UTC().Format("2006-01-02 15:04:05"), r.Service,
			st.outcome(r.Outcome).Render(r.Outcome),
			httpStatus(r.HTTPStatus), fmt.Sprint(r.Code), latency(float64(r.Micros)), shortID(r.Key),
			printable(r.Method + " " + r.Path), printable(r.Message)})
	}
	table(w, indent, "lllrrr", rows)
}

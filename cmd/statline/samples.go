package main

import (
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
back from the newest stored minute.`,
		Example: `  statline samples --clickhouse http://127.0.0.1:8123 --service search --outcome timeout
  statline samples --data ./store --since 7d --key k7f3q2mzpa --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			list := []report.Sample{}
			if stored {
				list, err = report.Samples(cmd.Context(), s, w, report.SampleFilter{Filter: ask.filter, Limit: ask.limit})
				if err != nil {
					return err
				}
			}
			return out.print(cmd, func(to io.Writer) error {
				printSamples(to, list, titleOf(w, ask.filter))
				return nil
			}, nil, list)
		},
	}
	st = takeSettings(c, "samples")
	ask.takeTime(c, "1h")
	ask.keysByRoute = true
	ask.takeLimit(c, 20, "samples")
	ask.takeFilters(c, byService, byRoute, byOutcome, byKey, byCode)
	out = takeOutput(c, answer.List[report.Sample]("samples"), answer.Lines)
	return c
}

func printSamples(out io.Writer, list []report.Sample, title string) {
	if len(list) == 0 {
		fmt.Fprintf(out, "no samples, %s\n", title)
		return
	}
	printSampleRows(out, newStyle(out), "", list)
}

func printSampleRows(w io.Writer, st style, indent string, list []report.Sample) {
	rows := [][]string{{"time", "service", "outcome", "HTTP", "code", "latency", "key", "request", "message"}}
	for _, r := range list {
		rows = append(rows, []string{r.Time.UTC().Format("2006-01-02 15:04:05"), r.Service,
			st.outcome(r.Outcome).Render(r.Outcome),
			httpStatus(r.HTTPStatus), fmt.Sprint(r.Code), latency(float64(r.Micros)), shortID(r.Key),
			printable(r.Method + " " + r.Path), printable(r.Message)})
	}
	table(w, indent, []bool{false, false, false, true, true, true}, rows)
}

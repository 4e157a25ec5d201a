package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/config"
)

func samplesCommand() *cobra.Command {
	var (
		st     *settings
		since  = spanValue(time.Hour)
		filter = report.SampleFilter{Limit: 20}
		out    *answers
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
			if _, ok := classify.ParseOutcome(filter.Outcome); filter.Outcome != "" && !ok {
				return fmt.Errorf("outcome: got %q, which is none; statline codes lists them with their codes", filter.Outcome)
			}
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			w, stored, err := report.Newest(ctx, s, time.Duration(since))
			if err != nil {
				return err
			}
			list := []report.Sample{}
			if stored {
				if filter.Filter, err = filter.Resolve(ctx, s, config.Nearest); err != nil {
					return err
				}
				if list, err = report.Samples(ctx, s, w, filter); err != nil {
					return err
				}
			}
			return out.print(cmd, func(to io.Writer) error {
				printSamples(to, list, titleOf(w, filter.Filter))
				return nil
			}, nil, list)
		},
	}
	st = takeSettings(c, "samples")
	f := c.Flags()
	f.Var(&since, "since", "how far back from the newest stored minute: 30m, 1h, 7d")
	f.StringVar(&filter.Service, "service", "", "only this `service`")
	f.StringVar(&filter.Route, "route", "", "only this `route`")
	f.StringVar(&filter.Outcome, "outcome", "", "only this `outcome` (default: every failure)")
	f.StringVar(&filter.Key, "key", "", "only this `key`: its id or the first characters of it")
	f.IntVar(&filter.Limit, "limit", filter.Limit, "samples listed")
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

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/classify/detect"
	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/file"
	"statline/ingest/watch"
)

func backtestCommand() *cobra.Command {
	var (
		st   *settings
		path string
		ask  asking
		out  *answers
	)
	c := &cobra.Command{
		Use:   "backtest",
		Short: "Run the detectors over history and print the incidents, before a threshold pages anyone",
		Long: `backtest runs the detectors, with a preset and the config file's section detect,
over what is stored (--clickhouse or --data, --from, --to) or over a CSV file of
time,service,requests,timeouts, and prints one JSON object a line. It writes
nothing and tells nobody. A CSV file may have gaps, unsorted lines and coarser
points than minutes.`,
		Example: `  statline backtest --clickhouse http://127.0.0.1:8123 --from 2026-01-01T00:00:00Z --preset quiet
  statline backtest --csv last-month.csv --preset sensitive`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := ask.check(cmd); err != nil {
				return err
			}
			cfg := st.Detect.Detectors
			ctx := cmd.Context()
			var rows []report.Incident
			var err error
			switch {
			case (path == "") == (st.ClickHouse.URL == "" && st.Local.Data == ""):
				return usage("backtest needs either --csv FILE, or what is stored: --clickhouse URL or --data DIR")
			case path != "":
				rows, err = backtestCSV(ctx, cmd, path, &cfg)
			default:
				var catalogue *classify.Catalogue
				if catalogue, err = st.Lines.Catalogue(); err == nil {
					rows, err = backtestStore(ctx, st, catalogue, &cfg, &ask)
				}
			}
			if err != nil {
				return err
			}
			err = out.print(cmd, func(to io.Writer) {
				if len(rows) > 0 {
					printIncidents(to, newStyle(to), "Incidents", rows, true, false)
				}
			}, nil, rows)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d incidents\n", len(rows))
			return nil
		},
	}
	st = takeSettings(c, "backtest")
	out = takeOutput(c, answer.List[report.Incident]("incidents"), answer.Lines)
	out.form = answer.Lines // its form since it exists
	c.Flags().Lookup("output").DefValue = string(out.form)
	f := c.Flags()
	f.StringVar(&path, "csv", "", "`file` of time,service,requests,timeouts; - is standard input")
	ask.takeTime(c, "")
	return c
}

func backtestCSV(ctx context.Context, cmd *cobra.Command, path string, cfg *detect.Config) ([]report.Incident, error) {
	in, err := file.Open(path, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	defer in.Close()
	series, err := watch.ReadCSV(io.Reader(in))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found, err := watch.Evaluate(ctx, cfg, series, series.Range())
	if err != nil {
		return nil, err
	}
	return report.FromIncidents(found), nil
}

func backtestStore(ctx context.Context, st *settings, catalogue *classify.Catalogue, cfg *detect.Config,
	ask *asking) ([]report.Incident, error) {
	limits, err := readLimits(st.Keys.Limits)
	if err != nil {
		return nil, err
	}
	s, err := openAsked(ctx, st.Config)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	w := report.Everything()
	if ask.narrows() {
		var stored bool
		if w, stored, err = ask.resolve(ctx, s); err != nil || !stored {
			return nil, err
		}
	}
	return detectStored(ctx, s.Store, watch.NewSQL(s.Store, catalogue).Limited(limits.inForce), cfg, w)
}

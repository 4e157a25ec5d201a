package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"statline/dashboards/report"
	"statline/ingest/watch"
)

func incidentsCommand() *cobra.Command {
	var (
		st     *settings
		since  = spanValue(24 * time.Hour)
		filter report.Filter
		open   bool
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "incidents",
		Short: "List what the detectors found: which key, which service, since when, how sure",
		Long: `incidents lists what the detectors found in the span that --since counts back from
the newest stored minute. show tells everything about one of them; ack, note and
mute say something of it. Each is named by its id or the first characters of it.`,
		Example: `  statline incidents --clickhouse http://127.0.0.1:8123 --open
  statline incidents --clickhouse http://127.0.0.1:8123 --since 7d --service search --json
  statline incidents show 3f9a --data ./store`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
			rows := []report.Incident{}
			if stored {
				if rows, err = report.Incidents(ctx, s, w, filter, open); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			switch {
			case asJSON:
				return report.WriteLines(out, rows)
			case len(rows) == 0:
				fmt.Fprintf(out, "no incidents, %s\n", titleOf(w, filter))
			default:
				printIncidents(out, newStyle(out), "Incidents", rows, time.Duration(since) > 20*time.Hour, true)
				fmt.Fprintln(out, "\nEverything about one: statline incidents show ID")
			}
			return nil
		},
	}
	st = takeSettings(c, "incidents")
	c.Flags().Var(&since, "since", "how far back from the newest stored minute: 30m, 1h, 7d")
	c.Flags().StringVar(&filter.Service, "service", "", "only this `service`")
	c.Flags().StringVar(&filter.Key, "key", "", "only this `key`: its id or the first characters of it")
	c.Flags().BoolVar(&open, "open", false, "only those that are still open")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	c.AddCommand(incidentShowCommand(), incidentNoteCommand(watch.Ack), incidentNoteCommand(watch.Remark), incidentNoteCommand(watch.Mute))
	return c
}

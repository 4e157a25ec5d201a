package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"statline/classify/detect"
	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/watch"
)

func incidentsCommand() *cobra.Command {
	var (
		st     *settings
		ask    asking
		open   bool
		failOn string
		out    *answers
	)
	c := &cobra.Command{
		Use:   "incidents",
		Short: "List what the detectors found: which key, which service, since when, how sure",
		Long: `incidents lists what the detectors found in the span that --since counts back from
the newest stored minute. show tells everything about one of them; ack, note and
mute say something of it. Each is named by its id or the first characters of it.

With --fail-on the exit status is 3 when one is listed that is at least as severe
and not closed: for a job that is to stop then.`,
		Example: `  statline incidents --clickhouse http://127.0.0.1:8123 --open
  statline incidents --clickhouse http://127.0.0.1:8123 --since 7d --service search --json
  statline incidents --clickhouse http://127.0.0.1:8123 --fail-on page
  statline incidents show 3f9a --data ./store`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			rows := []report.Incident{}
			if stored {
				if rows, err = report.Incidents(cmd.Context(), s, w, ask.filter, open); err != nil {
					return err
				}
			}
			rows = firstOf(rows, ask.limit)
			err = out.print(cmd, func(to io.Writer) error {
				if len(rows) == 0 {
					fmt.Fprintf(to, "no incidents, %s\n", titleOf(w, ask.filter))
					return nil
				}
				printIncidents(to, newStyle(to), "Incidents", rows, w.To.Sub(w.From) > 20*time.Hour, true)
				fmt.Fprintln(to, "\nEverything about one: statline incidents show ID")
				return nil
			}, nil, rows)
			return errors.Join(err, failOnIncidents(failOn, rows))
		},
	}
	st = takeSettings(c, "incidents")
	ask.takeTime(c, "24h")
	ask.takeLimit(c, 200, "incidents")
	ask.takeFilters(c, byService, byKey, byCode)
	c.Flags().BoolVar(&open, "open", false, "only those that are still open")
	takeFailOn(c, &failOn)
	out = takeOutput(c, answer.List[report.Incident]("incidents"), answer.Lines)
	c.AddCommand(incidentShowCommand(), incidentNoteCommand(watch.Ack), incidentNoteCommand(watch.Remark), incidentNoteCommand(watch.Mute))
	return c
}

// takeFailOn gives a command the flag that lets incidents decide its status.
func takeFailOn(c *cobra.Command, failOn *string) {
	c.Flags().Var(choiceValue{failOn, []string{string(detect.Page), string(detect.Ticket)}}, "fail-on",
		"exit with status 3 when an open incident is a page, or at least a ticket")
}

// failOnIncidents is the status when one of the incidents is open and as severe as
// was asked.
func failOnIncidents(failOn string, list []report.Incident) error {
	for _, r := range list {
		if failOn != "" && r.State == "open" && (r.Severity == string(detect.Page) || r.Severity == failOn) {
			return exitCode(exitDataSaysNo)
		}
	}
	return nil
}

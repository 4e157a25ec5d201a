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

--compare counts them by kind and service, beside those of an earlier span; --by kind
or --by service prints the counts alone.

With --fail-on the exit status is 3 when one is listed that is at least as severe
and not closed: for a job that is to stop then.`,
		Example: `  statline incidents --clickhouse http://127.0.0.1:8123 --open
  statline incidents --clickhouse http://127.0.0.1:8123 --since 7d --service search --json
  statline incidents --clickhouse http://127.0.0.1:8123 --fail-on page
  statline incidents --data ./store --since 7d --compare previous
  statline incidents show 3f9a --data ./store`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			shown := &incidentsShown{}
			if stored {
				ctx := cmd.Context()
				if shown.Incidents, err = report.Incidents(ctx, s, w, ask.filter, open); err != nil {
					return err
				}
				shown.Incidents = firstOf(shown.Incidents, ask.limit)
				counted, before, err := ask.count(w, func(w report.TimeRange) (report.Tallies, error) {
					return report.CountIncidents(ctx, s, w, ask.filter, open)
				})
				if err != nil {
					return err
				}
				shown.ByKind, shown.ByService, shown.Before = counted["kind"], counted[byService], before
			}
			err = out.print(cmd, func(to io.Writer) {
				shown.printTo(to, titleOf(w, ask.filter), out.by, w.To.Sub(w.From) > 20*time.Hour)
			}, shown, shown.Incidents, shown.ByKind, shown.ByService)
			return errors.Join(err, failOnIncidents(failOn, shown.Incidents))
		},
	}
	st = takeSettings(c, "incidents")
	ask.takeTime(c, "24h")
	ask.takeLimit(c, 200, "incidents")
	ask.takeFilters(c, byService, byKey, byCode)
	c.Flags().BoolVar(&open, "open", false, "only those that are still open")
	takeFailOn(c, &failOn)
	ask.takeCompare(c)
	out = takeOutput(c, answer.Of[incidentsShown](answer.RowsOf[report.Incident]("incident"),
		answer.RowsOf[report.Tally]("kind"),
		answer.RowsOf[report.Tally](byService)), answer.Lines)
	c.AddCommand(incidentShowCommand(), incidentNoteCommand(watch.Ack), incidentNoteCommand(watch.Remark),
		incidentNoteCommand(watch.Mute))
	return c
}

// incidentsShown is the answer of incidents. Its counts are of all incidents in the
// time range, whatever --limit is.
type incidentsShown struct {
	Incidents []report.Incident `json:"incidents"`
	ByKind    []report.Tally    `json:"by_kind" help:"counts of all, whatever --limit says"`
	ByService []report.Tally    `json:"by_service"`
	Before    *comparedWith     `json:"before" help:"null without --compare"`
}

// printTo prints it for people: the incidents and what changed, or the counts that by
// names.
func (r *incidentsShown) printTo(w io.Writer, title, by string, withDate bool) {
	counted := report.Tallies{"kind": r.ByKind, byService: r.ByService}
	if counted[by] != nil {
		printTallies(w, counted, r.Before, 0, by)
		return
	}
	if len(r.Incidents) == 0 {
		fmt.Fprintf(w, "no incidents, %s\n", title)
	} else {
		printIncidents(w, newStyle(w), "Incidents", r.Incidents, withDate, true)
	}
	if r.Before != nil {
		printTallies(w, counted, r.Before, 10, "kind", byService)
	}
	if len(r.Incidents) > 0 {
		fmt.Fprintln(w, "\nEverything about one: statline incidents show ID")
	}
}

// takeFailOn gives a command the flag --fail-on.
func takeFailOn(c *cobra.Command, failOn *string) {
	c.Flags().Var(choiceValue{failOn, []string{string(detect.Page), string(detect.Ticket)}}, "fail-on",
		"exit with status 3 when an open incident is a page, or at least a ticket")
}

// failOnIncidents returns the error for the exit status when an incident is open and
// at least as severe as was asked.
func failOnIncidents(failOn string, list []report.Incident) error {
	for _, r := range list {
		if failOn != "" && r.State == "open" && (r.Severity == string(detect.Page) || r.Severity == failOn) {
			return exitCode(exitDataSaysNo)
		}
	}
	return nil
}

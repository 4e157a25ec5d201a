package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/classify/repeats"
	"statline/cmd/statline/answer"
	"statline/dashboards"
	"statline/dashboards/report"
	"statline/ingest/watch"
)

// shownID is how much of an incident's id is printed: enough to name it.
const shownID = 8

// incidentShown is an incident and what belongs to it, as show --json prints it.
type incidentShown struct {
	report.Incident
	Means   string            `json:"means"`
	ToDo    string            `json:"to_do"`
	Causes  []report.Incident `json:"causes"`
	Notes   []incidentNote    `json:"notes"`
	Samples []report.Sample   `json:"samples"`
	// Retries is the estimate from the log; nil unless it was asked for.
	Retries *repeats.Estimate `json:"retries_estimated,omitempty"`
}

type incidentNote struct {
	At     time.Time    `json:"at"`
	Action watch.Action `json:"action"`
	Until  *time.Time   `json:"until"` // of a mute
	Author string       `json:"author"`
	Text   string       `json:"text"`
}

func incidentShowCommand() *cobra.Command {
	var (
		st      *settings
		out     *answers
		samples int
		kafka   bool
	)
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything about an incident: evidence, what it causes, notes, examples, what to do",
		Example: `  statline incidents show 3f9a --data ./store
  statline incidents show 3f9a --clickhouse http://127.0.0.1:8123 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			sql := watch.NewSQL(s.Store, classify.Builtin())
			id, _, err := sql.Find(ctx, args[0])
			if err != nil {
				return err
			}
			var shown incidentShown
			found, causes, ok, err := report.IncidentOf(ctx, s, id)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("incident %q: %w", args[0], watch.ErrUnknownIncident)
			}
			shown.Incident, shown.Causes = found, append(shown.Causes, causes...)
			shown.Means, shown.ToDo = dashboards.MeaningOf(found.Kind)
			notes, err := sql.NotesOf(ctx, id)
			if err != nil {
				return err
			}
			for i := range notes {
				shown.Notes = append(shown.Notes, showNote(&notes[i]))
			}
			list, err := report.SamplesOf(ctx, s, id)
			if err != nil {
				return err
			}
			shown.Samples = append(shown.Samples, list[:min(len(list), max(samples, 0))]...)
			if kafka {
				if shown.Retries, err = estimateRetries(ctx, st, s, &found); err != nil {
					return err
				}
			}
			evidence, err := evidenceRows(&shown)
			if err != nil {
				return err
			}
			return out.print(cmd, func(to io.Writer) { printIncident(to, &shown, evidence) }, shown, shown.Samples,
				shown.Notes, shown.Causes)
		},
	}
	st = takeSettings(c, "incidents show")
	c.Flags().BoolVar(&kafka, "from-kafka", false,
		"estimate the retries from the log (needs --brokers and --topic)")
	c.Flags().IntVar(&samples, "samples", 10, "examples shown")
	out = takeOutput(c, answer.Of[incidentShown](answer.RowsOf[report.Sample]("sample"),
		answer.RowsOf[incidentNote]("note"),
		answer.RowsOf[report.Incident]("effect")), answer.JSON)
	return c
}

func showNote(n *watch.Note) incidentNote {
	shown := incidentNote{At: n.At.UTC(), Action: n.Action, Author: n.Author, Text: n.Text}
	if n.Action == watch.Mute {
		until := n.Until.UTC()
		shown.Until = &until
	}
	return shown
}

// printIncident prints an incident for people: what happened, since when, what to do,
// then the evidence.
func printIncident(w io.Writer, r *incidentShown, evidence [][]string) {
	st := newStyle(w)
	fmt.Fprintf(w, "%s\n", st.bold.Render(printable(named(r.Incident))))
	span := clock(r.Opened, true) + " UTC, still open"
	if r.Closed != nil {
		span = fmt.Sprintf("%s to %s UTC (%s), closed as %s", clock(r.Opened, true), clock(*r.Closed, true),
			r.Closed.Sub(r.Opened).Round(time.Minute), r.ClosedAs)
	}
	rows := [][]string{{"severity", st.severity(r.Severity)}, {"kind", r.Kind}, {"of", printable(r.Entity)},
		{"since", span}, {"id", r.ID}}
	if r.Parent != "" {
		rows = append(rows, []string{"caused by", "statline incidents show " + r.Parent[:min(len(r.Parent), shownID)]})
	}
	if r.Silent != "" {
		rows = append(rows, []string{"nobody is told", r.Silent})
	}
	if r.Means != "" {
		rows = append(rows, []string{"it means", r.Means}, []string{"what to do", r.ToDo})
	}
	facts(w, rows)

	st.heading(w, "Evidence")
	facts(w, evidence)
	if r.Retries != nil {
		printRetries(w, st, r.Retries)
	}
	if len(r.Causes) > 0 {
		printIncidents(w, st, "What it causes", r.Causes, true, true)
	}
	if len(r.Notes) > 0 {
		st.heading(w, "Notes")
		for _, n := range r.Notes {
			what := string(n.Action)
			if n.Until != nil {
				what += " until " + clock(*n.Until, true)
			}
			if n.Author != "" {
				what += " by " + printable(n.Author)
			}
			if n.Text != "" {
				what += ": " + printable(n.Text)
			}
			fmt.Fprintf(w, "  %s  %s\n", clock(n.At, true), what)
		}
	}
	if len(r.Samples) > 0 {
		st.heading(w, "Examples")
		printSampleRows(w, st, "  ", r.Samples)
	}
}

// evidenceRows are the fields of the evidence by their JSON names, with what was
// observed and expected.
func evidenceRows(r *incidentShown) ([][]string, error) {
	raw, err := json.Marshal(r.Evidence)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	rows := [][]string{{"rule", r.Rule}, {"observed", fmt.Sprintf("%.4g", r.Observed)},
		{"expected", fmt.Sprintf("%.4g", r.Expected)}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fmt.Sprint(fields[name])
		if n, ok := fields[name].(float64); ok {
			value = fmt.Sprintf("%.6g", n)
		} else if list, ok := fields[name].([]any); ok {
			words := make([]string, len(list))
			for i, v := range list {
				words[i] = fmt.Sprint(v)
			}
			value = strings.Join(words, ", ")
		}
		rows = append(rows, []string{strings.ReplaceAll(name, "_", " "), printable(value)})
	}
	return rows, nil
}

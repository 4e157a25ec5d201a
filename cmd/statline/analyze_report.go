package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/classify/detect"
	"statline/dashboards/report"
	"statline/ingest/decode"
	"statline/ingest/store"
	"statline/ingest/watch"
)

// analysis is what analyze prints.
type analysis struct {
	*reportShown
	loaded
	// Rejects are the first lines that could not be read, when none could be.
	Rejects []rejectExample `json:"rejected_examples,omitempty"`
	Nearest string          `json:"nearest_format,omitempty"`
}

type rejectExample struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Line   string `json:"line"`
}

// report reads what is stored. After an interruption it skips the detectors: after
// Ctrl-C nobody wants to wait for them.
func (l loaded) report(ctx context.Context, e *embedded, rules *detect.Config, ask *asking) (*analysis, error) {
	interrupted := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	a := &analysis{loaded: l, reportShown: &reportShown{Report: &report.Report{}}}
	w, stored, err := report.Everything(), true, error(nil)
	if ask.narrows() {
		w, stored, err = ask.resolve(ctx, e.store)
	}
	if err == nil && stored {
		a.reportShown, err = ask.report(ctx, e.store, w)
	}
	if err != nil {
		return nil, err
	}
	if !interrupted {
		found, err := detectKept(ctx, e, rules)
		if err != nil {
			return nil, err
		}
		if stored {
			a.Incidents = ask.among(found, w)
		}
	}
	if a.Responses == 0 && a.Rejected > 0 {
		err = a.explain(ctx, e)
	}
	return a, err
}

// detectKept runs the detectors over everything, and stores what they find if the
// store is kept.
func detectKept(ctx context.Context, e *embedded, rules *detect.Config) ([]report.Incident, error) {
	tables, all := watch.NewSQL(e.store, e.folding.Catalogue).Limited(e.limits.inForce), report.Everything()
	found, err := tables.Stored(ctx, rules, all.From, all.To)
	if err == nil && e.remove == "" {
		err = tables.Keep(ctx, found)
	}
	if err != nil {
		return nil, err
	}
	list := report.FromIncidents(found)
	return list, report.Name(ctx, e.store, list)
}

// examples is how many of the unreadable lines are shown.
const examples = 3

// explain shows why no line was understood.
func (a *analysis) explain(ctx context.Context, e *embedded) error {
	rejects, err := e.store.Rejects(ctx, store.RejectFilter{Limit: 1000})
	if err != nil {
		return err
	}
	var lines [][]byte
	seen := map[string]int{}
	for _, r := range rejects {
		lines = append(lines, []byte(r.Raw))
		if seen[r.Reason]++; seen[r.Reason] <= examples {
			a.Rejects = append(a.Rejects, rejectExample{r.Reason, r.Detail, r.Raw})
		}
	}
	probed, err := decode.ProbeWith(e.folding.Decode, lines)
	if err != nil {
		return err
	}
	if a.Nearest = probed.Format; a.Nearest == "" {
		a.Nearest = probed.RunnerUp
	}
	return nil
}

// print writes the report for people.
func (a *analysis) print(ctx context.Context, cmd *cobra.Command, out io.Writer, e *embedded, title string, limit int) {
	printSummary(out, title, a.Report, e.folding.Catalogue, limit, nil)
	printChanges(out, newStyle(out), a.Before, 12)
	printLeftOut(out, a.LeftOut)
	if len(a.Rejects) > 0 {
		fmt.Fprintln(out, "\nNo line was understood, for example:")
		rows := [][]string{{"reason", "detail", "line"}}
		for _, r := range a.Rejects {
			rows = append(rows, []string{r.Reason, printable(r.Detail), printable(r.Line)})
		}
		table(out, "  ", "", rows)
		name := "FILE"
		if len(a.Files) == 1 && a.Files[0].File != "-" {
			name = a.Files[0].File
		}
		fmt.Fprintf(out, "\nThe nearest format is %s. See how its fields are understood, and what else there is:\n  "+
			"statline probe %s\n  statline formats\n", a.Nearest, shellWord(name))
	}
	if ctx.Err() != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "\ninterrupted: the report shows what was read; no detector was run")
	}
}

// printLeftOut reports implausible values of responses that are counted.
func printLeftOut(w io.Writer, n map[string]uint64) {
	if t := n[decode.LeftOutTime]; t > 0 {
		fmt.Fprintf(w,
			"\n%s durations of more than a day were left out: their unit is another one than the field's name says.\n",
			count(t))
	}
	if names := n[decode.LeftOutErrorName]; names > 0 {
		fmt.Fprintf(w, "\n%s names of errors were left out: they are sentences, ids or secrets.\n", count(names))
	}
}

// outcome is the error that the process ends with.
func (a *analysis) outcome(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(a.Failed) == 1:
		return fmt.Errorf("1 file was left out: %s", a.Failed[0].File)
	case len(a.Failed) > 0:
		return fmt.Errorf("%d files were left out: %s, …", len(a.Failed), a.Failed[0].File)
	case len(a.Rejects) > 0:
		return exitCode(exitDataSaysNo)
	}
	return nil
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// row is one figure. Target is empty when there is none; then so is Verdict.
type row struct {
	Stage, What, Measured, Target, Verdict string
}

// table collects the figures of a run, printing each as it comes.
type table struct {
	rows  []row
	notes []string
	log   io.Writer
	load  float64 // of the machine before the run
}

func (t *table) add(stage, what, measured string) {
	t.put(row{Stage: stage, What: what, Measured: measured})
}

// judge adds a figure that has a target.
func (t *table) judge(stage, what, measured, target string, met bool) {
	verdict := "met"
	if !met {
		verdict = "missed"
	}
	t.put(row{stage, what, measured, target, verdict})
}

func (t *table) put(r row) {
	t.rows = append(t.rows, r)
	fmt.Fprintf(t.log, "%s: %s: %s", r.Stage, r.What, r.Measured)
	if r.Target != "" {
		fmt.Fprintf(t.log, " (target %s: %s)", r.Target, r.Verdict)
	}
	fmt.Fprintln(t.log)
}

// note adds a sentence below the table.
func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *table) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "STAGE\tWHAT\tMEASURED\tTARGET\t")
	for _, r := range t.rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Stage, r.What, r.Measured, r.Target, r.Verdict)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, n := range t.notes {
		fmt.Fprintln(w, n)
	}
	return nil
}

// markdown is RESULTS.md.
func (t *table) markdown(command string, at time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b,
		"# Figures\n\n<!-- made by make bench: do not edit -->\n\nMeasured %s on %s, load %.1f before it, with `%s`. "+
			"CPU time per record is of one core, the least of several rounds; \"missed\" is said where a target is missed.\n\n",
		at.UTC().Format("2006-01-02 15:04 UTC"), machine(), t.load, command)
	fmt.Fprintln(&b, "| Stage | What | Measured | Target | |")
	fmt.Fprintln(&b, "|---|---|---|---|---|")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Stage, r.What, r.Measured, r.Target, r.Verdict)
	}
	for _, n := range t.notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	return b.Bytes()
}

// Command evaluate judges the detectors on labelled traffic, writes the report
// and fails when a target is missed (make evaluate). It also sends a day of
// each kind of world as log lines through the embedded broker, the pipeline and
// the engine, and compares what the store then holds with the rows that were
// judged.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"statline/cmd/evaluate/judge"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o := judge.DefaultOptions()
	f := flag.NewFlagSet("evaluate", flag.ContinueOnError)
	tuning := f.Bool("tuning", false, "the tuning seeds instead of the validation seeds")
	small := f.Bool("small", false, "one seed and fewer events: a look, not a verdict")
	parts := f.String("only", "", "judge only these, comma-separated: "+strings.Join(judge.Parts(), ", "))
	f.StringVar(&o.World, "world", "",
		"of the worlds of services only those whose name contains one of these `texts`, parted by semicolons")
	seeds := f.Int("seeds", 0, "so many seeds; 0 for all")
	events := f.Bool("events", true, "compare a day of events with the rows")
	rivals := f.Bool("rivals", true, "judge the rules that people use instead, too")
	file := f.String("o", "", "write the report to a `file`")
	if err := f.Parse(args); err != nil {
		return err
	}
	o.Rivals = *rivals
	if *parts != "" {
		o.Parts = strings.Split(*parts, ",")
	}
	if *tuning {
		o.Seeds = judge.TuningSeeds()
	}
	if *small {
		o.Seeds = o.Seeds[:1]
	}
	if *seeds > 0 && *seeds < len(o.Seeds) {
		o.Seeds = o.Seeds[:*seeds]
	}
	if *events {
		e := eventRun{services: 32, keys: 400, clients: 34, means: []float64{6, 12, 30, 60}}
		if *small {
			e = eventRun{services: 4, keys: 100, clients: 17, means: []float64{6, 12}}
		}
		o.Events = func(kind string, seed uint64) (string, error) { return e.compare(ctx, kind, seed) }
	}
	if *file != "" {
		w, err := os.Create(*file)
		if err != nil {
			return err
		}
		defer w.Close()
		fmt.Fprint(w, head)
		out = w
	}
	return judge.Run(out, o)
}

const head = `# How well the detectors do

Written by ` + "`make evaluate`" + `; do not edit. The traffic is simulated, with known
incidents; the generator and the detectors are one project's, so the figures
rank rules and are no promise about your traffic. Delays are minutes of event
time from the first failure of an incident to the end of the minute that opened
it; an alert follows 90 seconds later.

`

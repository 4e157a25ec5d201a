package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is one run of the program.
type bench struct {
	table     table
	dir       string // temporary
	binary    string // statline
	engine    string
	records   int
	rounds    int
	fileBytes int64
	backlogs  []int
	hours     int
	crowd     int    // records of the stage keys
	minutes   int    // of the stage steady
	against   string // another binary
	drains    int    // so far
	constants
}

// stages are what --only chooses from, in the order in which they run.
var stages = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"hot", (*bench).hot}, {"formats", (*bench).formats}, {"growth", (*bench).growth}, {"storage", (*bench).storage},
	{"analyze", (*bench).analyze}, {"run", (*bench).endToEnd}, {"instead", (*bench).instead}, {"keys", (*bench).manyKeys},
	{"steady", (*bench).steady}, {"fresh", (*bench).fresh},
}

func stageNames() (names []string) {
	for _, s := range stages {
		names = append(names, s.name)
	}
	return names
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string) error {
	b := bench{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&b.binary, "statline", "bin/statline", "the built `binary`, for analyze and run")
	f.StringVar(&b.engine, "engine", "", "`file` of the engine library (default: where make engine puts it)")
	f.IntVar(&b.records, "records", 1_000_000, "records in memory for the costs of a record")
	f.IntVar(&b.rounds, "rounds", 7, "rounds of each; the cheapest counts")
	size := f.Float64("gb", 1, "size of analyze's files, in `gigabytes`")
	backlogs := f.String("backlogs", "5,20", "`millions` of records for run to drain, each in a fresh sandbox")
	f.IntVar(&b.hours, "hours", 24, "hours of traffic to store")
	crowd := f.Float64("crowd", 10, "`millions` of records of a million keys for run to drain")
	f.IntVar(&b.minutes, "minutes", 10, "minutes of even load")
	f.StringVar(&b.against, "against", "", "another built `binary` of statline, whose run is compared")
	only := f.String("only", strings.Join(stageNames(), ","), "`stages` to run")
	profile := f.String("cpuprofile", "",
		"`file` for a profile of this process; with --rounds=50 --only=growth it is nearly all fold")
	scale := f.String("scale", "",
		"`file` for what larger loads would take, in Markdown; needs the stages run and storage")
	out := f.String("out", "", "`file` for the figures, in Markdown")
	if err := f.Parse(args); err != nil {
		return err
	}
	b.fileBytes, b.crowd = int64(*size*1e9), int(*crowd*1e6)
	for s := range strings.SplitSeq(*backlogs, ",") {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || n <= 0 {
			return fmt.Errorf("--backlogs: got %q; want millions of records, such as 5,20", s)
		}
		b.backlogs = append(b.backlogs, int(n*1e6))
	}
	if b.crowd < 1 || b.minutes < 1 {
		return fmt.Errorf("--crowd and --minutes: got %g and %d; want more than 0 and at least 1", *crowd, b.minutes)
	}
	b.table.log = os.Stderr
	if b.fileBytes < 1e9 || b.hours < 24 || slices.Max(b.backlogs) < 20e6 || b.crowd < 10e6 || b.minutes < 10 {
		b.table.note("A short run. The targets of analyze, storage, run, keys and steady are meant for a file of 1 GB, 24 hours, backlogs of 5 and 20 million records, 10 million records and 10 minutes: for them \"met\" and \"missed\" above decide nothing.")
	}
	if *profile != "" {
		out, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	began := time.Now()
	b.table.load = load()
	if err := b.run(ctx, strings.Split(*only, ",")); err != nil {
		return err
	}
	fmt.Printf("%s\n%s, load %.1f, %.0f s\n\n", began.UTC().Format(time.RFC3339), machine(), b.table.load,
		time.Since(began).Seconds())
	if err := b.table.print(os.Stdout); err != nil {
		return err
	}
	if *scale != "" {
		if err := b.scale(*scale, began); err != nil {
			return err
		}
	}
	if *out == "" {
		return nil
	}
	command := "make bench"
	if given := without(args, "out", "scale", "statline"); len(given) > 0 {
		command += ` ARGS="` + strings.Join(given, " ") + `"`
	}
	return os.WriteFile(*out, b.table.markdown(command, began), 0o644)
}

// without is args less the named flags, which are given as --name=value.
func without(args []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return slices.Contains(names, name)
	})
}

func (b *bench) run(ctx context.Context, chosen []string) (err error) {
	for _, s := range chosen {
		if !slices.Contains(stageNames(), s) {
			return fmt.Errorf("--only: got %q; want some of %s", s, strings.Join(stageNames(), ","))
		}
	}
	if b.dir, err = os.MkdirTemp("", "statline-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	for _, s := range stages {
		if !slices.Contains(chosen, s.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

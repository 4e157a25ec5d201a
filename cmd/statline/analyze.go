package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/file"
	"statline/ingest/schema"
)

// analyzeOptions are the flags of analyze.
type analyzeOptions struct {
	*settings
	loading file.Config
	out     *answers
	failOn  string
	ask     asking
	follow  bool
	serve   bool
}

func analyzeCommand() *cobra.Command {
	o := &analyzeOptions{}
	c := &cobra.Command{
		Use:   "analyze FILE|DIR|PATTERN...|-",
		Short: "Classify log files and say why responses fail, who causes it and since when",
		Long: `analyze reads log files, directories and quoted patterns (plain, gzip, zstd, xz, lz4,
bzip2; - is standard input) with the same code as the daemon, aggregates them in the
embedded ClickHouse engine and prints the report. --data DIR keeps the store: lines
are counted once, and a file that has grown adds only its new lines. A file is
recognised by its text, whatever its name and compression. Standard error says what
was done with each file.

-f follows the files: lines that are appended, also to a file that was rotated or
truncated, and new files of a directory or a pattern. If files are copied and then
truncated (copytruncate), name the copies too ('access.log*'): lines that are
truncated between two checks, a second apart, are only there. Prefixes of kubectl
logs and docker compose logs are skipped.

The exit status is 1 when a file could not be read, 3 when no line was
understood or --fail-on found an incident, and 130 after Ctrl-C, which reports
what was read until then.`,
		Example: `  statline analyze access.log
  statline analyze --data ./store access.log.*.gz
  statline analyze --serve access.log
  statline analyze -f '/var/log/nginx/access.log*'
  kubectl logs deploy/gateway | statline analyze --json -
  docker compose logs -f gateway | statline analyze -f -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("analyze: got no file; want files, directories, quoted patterns, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.settings = takeSettings(c, "analyze")
	c.Flags().BoolVarP(&o.follow, "follow", "f", false,
		"follow the files with a live view; Ctrl-C ends it "+
			"with the report")
	c.Flags().BoolVar(&o.loading.Final, "final", false, "with --data, also count an unfinished last line: the "+
		"files will not grow")
	c.Flags().BoolVar(&o.loading.Distinct, "distinct", false,
		"count every file, also one that has the text of another "+
			"or is its beginning")
	c.Flags().BoolVar(&o.serve, "serve", false,
		"then serve the console with what was read, in a browser, until Ctrl-C")
	o.ask.takeTime(c, "")
	o.ask.takeLimit(c, 0, "rows of each list (default: 10 to 50)")
	o.ask.takeFilters(c, byService, byRoute, byOutcome, byKey, byCode)
	o.ask.takeCompare(c)
	takeFailOn(c, &o.failOn)
	o.out = takeOutput(c, answer.Of[analysis](reportLists()...), answer.JSON)
	return c
}

func (o *analyzeOptions) run(cmd *cobra.Command, args []string) error {
	began := time.Now()
	if err := o.ask.check(cmd); err != nil {
		return err
	}
	if o.follow && o.loading.Distinct {
		return usage("got --follow and --distinct; a file that is followed is known by its text: want one of them")
	}
	if o.follow && o.serve {
		return usage("got --follow and --serve; want one of them: the live view, or the console of what was read")
	}
	files, err := inputFiles(args)
	if err != nil {
		return err
	}
	if len(files) == 0 && !o.follow {
		return fmt.Errorf("analyze %s: there is no file", strings.Join(args, " "))
	}
	if _, err := checkLabels(o.Keys.Labels); err != nil {
		return err
	}
	limits, err := readLimits(o.Keys.Limits)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	e, err := openEmbedded(ctx, o.Config, schema.TTL{})
	if err != nil {
		return err
	}
	e.limits = limits
	defer e.close()
	if _, err := setLabels(ctx, o.Keys.Labels, e.store, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	var did loaded
	if o.follow {
		did, err = followFiles(cmd, e, o.loading, args, &o.Detect.Detectors)
		ctx = context.WithoutCancel(ctx) // Ctrl-C is how it ends
	} else {
		loading := o.loading
		loading.Final = loading.Final || o.Local.Data == "" // no more lines will come
		did, err = analyzeFiles(cmd, e, loading, files)
	}
	if err != nil {
		return err
	}
	a, err := did.report(ctx, e, &o.Detect.Detectors, &o.ask)
	if err != nil {
		return err
	}
	a.ElapsedSeconds = time.Since(began).Seconds()
	err = o.out.print(cmd, func(to io.Writer) {
		if a.Records == 0 && len(a.Files) == 0 && len(a.Failed) > 0 { // the reason of each was printed already
			return
		}
		if o.out.by != "" {
			printList(to, o.out.by, a.reportShown, e.folding.Catalogue)
		} else {
			a.print(ctx, cmd, to, e, strings.Join(args, " "), o.ask.limit)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "\n%s lines in %.1f s\n", count(a.Records), a.ElapsedSeconds)
	}, a, reportRows(a.reportShown)...)
	err = errors.Join(err, a.outcome(ctx), failOnIncidents(o.failOn, a.Incidents))
	if o.serve && ctx.Err() == nil {
		err = errors.Join(err, serveStore(cmd, e, &o.Detect.Detectors))
	}
	return err
}

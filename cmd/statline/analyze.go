package main

import (
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

func analyzeCommand() *cobra.Command {
	var (
		st      *settings
		loading file.Config
		out     *answers
		failOn  string
		ask     asking
		serve   bool
	)
	c := &cobra.Command{
		Use:   "analyze FILE...|-",
		Short: "Classify log files and say why responses fail, who causes it and since when",
		Long: `analyze reads log files (plain, gzip, zstd, xz, lz4, bzip2; - is standard input)
with the code that the daemon runs, aggregates them in the embedded ClickHouse
engine and prints the report. --data DIR keeps the store: the same lines are
counted once, a file that has grown adds its new lines. A file is known by its
text, whatever its name and compression. What was done with each file is said on
standard error.

The exit status is 1 when a file could not be read, 3 when no line was
understood or --fail-on found an incident, and 130 after Ctrl-C, which reports
what was read until then.`,
		Example: `  statline analyze access.log
  statline analyze --data ./store access.log.*.gz
  statline analyze --serve access.log
  kubectl logs deploy/gateway | statline analyze --json -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			began := time.Now()
			ctx := cmd.Context()
			if err := ask.check(cmd); err != nil {
				return err
			}
			rules := st.Detect.Detectors
			if _, err := checkLabels(st.Keys.Labels); err != nil {
				return err
			}
			e, err := openEmbedded(ctx, st.Config, schema.TTL{})
			if err != nil {
				return err
			}
			defer e.close()
			if _, err := setLabels(ctx, st.Keys.Labels, e.store, slog.New(slog.DiscardHandler)); err != nil {
				return err
			}
			loading.Final = loading.Final || st.Local.Data == "" // nothing comes later
			did, err := analyzeFiles(cmd, e, loading, args)
			if err != nil {
				return err
			}
			a, err := did.report(ctx, e, &rules, &ask)
			if err != nil {
				return err
			}
			a.ElapsedSeconds = time.Since(began).Seconds()
			err = out.print(cmd, func(to io.Writer) error {
				if out.by != "" {
					printList(to, out.by, a.reportShown, e.folding.Catalogue)
				} else {
					a.print(ctx, cmd, to, e, strings.Join(args, " "), ask.limit)
				}
				_, err := fmt.Fprintf(cmd.ErrOrStderr(), "\n%s lines in %.1f s\n", count(a.Records), a.ElapsedSeconds)
				return err
			}, a, reportRows(a.reportShown)...)
			err = errors.Join(err, a.outcome(ctx), failOnIncidents(failOn, a.Incidents))
			if serve && ctx.Err() == nil {
				err = errors.Join(err, serveStore(cmd, e))
			}
			return err
		},
	}
	st = takeSettings(c, "analyze")
	c.Flags().BoolVar(&loading.Final, "final", false, "with --data, count an unfinished last line as it stands: the "+
		"files grow no more")
	c.Flags().BoolVar(&loading.Distinct, "distinct", false, "count each file for itself, also when it has the text of "+
		"another or is the beginning of one")
	c.Flags().BoolVar(&serve, "serve", false, "go on with the console: the boards of what was read, in a browser, until Ctrl-C")
	ask.takeTime(c, "")
	ask.takeFilters(c, 0, "rows of each list (default: 10 to 50)", byService, byRoute, byOutcome, byKey, byCode)
	ask.takeCompare(c)
	takeFailOn(c, &failOn)
	out = takeOutput(c, answer.Of[analysis](reportLists()...), answer.JSON)
	return c
}

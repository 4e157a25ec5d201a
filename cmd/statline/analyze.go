package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"statline/dashboards/report"
	"statline/ingest/config"
	"statline/ingest/file"
	"statline/ingest/fold"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/store"
)

func analyzeCommand() *cobra.Command {
	var (
		st     *settings
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "analyze FILE...|-",
		Short: "Classify log files and say why responses fail, who causes it and since when",
		Long: `analyze reads log files (plain, gzip, zstd, bzip2; - is standard input) with the
code that the daemon runs, aggregates them in the embedded ClickHouse engine and
prints the report. --data DIR keeps the store: the same lines are counted once,
a file that has grown adds its new lines.`,
		Example: `  statline analyze access.log
  statline analyze --data ./store access.log.*.gz
  kubectl logs deploy/gateway | statline analyze --json -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			began := time.Now()
			ctx := cmd.Context()
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
			if err := analyzeFiles(ctx, cmd, e, args); err != nil {
				return err
			}
			sum, err := report.Read(ctx, e.store, report.Everything(), report.Filter{})
			if err != nil {
				return err
			}
			if sum.Incidents, err = detectStored(ctx, e.store, e.folding.Catalogue, &rules, report.Everything()); err != nil {
				return err
			}
			sum.ElapsedSeconds = time.Since(began).Seconds()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), sum)
			}
			title := strings.Join(args, " ")
			printSummary(cmd.OutOrStdout(), title, sum, e.folding.Catalogue)
			fmt.Fprintf(cmd.ErrOrStderr(), "\n%s lines in %.1f s\n", count(sum.Records), sum.ElapsedSeconds)
			return nil
		},
	}
	st = takeSettings(c, "analyze")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// embedded is the store of the commands that need no server: the engine in this
// process, behind the HTTP port that every other client uses too.
type embedded struct {
	sandbox *sandbox.Sandbox
	store   *store.Store
	folding fold.Config
	remove  string // a directory of ours to remove at the end
}

// openEmbedded starts the engine, and a broker when one is described.
func openEmbedded(ctx context.Context, c *config.Config, ttl schema.TTL, broker ...sandbox.Config) (*embedded, error) {
	e := &embedded{}
	data := c.Local.Data
	if data == "" {
		dir, err := os.MkdirTemp("", "statline-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary directory: %w", err)
		}
		data, e.remove = dir, dir
	} else if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	fail := func(err error) (*embedded, error) { return nil, errors.Join(err, e.close()) }
	local := *c
	local.Local.Data = data
	secret, err := local.HMAC()
	if err != nil {
		return fail(err)
	}
	if e.folding, err = c.Fold(secret); err != nil {
		return fail(err)
	}
	cfg := sandbox.Config{ClickHouse: "127.0.0.1:0"}
	if len(broker) > 0 {
		cfg = broker[0]
	}
	cfg.Data, cfg.Engine = filepath.Join(data, "servers"), c.Local.Engine
	if e.sandbox, err = sandbox.Start(ctx, cfg); err != nil {
		return fail(err)
	}
	server := store.DefaultConfig()
	server.URL = e.sandbox.ClickHouseURL()
	e.store, err = openStore(ctx, server, secret, &schema.Options{TTL: ttl, Temporary: e.remove != ""})
	if err != nil {
		return fail(err)
	}
	return e, nil
}

func (e *embedded) close() error {
	var err error
	if e.store != nil {
		err = e.store.Close()
	}
	if e.sandbox != nil {
		err = errors.Join(err, e.sandbox.Close())
	}
	if e.remove != "" {
		err = errors.Join(err, os.RemoveAll(e.remove))
	}
	return err
}

// analyzeFiles loads each file in turn, with a bar on a terminal.
func analyzeFiles(ctx context.Context, cmd *cobra.Command, e *embedded, paths []string) error {
	folding := e.folding
	folding.AnyTime = true // a log file has no Kafka timestamp to compare with
	folds, err := fold.NewPool(folding, 64<<20)
	if err != nil {
		return err
	}
	cfg := file.DefaultConfig(runtime.GOMAXPROCS(0))
	cfg.ConfigHash, cfg.Version, cfg.Instance = folds.Hash(), version, instanceName()
	out := io.Writer(io.Discard)
	if f, ok := cmd.ErrOrStderr().(*os.File); ok && isTerminal(f) {
		out = f
	}
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(out), mpb.WithWidth(40), mpb.WithAutoRefresh())
	for _, path := range paths {
		if err := analyzeFile(ctx, cmd, cfg, e, folds, path, bars); err != nil {
			return err
		}
	}
	bars.Wait()
	return nil
}

func analyzeFile(ctx context.Context, cmd *cobra.Command, cfg file.Config, e *embedded, folds *fold.Pool, path string, bars *mpb.Progress) error {
	in, err := file.Open(path, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer in.Close()
	var progress file.Progress
	bar := bars.New(in.Size, mpb.BarStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(filepath.Base(path)+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			return count(uint64(progress.Lines.Load())) + " lines "
		}), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left")))
	ticks := time.NewTicker(100 * time.Millisecond)
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-ticks.C:
				bar.SetCurrent(progress.OnDisk.Load())
			case <-done:
				return
			}
		}
	}()
	err = file.Load(ctx, cfg, in, e.store, folds.For(0), &progress)
	close(done)
	<-stopped
	ticks.Stop()
	bar.Abort(true) // done: the report follows
	if err != nil {
		return fmt.Errorf("analyze %s: %w", path, err)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"statline/ingest/decode"
	"statline/ingest/file"
	"statline/ingest/fold"
)

// loaded says what became of the files.
type loaded struct {
	Files  []file.Result `json:"files"`
	Failed []failedFile  `json:"failed_files"`
	// LeftOut counts the values in these files' responses that were implausible and
	// left out.
	LeftOut map[string]uint64 `json:"left_out,omitempty"`
}

type failedFile struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// analyzeFiles loads one file after the other. A file that cannot be read is skipped
// and reported; after an interruption the rest is skipped.
func analyzeFiles(cmd *cobra.Command, e *embedded, cfg file.Config, paths []string) (did loaded, err error) {
	did = loaded{Files: []file.Result{}, Failed: []failedFile{}}
	loader, counts, err := newLoader(e, cfg)
	if err != nil {
		return did, err
	}
	var stdin io.Reader
	if slices.Contains(paths, "-") {
		stdin = standardInput(cmd, "lines of a log")
	}
	say := cmd.ErrOrStderr()
	var bars *mpb.Progress
	if f, ok := say.(*os.File); ok && isTerminal(f) {
		// The bars end with the loading and not with the context: none can be added once
		// that is done.
		bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(40), mpb.WithAutoRefresh())
		defer bars.Wait() // until the last one is removed
		say = bars
	}
	defer func() { did.leftOut(counts) }()
	for _, path := range paths {
		r, err := analyzeFile(cmd.Context(), loader, path, stdin, bars)
		var of *file.InputError
		switch {
		case errors.As(err, &of):
			did.Failed = append(did.Failed, failedFile{path, err.Error()})
			fmt.Fprintln(say, prose(fmt.Sprintf("statline: analyze %s: %v", path, err), widthOf(cmd.ErrOrStderr())))
			continue
		case err != nil && cmd.Context().Err() == nil:
			return did, fmt.Errorf("analyze %s: %w", path, err)
		}
		did.Files = append(did.Files, r)
		fmt.Fprintln(say, prose(r.String(), widthOf(cmd.ErrOrStderr())))
		if err != nil {
			break
		}
	}
	return did, nil
}

// newLoader makes a loader of files, and returns where it counts values that it leaves
// out.
func newLoader(e *embedded, cfg file.Config) (*file.Loader, *decode.Counts, error) {
	folding := e.folding
	folding.AnyTime = true // a log file has no Kafka timestamp to compare with
	folding.Decode.Counts = &decode.Counts{}
	pool, err := fold.NewPool(folding, 64<<20)
	if err != nil {
		return nil, nil, err
	}
	cut := file.DefaultConfig(runtime.GOMAXPROCS(0))
	cfg.BlockBytes, cfg.BlockMemory, cfg.Workers = cut.BlockBytes, cut.BlockMemory, cut.Workers
	cfg.ConfigHash, cfg.Version, cfg.Instance = pool.Hash(), version, instanceName()
	cfg.Whole = e.whole
	return file.NewLoader(cfg, e.store, pool.For(0)), folding.Decode.Counts, nil
}

func (l *loaded) leftOut(counts *decode.Counts) {
	for _, c := range counts.List() {
		if c.N > 0 {
			if l.LeftOut == nil {
				l.LeftOut = map[string]uint64{}
			}
			l.LeftOut[c.What] = c.N
		}
	}
}

// analyzeFile loads one file, with a progress bar if there are bars.
func analyzeFile(ctx context.Context, loader *file.Loader, path string, stdin io.Reader,
	bars *mpb.Progress) (r file.Result, err error) {
	in, err := file.Open(path, stdin)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var progress file.Progress
	if bars != nil {
		defer showProgress(bars, path, in.Size, &progress)()
	}
	return loader.Load(ctx, in, &progress)
}

// showProgress draws a bar until done is called.
func showProgress(bars *mpb.Progress, path string, size int64, p *file.Progress) (done func()) {
	began := time.Now()
	bar := bars.New(size, mpb.BarStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(filepath.Base(path)+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			return count(uint64(p.Lines.Load())) + " lines" + timeLeft(time.Since(began), p.OnDisk.Load(), size)
		})))
	ticks := time.NewTicker(100 * time.Millisecond)
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-ticks.C:
				bar.SetCurrent(p.OnDisk.Load())
			case <-ended:
				return
			}
		}
	}()
	return func() {
		ticks.Stop()
		close(ended)
		<-stopped
		bar.Abort(true)
	}
}

// timeLeft says how much longer it will take, when done of size bytes took spent; ""
// while that is unknown.
func timeLeft(spent time.Duration, done, size int64) string {
	if done <= 0 || done >= size {
		return ""
	}
	left := time.Duration(float64(spent) / float64(done) * float64(size-done))
	return fmt.Sprintf(", %s left", left.Round(time.Second))
}

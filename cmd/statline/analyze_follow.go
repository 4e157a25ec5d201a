package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"statline/classify/detect"
	"statline/dashboards/report"
	"statline/ingest/block"
	"statline/ingest/file"
)

const (
	// followEvery is how often files are checked. A file is recognised by its text,
	// which is read again from the beginning, so slow checks are made less often.
	followEvery = time.Second
	// followShare is how many times as long as the last check took it waits before the
	// next.
	followShare = 10
	// forgetAfter is how long a file is kept open that no argument names any more and
	// that does not grow.
	forgetAfter = time.Minute
)

// follower loads new lines while files grow, are rotated, truncated and made again. It
// keeps each file open, so that what is written after a rename is read too.
type follower struct {
	cmd    *cobra.Command
	loader *file.Loader
	args   []string
	say    io.Writer
	spool  string // the file of standard input
	files  []*followed
	did    *loaded
}

// followed is an open file.
type followed struct {
	path   string
	file   *os.File
	size   int64 // when it was last loaded
	mod    time.Time
	grew   time.Time
	named  bool // an argument names it
	result int  // its index in loaded.Files
}

// follow loads until ctx ends. When only standard input is followed, its end ends it
// too.
func (f *follower) follow(ctx context.Context, ended <-chan struct{}) error {
	defer f.close()
	for {
		began := time.Now()
		last := ctx.Err() != nil
		select {
		case <-ended:
			last = true
		default:
		}
		if err := f.look(context.WithoutCancel(ctx)); err != nil || last {
			return err
		}
		select {
		case <-time.After(max(followEvery, followShare*time.Since(began))):
		case <-ctx.Done():
		case <-ended:
		}
	}
}

// look loads what is new.
func (f *follower) look(ctx context.Context) error {
	paths, err := inputFiles(f.args)
	if err != nil {
		return err
	}
	for _, known := range f.files {
		known.named = false
	}
	for _, path := range paths {
		if err := f.find(path); err != nil {
			return err
		}
	}
	kept := f.files[:0]
	for _, known := range f.files {
		if err := f.load(ctx, known); err != nil {
			return err
		}
		if !known.named && time.Since(known.grew) > forgetAfter {
			if err := known.file.Close(); err != nil {
				return fmt.Errorf("close %s: %w", known.path, err)
			}
			continue
		}
		kept = append(kept, known)
	}
	f.files = kept
	return nil
}

// find opens the file that a path names now, unless it is open already.
func (f *follower) find(path string) error {
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // not there yet, or just renamed
	}
	if err != nil || !st.Mode().IsRegular() {
		f.failed(path, errors.Join(err, fmt.Errorf("%s cannot be followed: it is no file", path)))
		return nil
	}
	for _, known := range f.files {
		if opened, err := known.file.Stat(); err == nil && os.SameFile(opened, st) {
			known.named = true
			return nil
		}
	}
	opened, err := os.Open(path)
	if err != nil {
		f.failed(path, err)
		return nil
	}
	if path == f.spool {
		path = "-"
	}
	f.files = append(f.files, &followed{path: path, file: opened, size: -1, named: true, grew: time.Now(), result: -1})
	return nil
}

// load loads a file that has changed since the last look.
func (f *follower) load(ctx context.Context, known *followed) error {
	st, err := known.file.Stat()
	if err != nil {
		return fmt.Errorf("look at %s: %w", known.path, err)
	}
	if st.Size() == known.size && st.ModTime().Equal(known.mod) {
		return nil
	}
	known.size, known.mod, known.grew = st.Size(), st.ModTime(), time.Now()
	// Its name may be another file's by now.
	in, err := file.Open(fmt.Sprintf("/dev/fd/%d", known.file.Fd()), nil)
	if err == nil {
		in.Name = known.path
		var r file.Result
		r, err = f.loader.Load(ctx, in, &file.Progress{})
		err = errors.Join(err, in.Close())
		if err == nil {
			f.add(known, r)
		}
	}
	if errors.As(err, new(*file.InputError)) {
		f.failed(known.path, err)
		return nil
	}
	return err
}

// add sums up what was loaded from a file, and reports it once it has lines.
func (f *follower) add(known *followed, r file.Result) {
	if known.result < 0 || f.did.Files[known.result].State == file.Empty && r.State != file.Empty {
		if known.result < 0 {
			known.result = len(f.did.Files)
			f.did.Files = append(f.did.Files, r)
		}
		f.did.Files[known.result] = r
		if r.State == file.Empty {
			return
		}
		fmt.Fprintln(f.say, prose(r.String(), widthOf(f.cmd.ErrOrStderr())))
		return
	}
	r.Lines += f.did.Files[known.result].Lines
	r.State, r.Of = f.did.Files[known.result].State, f.did.Files[known.result].Of
	f.did.Files[known.result] = r
}

// failed reports once that a file cannot be read.
func (f *follower) failed(path string, err error) {
	for _, known := range f.did.Failed {
		if known.File == path {
			return
		}
	}
	f.did.Failed = append(f.did.Failed, failedFile{path, err.Error()})
	fmt.Fprintln(f.say, prose(fmt.Sprintf("statline: analyze %s: %v", path, err), widthOf(f.cmd.ErrOrStderr())))
}

func (f *follower) close() {
	for _, known := range f.files {
		_ = known.file.Close() // it was only read
	}
}

// followFiles is analyzeFiles that goes on until Ctrl-C, with the live view.
func followFiles(cmd *cobra.Command, e *embedded, cfg file.Config, args []string, rules *detect.Config) (did loaded,
	err error) {
	did = loaded{Files: []file.Result{}, Failed: []failedFile{}}
	loader, counts, err := newLoader(e, cfg)
	if err != nil {
		return did, err
	}
	defer func() { did.leftOut(counts) }()
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	ended, about := make(chan struct{}), strings.Join(args, " ")
	args, spool, err := spooled(ctx, cmd, args, ended)
	if err != nil {
		return did, err
	}
	if spool != "" {
		defer func() { err = errors.Join(err, os.Remove(spool)) }()
	}
	out := terminal(cmd.OutOrStdout())
	view := liveView{out: cmd.ErrOrStderr(), title: "statline analyze -f", about: about, interrupt: stop,
		catalogue: e.folding.Catalogue}
	var said strings.Builder // for which the screen has no room
	f := &follower{cmd: cmd, loader: loader, args: args, spool: spool, say: cmd.ErrOrStderr(), did: &did}
	if out != nil && canRedraw(out) {
		view.out, view.terminal, f.say = cmd.OutOrStdout(), true, &said
	}
	frames, shown := make(chan frame, 1), make(chan error, 1)
	go func() { shown <- view.show(ctx, frames) }()
	work := context.WithoutCancel(ctx)
	watching, stopWatching := context.WithCancel(work)
	group, _ := errgroup.WithContext(work)
	group.Go(func() error { defer close(frames); return followFrames(watching, e, rules, frames) })
	group.Go(func() error { defer stopWatching(); return f.follow(ctx, ended) })
	err = errors.Join(group.Wait(), <-shown)
	fmt.Fprint(cmd.ErrOrStderr(), said.String())
	return did, err
}

// spooled copies standard input, if it is among the arguments, to a file that is
// followed instead: a pipe can be read only once. ended is closed at its end if
// nothing else is followed.
func spooled(ctx context.Context, cmd *cobra.Command, args []string, ended chan struct{}) (with []string, path string,
	err error) {
	for i, arg := range args {
		if arg != "-" {
			continue
		}
		f, err := os.CreateTemp("", "statline-stdin-")
		if err != nil {
			return nil, "", fmt.Errorf("keep standard input: %w", err)
		}
		in := standardInput(cmd, "lines of a log")
		go func() {
			_, err := io.Copy(f, in)
			if err == nil {
				_, err = io.WriteString(f, "\n") // the last line is whole: nothing follows
			}
			if e := f.Close(); err == nil && e != nil || err != nil && ctx.Err() == nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "statline: keep standard input:", errors.Join(err, e))
			}
			if len(args) == 1 {
				close(ended)
			}
		}()
		with = append(append([]string{}, args...)[:i], args[i+1:]...)
		return append(with, f.Name()), f.Name(), nil
	}
	return args, "", nil
}

// followFrames sends a frame a second, all of whose figures are read together, until
// ctx ends.
func followFrames(ctx context.Context, e *embedded, rules *detect.Config, frames chan<- frame) error {
	v := following{embedded: e, rules: rules, began: time.Now()}
	for {
		f, err := v.frame(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			select {
			case frames <- f:
			case <-ctx.Done():
				return nil
			}
		case !errors.Is(err, block.ErrHalfWritten): // the last frame stays on screen
			return err
		}
		if !v.pace.wait(ctx, followEvery) {
			return nil
		}
	}
}

// following makes frames of files that grow.
type following struct {
	embedded *embedded
	rules    *detect.Config
	began    time.Time
	pace     framePace
	last     frame
	// The detectors read everything, so they run less often: what they found, up to
	// which event time, and when they run next.
	found []report.Incident
	upTo  time.Time
	due   time.Time
}

func (v *following) frame(ctx context.Context) (f frame, err error) {
	var sum *report.Report
	err = v.pace.read(ctx, v.embedded, func() (err error) {
		f.Elapsed = time.Since(v.began)
		sum, err = report.Read(ctx, v.embedded.store, report.Everything(), report.Filter{})
		if err == nil && sum.Last != nil && time.Now().After(v.due) {
			err = v.detect(ctx, *sum.Last)
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f.Stored = sum.Records
	if sum.Last != nil && sum.ByOutcome.Total() > 0 {
		sum.Incidents, f.Sum, f.EventTime, f.Detected = v.found, sum, *sum.Last, v.upTo
	}
	if span := (f.Elapsed - v.last.Elapsed).Seconds(); v.last.Elapsed > 0 && span > 0 {
		f.Rate = 0.7*v.last.Rate + 0.3*float64(f.Stored-v.last.Stored)/span
	}
	v.last = f
	return f, nil
}

func (v *following) detect(ctx context.Context, upTo time.Time) (err error) {
	began := time.Now()
	v.found, err = detectKept(ctx, v.embedded, v.rules)
	v.upTo, v.due = upTo, time.Now().Add(max(2*time.Second, followShare*time.Since(began)))
	return err
}

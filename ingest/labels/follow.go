package labels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"statline/classify"
)

// Setter makes labels all the labels of a store and returns how many changed.
type Setter interface {
	SetKeyLabels(ctx context.Context, labels map[classify.KeyID]string) (changed int, err error)
}

// Follower keeps a store's labels equal to a file.
type Follower struct {
	path string
	to   Setter
	log  *slog.Logger
	seen os.FileInfo // of the content that the store has
}

// NewFollower makes a follower of the file at path.
func NewFollower(path string, to Setter, log *slog.Logger) *Follower {
	return &Follower{path: path, to: to, log: log}
}

// Set brings the file's labels into the store when the file changed since the
// last Set that succeeded.
func (f *Follower) Set(ctx context.Context) error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("key labels: %w", err)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) &&
		f.seen.Size() == info.Size() {
		return nil
	}
	labels, err := ReadFile(f.path)
	if err != nil {
		return err
	}
	changed, err := f.to.SetKeyLabels(ctx, labels)
	if err != nil {
		return fmt.Errorf("key labels %s: %w", f.path, err)
	}
	f.seen = info
	f.log.Info("key labels read", "file", f.path, "keys", len(labels), "changed", changed)
	return nil
}

// Run looks at the file every so often until ctx ends. A file that is wrong or
// gone leaves the labels as they are, and is said in the log once for each
// different reason.
func (f *Follower) Run(ctx context.Context, every time.Duration) error {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		err := f.Set(ctx)
		switch {
		case err == nil:
			said = ""
		case errors.Is(err, ctx.Err()) && ctx.Err() != nil:
		case err.Error() != said:
			said = err.Error()
			f.log.Warn("key labels not updated", "err", err)
		}
	}
}

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"statline/ingest/labels"
	"statline/ingest/store"
)

// labelsEvery is how often the daemon looks whether the file of labels changed.
const labelsEvery = 5 * time.Second

// labelFlags say which customer a key belongs to.
type labelFlags struct{ path string }

func (f *labelFlags) bind(c *cobra.Command) {
	c.Flags().StringVar(&f.path, "key-labels", "", "CSV `file` of key_id,name: which customer a key belongs to (the id as statline key-id prints it)")
}

// check reads the file, when there is one, and returns how many keys it names.
func (f *labelFlags) check() (keys int, err error) {
	if f.path == "" {
		return 0, nil
	}
	all, err := labels.ReadFile(f.path)
	return len(all), err
}

// set brings the labels into the store, and returns what keeps them there; nil
// without a file: then the store's labels stay as they are.
func (f *labelFlags) set(ctx context.Context, s *store.Store, log *slog.Logger) (*labels.Follower, error) {
	if f.path == "" {
		return nil, nil
	}
	follower := labels.NewFollower(f.path, s, log)
	return follower, follower.Set(ctx)
}

package main

import (
	"context"
	"log/slog"
	"time"

	"statline/ingest/labels"
	"statline/ingest/store"
)

// labelsEvery is how often the daemon looks whether the file of labels changed.
const labelsEvery = 5 * time.Second

// checkLabels reads a file of labels, when there is one, and returns how many
// keys it names.
func checkLabels(path string) (keys int, err error) {
	if path == "" {
		return 0, nil
	}
	all, err := labels.ReadFile(path)
	return len(all), err
}

// setLabels brings the labels into the store, and returns what keeps them
// there; nil without a file: then the store's labels stay as they are.
func setLabels(ctx context.Context, path string, s *store.Store, log *slog.Logger) (*labels.Follower, error) {
	if path == "" {
		return nil, nil
	}
	follower := labels.NewFollower(path, s, log)
	return follower, follower.Set(ctx)
}

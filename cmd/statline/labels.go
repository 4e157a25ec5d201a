package main

import (
	"context"
	"log/slog"
	"time"

	"statline/ingest/labels"
	"statline/ingest/store"
)

// labelsEvery is how often the daemon checks whether the file of labels has changed.
const labelsEvery = 5 * time.Second

// checkLabels reads the file of labels, if there is one, and returns how many keys it
// names.
func checkLabels(path string) (keys int, err error) {
	if path == "" {
		return 0, nil
	}
	all, err := labels.ReadFile(path)
	return len(all), err
}

// setLabels writes the labels to the store and returns a follower that keeps them up
// to date. Without a file it returns nil, and the store's labels stay as they are.
func setLabels(ctx context.Context, path string, s *store.Store, log *slog.Logger) (*labels.Follower, error) {
	if path == "" {
		return nil, nil
	}
	follower := labels.NewFollower(path, s, log)
	return follower, follower.Set(ctx)
}

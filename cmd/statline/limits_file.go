package main

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"statline/classify/limit"
)

// limitsFile holds the current limits file.
type limitsFile struct {
	path string
	file atomic.Pointer[limit.File]
}

// readLimits reads the limits file, if there is one.
func readLimits(path string) (*limitsFile, error) {
	l := &limitsFile{path: path}
	if path == "" {
		return l, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("limits file: %w", err)
	}
	file, err := limit.ParseFile(path, text)
	if err != nil {
		return nil, err
	}
	l.file.Store(file)
	return l, nil
}

// inForce is the current file; nil without one.
func (l *limitsFile) inForce() *limit.File { return l.file.Load() }

// set takes over another's file, and logs it.
func (l *limitsFile) set(from *limitsFile, log *slog.Logger) {
	file := from.file.Load()
	l.file.Store(file)
	if file != nil {
		log.Info("limits file in force", "file", from.path, "keys", len(file.Who()))
	}
}

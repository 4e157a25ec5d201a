//go:build !linux

package chquery

import (
	"errors"
	"fmt"
	"os"
)

// newSpool makes a temporary file.
func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "statline-insert-*")
	if err != nil {
		return nil, fmt.Errorf("make a spool file: %w", err)
	}
	return &spool{file: f, path: f.Name()}, nil
}

func (s *spool) close() error { return errors.Join(s.file.Close(), os.Remove(s.path)) }

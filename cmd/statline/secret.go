package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// secretFlags names the HMAC secret that turns API keys into key ids.
type secretFlags struct {
	file string
}

func (s *secretFlags) bind(c *cobra.Command) {
	c.Flags().StringVar(&s.file, "hmac-secret-file", "", "`file` with the secret that keys are hashed with, made on first use; STATLINE_HMAC_SECRET holds the secret itself (default: in the data or the user configuration directory)")
}

// open reads the secret, or makes one and keeps it with mode 0600: in the file
// named, else in the data directory, else in the user's configuration
// directory. Every instance that writes to one database needs the same.
func (s *secretFlags) open(data string) ([]byte, error) {
	if v := os.Getenv("STATLINE_HMAC_SECRET"); v != "" && s.file == "" {
		return checkSecret("environment STATLINE_HMAC_SECRET", v)
	}
	path := s.file
	if path == "" && data != "" {
		path = filepath.Join(data, "hmac-secret")
	}
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("no place for the HMAC secret: %w; name a file with --hmac-secret-file", err)
		}
		path = filepath.Join(dir, "statline", "hmac-secret")
	}
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		return checkSecret("HMAC secret "+path, string(b))
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("read the HMAC secret: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keep the HMAC secret: %w", err)
	}
	if err := keepNew(path, randomSecret()); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("keep the HMAC secret: %w", err)
	}
	return s.open(data) // ours, or that of an instance that was first
}

func checkSecret(where, text string) ([]byte, error) {
	secret := []byte(strings.TrimSpace(text))
	if len(secret) < 16 {
		return nil, fmt.Errorf("%s: got %d bytes; want at least 16", where, len(secret))
	}
	return secret, nil
}

// keepNew writes a file whole or not at all, and never over another.
func keepNew(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".hmac-secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.WriteString(text + "\n"); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// randomSecret is 256 bits in hexadecimal.
func randomSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the process instead
	return hex.EncodeToString(b)
}

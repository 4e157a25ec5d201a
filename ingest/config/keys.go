package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Keys says how API keys become ids, and which customer an id belongs to.
type Keys struct {
	Secret, SecretFile string
	Labels             string // CSV file, "" for none
}

func keysOptions() []Option {
	return []Option{
		{Name: "hmac-secret", Set: SetHMAC, NoFlag: true, Mask: maskAll,
			Help:  "secret that API keys are hashed with, at least 16 characters; every instance on one database needs the same",
			value: func(c *Config) Value { return text{&c.Keys.Secret} }},
		{Name: "hmac-secret-file", Set: SetHMAC, Type: "file",
			Help:  "file that holds that secret, made on first use (default: in the data or the user configuration directory)",
			value: func(c *Config) Value { return text{&c.Keys.SecretFile} }},
		{Name: "key-labels", Set: SetLabels, Type: "file", Reload: true,
			Help:  "CSV file of key_id,name: which customer a key belongs to (the id as statline key-id prints it)",
			value: func(c *Config) Value { return text{&c.Keys.Labels} }},
	}
}

func checkKeys(c *Config) error {
	keep, err := c.oneOf("hmac-secret", "hmac-secret-file")
	if err != nil {
		return err
	}
	switch keep {
	case "hmac-secret":
		c.Keys.SecretFile = ""
		_, err = checkSecret("hmac-secret", c.Keys.Secret)
	case "hmac-secret-file":
		c.Keys.Secret = ""
	}
	return err
}

// HMAC is the secret that turns API keys into key ids. Without one it is made
// and kept with mode 0600: in the file named, else in the data directory of an
// embedded store, else in the user's configuration directory.
func (c *Config) HMAC() ([]byte, error) {
	secret, path, err := c.FindHMAC()
	if err != nil || secret != nil {
		return secret, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keep the HMAC secret: %w", err)
	}
	if err := keepNew(path, randomSecret()); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("keep the HMAC secret: %w", err)
	}
	secret, _, err = c.FindHMAC() // ours, or that of an instance that was first
	return secret, err
}

// FindHMAC is the secret when there is one, and the file that it is kept in,
// "" when it was given itself. It writes nothing.
func (c *Config) FindHMAC() (secret []byte, path string, err error) {
	if c.Keys.Secret != "" {
		secret, err = checkSecret("hmac-secret", c.Keys.Secret)
		return secret, "", err
	}
	if path = c.Keys.SecretFile; path == "" && c.Local.Data != "" {
		path = filepath.Join(c.Local.Data, "hmac-secret")
	}
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, "", fmt.Errorf("no place for the HMAC secret: %w; name a file with --hmac-secret-file", err)
		}
		path = filepath.Join(dir, "statline", "hmac-secret")
	}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, path, nil
	case err != nil:
		return nil, path, fmt.Errorf("read the HMAC secret: %w", err)
	}
	secret, err = checkSecret("HMAC secret "+path, string(b))
	return secret, path, err
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

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

// Keys says how API keys become ids, which customer an id belongs to, and how much each
// may ask.
type Keys struct {
	Secret, SecretFile string
	Labels             string // CSV file, "" for none
	Limits             string // limits file, "" for none
}

func keysOptions(c *Config) []Option {
	return []Option{
		{Name: "hmac-secret", Set: SetHMAC, NoFlag: true, Mask: maskAll,
			Help:  "secret that API keys are hashed with, at least 16 characters; all instances that write to one database need the same",
			value: text{&c.Keys.Secret}},
		{Name: "hmac-secret-file", Set: SetHMAC, Type: "file",
			Help:  "file that holds the secret that API keys are hashed with; created on first use (default: a file in --data, else in your configuration directory; see statline key-id --help)",
			value: text{&c.Keys.SecretFile}},
		{Name: "key-labels", Set: SetLabels, Type: "file", Reload: true,
			Help:  "CSV file of key_id,name that names the customer of each key; statline key-id prints a key's id",
			value: text{&c.Keys.Labels}},
		{Name: "limits-file", Set: SetLimits, Type: "file", Reload: true,
			Help:  "YAML file of the rate limits of customers, keys and tiers, for responses that do not state them",
			value: text{&c.Keys.Limits}},
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

const secretName = "hmac-secret"

// HMAC is the secret that turns API keys into key ids. Without one it is made
// and kept with mode 0600: in the file named, else in the user's configuration
// directory. A data directory keeps a copy of the user's, so that its ids are
// the same wherever it is moved to.
func (c *Config) HMAC() ([]byte, error) {
	secret, path, err := c.FindHMAC()
	if err != nil || path == "" {
		return secret, err
	}
	if secret == nil {
		if err := keepNew(path, randomSecret()); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("save the HMAC secret: %w", err)
		}
		if secret, _, err = c.FindHMAC(); err != nil { // ours, or that of an instance that was first
			return nil, err
		}
	}
	if c.Local.Data != "" && c.Keys.SecretFile == "" {
		if err := keepNew(filepath.Join(c.Local.Data, secretName), string(secret)); err != nil &&
			!errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("save the HMAC secret in the data directory: %w", err)
		}
	}
	return secret, nil
}

// FindHMAC is the secret when there is one, and the file that it is kept in or
// would be made in, "" when it was given itself. It writes nothing. The first
// counts: hmac-secret or the file named, the data directory's, the user's.
func (c *Config) FindHMAC() (secret []byte, path string, err error) {
	if c.Keys.Secret != "" {
		secret, err = checkSecret("hmac-secret", c.Keys.Secret)
		return secret, "", err
	}
	if c.Keys.SecretFile != "" {
		secret, err = readSecret(c.Keys.SecretFile)
		return secret, c.Keys.SecretFile, err
	}
	if c.Local.Data != "" {
		path = filepath.Join(c.Local.Data, secretName)
		if secret, err = readSecret(path); secret != nil || err != nil {
			return secret, path, err
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, "",
			fmt.Errorf("no directory for the HMAC secret: %w; name a file with --hmac-secret-file, or set STATLINE_HMAC_SECRET", err)
	}
	path = filepath.Join(dir, "statline", secretName)
	secret, err = readSecret(path)
	return secret, path, err
}

// readSecret reads the secret in a file, nil when there is no such file.
func readSecret(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the HMAC secret: %w", err)
	}
	return checkSecret("HMAC secret "+path, string(b))
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
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
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

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Other machines reach the console with a token and TLS only, this one always.
func TestServable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		console Console
		address string
		tls     bool
		want    string // in the error, "" for none
	}{
		{Console{}, "127.0.0.1:8080", false, ""},
		{Console{}, "[::1]:8080", false, ""},
		{Console{}, "localhost:8080", false, ""},
		{Console{}, "0.0.0.0:8080", true, "need a token"},
		{Console{}, ":8080", true, "need a token"},
		{Console{}, "statline.example:8080", true, "need a token"},
		{Console{}, "8080", true, "host:port"},
		{Console{TokenFile: file}, "0.0.0.0:8080", false, "without TLS"},
		{Console{TokenFile: file}, "0.0.0.0:8080", true, ""},
		{Console{TokenFile: file, Insecure: true}, ":8080", false, ""},
		{Console{Token: "0123456789abcdef", Insecure: true}, ":8080", false, ""},
		{Console{TokenFile: file + "2", Insecure: true}, ":8080", false, "no such file"},
	} {
		err := c.console.Servable(c.address, c.tls)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v on %s, TLS %v: got %v; want %q", c.console, c.address, c.tls, err, c.want)
		}
	}
	refused(t, "console-write: true\n", nil, "console-write: got no token; set console-token-file")
	refused(t, "console-token: short\n", nil, "console-token: got 5 characters; want at least 16")
}

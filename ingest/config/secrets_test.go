package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every secret is listed, wherever it stands: in a value, a file, the user, path
// or query of an address, as written and decoded. What is shown is none.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := loaded(t, `kafka-sasl: plain
kafka-user: alice
kafka-password-file: `+file("kafka", "kafka-swordfish")+`
clickhouse: "clickhouse://bob:click%3Ahouse@ch.example:9000/db?dial_timeout=5s&token=query-secret"
listen-token-file: `+file("listen", "listen-token-0123456789")+`
console-token-file: `+file("console", "console-token-0123456789")+`
hmac-secret: hmac-secret-of-this-test
webhook: https://hooks.example.com/services/T012345/xyzzyplugh
alertmanager: http://ops:open-sesame@am.example:9093
kafka-token-url: https://id:client-secret@idp.example/token
`, nil, nil)
	got := c.Secrets()
	for _, want := range []string{"kafka-swordfish", "click%3Ahouse", "query-secret", "listen-token-0123456789",
		"console-token-0123456789",
		"hmac-secret-of-this-test", "T012345", "xyzzyplugh", "open-sesame", "client-secret"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	for _, s := range got {
		for _, harmless := range []string{"ch.example", "hooks.example.com", "am.example", "bob", "5s", "9093"} {
			if strings.Contains(harmless, s) {
				t.Errorf("%q is no secret", s)
			}
		}
	}
	if !slices.IsSortedFunc(got, func(a, b string) int { return len(b) - len(a) }) {
		t.Errorf("got %q; want the longest first", got)
	}
}

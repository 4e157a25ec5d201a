package decode

import (
	"encoding/base64"
	"net/url"
	"os"
	"strings"
	"testing"
)

// secrets are forty keys, tokens and passwords of the kinds that people use.
// The end-to-end tests plant the same.
func secrets(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/secrets/secrets.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// places are lines with a secret where gateways put one: § is the secret, ¶ the
// same percent-encoded, and what stands between ⟦ and ⟧ is encoded in base64.
func places(t testing.TB) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/secrets/places.tsv")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(b)) {
		name, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || all[name] != "" {
			t.Fatalf("got line %q; want a new name, a tab and a line", line)
		}
		all[name] = text
	}
	return all
}

// plant puts a secret into a place; ok is false when it cannot stand there: as
// it is, it would be two parameters or no user info.
func plant(place, secret string) (line string, ok bool) {
	if strings.Contains(secret, "&") && strings.Contains(place, "?") && strings.Contains(place, "§") ||
		strings.Contains(secret, "/") && strings.Contains(place, "@") {
		return "", false
	}
	line = strings.NewReplacer("§", secret, "¶", url.QueryEscape(secret)).Replace(place)
	for {
		before, rest, ok := strings.Cut(line, "⟦")
		if !ok {
			return line, true
		}
		inner, after, _ := strings.Cut(rest, "⟧")
		inner = strings.ReplaceAll(inner, `\r\n`, "\r\n")
		line = before + base64.StdEncoding.EncodeToString([]byte(inner)) + after
	}
}

// Nothing of a secret leaves the decoder, wherever it stood.
func TestPlantedSecrets(t *testing.T) {
	all, places := secrets(t), places(t)
	if len(all) < 40 || len(places) < 45 {
		t.Fatalf("got %d secrets in %d places; want 40 in 45", len(all), len(places))
	}
	d := newTest(t, Config{})
	for place, line := range places {
		for _, secret := range all {
			planted, ok := plant(line, secret)
			if !ok {
				continue
			}
			var c collector
			d.Decode([]byte(planted), &c)
			if len(c.all) == 0 {
				t.Fatalf("%s: nothing came out", place)
			}
			for _, g := range c.all {
				for _, f := range fields(g) {
					if strings.HasPrefix(f, "Key ") || strings.HasPrefix(f, "Format ") ||
						strings.HasPrefix(f, "Reason ") {
						continue
					}
					if part := leaked(f, secret); part != "" {
						t.Errorf("%s: %q of secret %q is in %s", place, part, secret, f)
					}
				}
			}
		}
	}
}

// leaked finds nine characters of the secret in a row, the whole of a short
// one.
func leaked(text, secret string) string {
	const n = 9
	if len(secret) <= n {
		if strings.Contains(text, secret) {
			return secret
		}
		return ""
	}
	for i := 0; i+n <= len(secret); i++ {
		if part := secret[i : i+n]; strings.Contains(text, part) && !strings.Contains("horse-battery-staple", part) ||
			strings.Contains(text, secret) {
			return part
		}
	}
	return ""
}

// A key in whatever place gives the id that statline key-id prints.
func TestKeysAreFound(t *testing.T) {
	for place, line := range places(t) {
		if strings.HasPrefix(place, "reject") {
			continue
		}
		switch place {
		case "statline message =", "statline agent", "combined password", "statline agent bearer", "combined absolute":
			continue // no key in these, or not the first
		}
		line, _ = plant(line, "sesame-street-1")
		g := one(t, Config{}, line)
		if g.Key != keyOf("sesame-street-1") {
			t.Errorf("%s: got key %q of %+v", place, g.Key, g)
		}
	}
	// A name of the user's own.
	g := one(t, Config{KeyNames: []string{"X-Team-Pass"}},
		`{"started_at":1772366400250,"latencies":{"request":1},"request":{"uri":"/a","headers":{"x-team-pass":"sesame-street-1"}},"response":{"status":200}}`)
	if g.Key != keyOf("sesame-street-1") {
		t.Errorf("own name: got key %q", g.Key)
	}
	// An id that is the key itself is none.
	g = one(t, Config{}, `{"ts":1772366400,"status":200,"api_key":"sesame-street-1","key_id":"sesame-street-1"}`)
	if g.Key != keyOf("sesame-street-1") || g.KeyName != "" {
		t.Errorf("key as id: got %q, %q", g.Key, g.KeyName)
	}
	// The gateway's own id is preferred.
	g = one(t, Config{}, `{"ts":1772366400,"status":200,"api_key":"sesame-street-1","key_id":"k-1"}`)
	if g.Key != keyOf("id:k-1") || g.KeyName != "k-1" {
		t.Errorf("key id: got %q, %q", g.Key, g.KeyName)
	}
}

// Words that are no secrets stay readable.
func TestScrubLeavesProse(t *testing.T) {
	names := newSecretNames(nil)
	for _, text := range []string{
		"Invalid API key: You must be granted a valid key.",
		"Suspended API key: Access to your account has been suspended, contact TMDb.",
		"Your request count (41) is over the allowed limit of (40).",
		"Invalid request token: The request token is either expired or invalid.",
		"You must confirm this action: Please provide a confirm=true parameter.",
		"Invalid date range: Should be a range no longer than 14 days.",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 6_0 like Mac OS X) AppleWebKit/536.26 (KHTML, like Gecko) Version/6.0 Mobile/10A5376e Safari/8536.25 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Feedfetcher-Google; (+http://www.google.com/feedfetcher.html; 16 subscribers; feed-id=3389821348893992437)",
		"InternalServerErrorException",
	} {
		if got := string(names.scrub(nil, []byte(text), false)); got != text {
			t.Errorf("got %q; want %q", got, text)
		}
	}
}

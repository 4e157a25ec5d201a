//go:build bites

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hidden are the functions of ingest/decode that hide keys and secrets, and what
// they do instead in a build that hides none.
var hidden = []struct{ file, function, instead string }{
	{"key.go", "func (k *keyring) hmac(prefix, key []byte) classify.KeyID {",
		"return classify.KeyID(append([]byte(string(prefix)+string(key)), make([]byte, 16)...))"},
	{"scrub.go", "func (s *secretNames) scrub(dst, b []byte, strict bool) []byte {", "return append(dst, b...)"},
	{"secret.go", "func (s *secretNames) sensitive(key []byte) bool {", "return false"},
	{"secret.go", "func looksSecret(w []byte) bool {", "return false"},
	{"finish.go", "func (d *Decoder) hide(text *[]byte, key []byte) {", "return"},
}

// hidesNothing writes what go build -overlay reads: the files with those functions
// changed.
func hidesNothing(t *testing.T) (overlay string) {
	dir := t.TempDir()
	replace := map[string]string{}
	for _, h := range hidden {
		path, err := filepath.Abs(filepath.Join(root, "ingest/decode", h.file))
		if err != nil {
			t.Fatal(err)
		}
		from := path
		if replace[path] != "" {
			from = replace[path] // the second function of a file
		}
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		before, after, ok := strings.Cut(string(b), h.function)
		if !ok {
			t.Fatalf("%s has no %q", h.file, h.function)
		}
		replace[path] = filepath.Join(dir, h.file)
		changed := before + h.function + "\nif true {\n" + h.instead + "\n}" + after
		if err := os.WriteFile(replace[path], []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// The searches for keys and secrets find them in a build that hides none: it
// would be no proof that they find nothing elsewhere if they could not.
func TestSearchBites(t *testing.T) {
	open := filepath.Join(t.TempDir(), "statline-open")
	build := exec.Command("go", "build", "-pgo=off", "-overlay", hidesNothing(t), "-o", open, "./cmd/statline")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Run("keys", func(t *testing.T) {
		found := leaks(t, open)
		for _, want := range []string{"table keys", "the report"} {
			if found[want] == "" {
				t.Errorf("no key found in %s although nothing hides them: the search is blind", want)
			}
		}
	})
	t.Run("secrets", func(t *testing.T) {
		found := plantedLeaks(t, open)
		files := 0
		for where := range found {
			if strings.HasPrefix(where, "file ") {
				files++
			}
		}
		for _, want := range []string{"table keys", "table samples", "table rejected_lines", "table responses",
			"report",
			"report --json", "rejects list", "rejects list --json", "rejects show", "probe", "probe --json",
			"analyze --json"} {
			if found[want] == "" {
				t.Errorf("no secret found in %s although nothing hides them: the search is blind", want)
			}
		}
		if files == 0 {
			t.Error("no secret found in the engine's files although nothing hides them: the search is blind")
		}
	})
}

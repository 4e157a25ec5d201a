//go:build bites

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The searches for keys and secrets find them in a build that hides none: it
// would be no proof that they find nothing elsewhere if they could not.
func TestSearchBites(t *testing.T) {
	open := filepath.Join(t.TempDir(), "statline-nohmac")
	build := exec.Command("go", "build", "-pgo=off", "-tags", "nohmac", "-o", open, "./cmd/statline")
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

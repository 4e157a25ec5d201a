//go:build systemd

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// systemd itself finds no fault in the unit; each variable in it is a setting,
// and a misspelt directive is found.
func TestSystemdUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/systemd/statline.service"))
	if err != nil {
		t.Fatal(err)
	}
	example := must(t, "config", "example").stdout
	variables := regexp.MustCompile(`(?m)^#?Environment=(STATLINE_\w+)=%d/([\w-]+)$`).
		FindAllStringSubmatch(string(text), -1)
	if len(variables) < 3 {
		t.Fatalf("found %d variables; the test reads the unit wrongly", len(variables))
	}
	for _, v := range variables {
		setting := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(v[1], "STATLINE_"), "_", "-"))
		if !strings.Contains(example, setting+":") &&
			!strings.Contains(example, strings.ReplaceAll(setting, "-", "_")+":") {
			t.Errorf("%s is no setting", v[1])
		}
		if !strings.Contains(string(text), "LoadCredential="+v[2]+":") {
			t.Errorf("%s: the credential %s is not loaded", v[1], v[2])
		}
	}
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal(err)
	}
	installed := strings.ReplaceAll(string(text), "/usr/local/bin/statline", binary)
	for name, unit := range map[string]string{"": installed,
		"misspelt": strings.Replace(installed, "WatchdogSec", "WatchdogSecs", 1)} {
		path := filepath.Join(t.TempDir(), "statline.service")
		if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), tool, "verify", path).CombinedOutput()
		if fault := err != nil || len(out) > 0; fault != (name != "") {
			t.Errorf("%q: %v %s", name, err, out)
		}
	}
}

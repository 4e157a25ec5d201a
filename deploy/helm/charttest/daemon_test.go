package charttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

// The daemon itself takes the variables and the file that the chart gives it; only
// the folder differs. A misspelt one it would refuse.
func TestDaemonTakesTheSettings(t *testing.T) {
	const binary = "../../../bin/statline" // make build
	eachSet(t, func(t *testing.T, m *manifest) {
		_, c := container(t, m)
		dir := t.TempDir()
		text := "zone: UTC\n"
		if file, ok := m.objects["ConfigMap/"+name].(*core.ConfigMap); ok {
			text = file.Data["statline.yaml"]
		}
		config := filepath.Join(dir, "statline.yaml")
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
			t.Fatal(err)
		}
		env := []string{"HOME=" + dir, "NO_COLOR=1"}
		for _, e := range c.Env {
			path := strings.Replace(e.Value, "/etc/statline/", dir+"/", 1)
			if path != e.Value {
				if err := os.WriteFile(path, []byte("sesame-street-sesame-street\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			env = append(env, e.Name+"="+path)
		}
		show := func(env []string) (string, error) {
			cmd := exec.CommandContext(t.Context(), binary, "config", "show", "--config", config)
			cmd.Env = env
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		out, err := show(env)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, e := range c.Env {
			if strings.HasPrefix(e.Name, "STATLINE_") && !strings.Contains(out, "environment "+e.Name+"\n") {
				t.Errorf("%s=%s is not in force:\n%s", e.Name, e.Value, out)
			}
		}
		if out, err := show(append(env, "STATLINE_BROKRS=kafka:9092")); err == nil ||
			!strings.Contains(out, "STATLINE_BROKRS") {
			t.Errorf("STATLINE_BROKRS is taken: %v\n%s", err, out)
		}
	})
}

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// unpacked are the files of an archive of diag.
func unpacked(t *testing.T, path string) map[string]string {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".gz") {
			profile, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = io.ReadAll(profile); err != nil {
				t.Fatal(err)
			}
		}
		files[strings.TrimPrefix(h.Name, "statline-diag/")] = string(data)
	}
}

// diag of a daemon at work holds what a bug report needs, and none of the secrets
// that stand in its settings; of one that is away it holds the rest, and says so.
// The level of the log follows a request.
// Long because it is one story, told in its order.
func TestDiag(t *testing.T) {
	t.Parallel()
	secrets := []string{"click:house/p@ss&word", "swordfish-0123456789-one", "marlin-9876543210-two-two",
		"hook-T012345-B0987-xyzzyplugh", "alert-password-open-sesame", "hash-every-key-with-this-one"}
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 2000)
	dir, listen := t.TempDir(), freeAddress(t)
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	settings := file("statline.yaml", fmt.Sprintf(`brokers: [%q]
topic: access
clickhouse: %q
listen: %q
listen-token-file: %q
console-token-file: %q
hmac-secret-file: %q
webhook: %q
alertmanager: %q
`, kafka, strings.Replace(clickhouse, "http://", "http://default:click%3Ahouse%2Fp%40ss%26word@", 1), listen, file("token", secrets[1]), file("console", secrets[2]),
		file("hmac", secrets[5]), "https://hooks.example.com/services/"+secrets[3], "http://ops:"+secrets[4]+"@127.0.0.1:1"))
	d := start(t, "", "run", "--config", settings)
	ask := func(method, path string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Statline-Control", "1")
		r.Header.Set("Authorization", "Bearer "+secrets[1])
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	eventually(t, time.Minute, "every record is stored", func() bool {
		_, text := ask("GET", "/metrics")
		return strings.Contains(text, "\nstatline_records_total 2000\n")
	})

	if status, body := ask("POST", "/-/log-level?level=loud"); status != 422 ||
		!strings.Contains(body, "debug, info, warn, error") {
		t.Errorf("an unknown level: got %d %s", status, body)
	}
	if status, body := ask("POST", "/-/log-level?level=debug&for=3s"); status != 200 ||
		!strings.Contains(body, `"log_level":"debug"`) {
		t.Errorf("debug for three seconds: got %d %s", status, body)
	}

	check := func(path string, parts ...string) map[string]string {
		t.Helper()
		files := unpacked(t, path)
		for _, p := range parts {
			name, text, _ := strings.Cut(p, " ")
			if !strings.Contains(files[name], text) {
				t.Errorf("%s lacks %q: %.300s", name, text, files[name])
			}
		}
		look := newNeedles(secrets)
		for name, text := range files {
			if secret := look.in(text); secret != "" {
				t.Errorf("a piece of %s stands in %s", secret, name)
			}
		}
		return files
	}
	first, second := filepath.Join(dir, "first.tar.gz"), filepath.Join(dir, "second.tar.gz")
	r := must(t, "diag", "--config", settings, "--out", first, "--profile", "1s")
	files := check(first, "version.json decoder", "config.json ***", "environment.txt STATLINE_ENGINE",
		"daemon/healthz.txt ok", "daemon/readyz.json ready",
		"daemon/metrics.txt statline_records_total 2000", "daemon/config.json ***",
		"daemon/goroutines.txt statline/ingest", "daemon/heap.pb.gz statline", "daemon/cpu.pb.gz samples",
		"check.json group", "store/storage.json responses_hour", "store/audit.json \"ok\": true")
	if files["errors.txt"] != "" || r.stderr != "" {
		t.Errorf("got errors %s, %s", files["errors.txt"], r.stderr)
	}
	if again := run(t, nil, "diag", "--config", settings, "--out", first); again.err == nil ||
		!strings.Contains(again.stderr, "exists") {
		t.Errorf("an archive that is there: got %v, %s", again.err, again.stderr)
	}
	d.terminate(t, 10*time.Second)
	if secret := newNeedles(secrets).in(d.logged()); secret != "" {
		t.Errorf("the log holds a piece of %s", secret)
	}
	r = must(t, "diag", "--config", settings, "--out", second)
	check(second, "errors.txt daemon: nothing answers on ", "check.json group", "store/audit.json ok")
	if strings.Count(r.stderr, "nothing answers on ") != 1 || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("it does not say once what it lacks: %s", r.stderr)
	}
}

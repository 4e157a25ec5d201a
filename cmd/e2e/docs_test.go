package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// shellLines lists the commands of a page's sh blocks, without comments.
func shellLines(page string) []string {
	var lines []string
	in := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			in = line == "```sh"
		case in && line != "" && !strings.HasPrefix(line, "#"):
			command, _, _ := strings.Cut(line, "  #")
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	return lines
}

// Every command that the README shows works as shown: only the addresses of the
// servers are replaced by those of a sandbox. make's targets are checked to
// exist; the tests and the demo that they start are this run and another test.
func TestReadmeCommandsWork(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	lines := shellLines(string(page))
	if len(lines) < 8 {
		t.Fatalf("found %d commands in the README; the test reads it wrongly", len(lines))
	}
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 2000)
	must(t, "migrate", "--clickhouse", clickhouse)
	address := strings.NewReplacer(
		"clickhouse://statline:secret@clickhouse:9000/statline", clickhouse,
		"http://127.0.0.1:18123", clickhouse, "kafka:9092", kafka,
	)
	second := strings.NewReplacer("--kafka 127.0.0.1:19092", "--kafka "+freeAddress(t), "--clickhouse 127.0.0.1:18123", "--clickhouse "+freeAddress(t),
		"--listen 127.0.0.1:8081", "--listen "+freeAddress(t), "127.0.0.1:19092", kafka)
	dir := docsFolder(t)
	for _, line := range lines {
		if target, ok := strings.CutPrefix(line, "make "); ok {
			target, _, _ = strings.Cut(target, " ")
			if !bytes.Contains(makefile, []byte("\n"+target+":")) {
				t.Errorf("%s: the Makefile has no target %s", line, target)
			}
			continue
		}
		runShown(t, dir, second.Replace(address.Replace(line)))
	}
}

// The README's way to see customers instead of ids, run by somebody who has run
// nothing else, shows the customer.
func TestReadmeShowsTheCustomer(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "### See customers instead of ids\n")
	section, _, ok2 := strings.Cut(section, "\n### ")
	if !ok || !ok2 {
		t.Fatal("the README has no section about customers")
	}
	dir := docsFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "access.log"), refusedLines(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(shellLines(section), "\n"))
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "STATLINE_ENGINE="+enginePath(t), "API_KEY=sesame-street-1", "NO_COLOR=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ACME, Inc. (") {
		t.Errorf("%v: no customer in\n%s", err, out)
	}
}

// runShown runs one command line; a daemon is stopped after a while, as with
// Ctrl-C.
func runShown(t *testing.T, dir, line string) {
	t.Helper()
	line, background := strings.CutSuffix(line, "&")
	page := strings.Contains(line, "statline console ") || strings.Contains(line, " --serve ")
	stays := page || background || strings.Contains(line, "statline run ") && !strings.Contains(line, "--until-caught-up")
	limit := 2 * time.Minute
	if stays && !page {
		limit = 6 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", "set -o pipefail; exec 2>&1; "+strings.Replace(line, "bin/statline", "exec bin/statline", boolToInt(stays)))
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "STATLINE_ENGINE="+enginePath(t), "STATLINE_LISTEN="+freeAddress(t), "API_KEY=sesame-street", "NO_COLOR=1")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 20 * time.Second
	out := &daemon{}
	c.Stdout, c.Stderr = out, out
	if page { // it has served once it tells where
		go func() {
			for ctx.Err() == nil && !strings.Contains(out.logged(), "http://") {
				time.Sleep(20 * time.Millisecond)
			}
			cancel()
		}()
	}
	err := c.Run()
	if err != nil && !(stays && ctx.Err() != nil && c.ProcessState != nil && c.ProcessState.ExitCode() == 0) || page && !strings.Contains(out.logged(), "http://") {
		t.Errorf("%s: %v\n%s", line, err, tail(out.logged(), 2000))
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// docsFolder is a folder with what the README's commands name.
func docsFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, _ := accessLog(500)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, codes, ok := strings.Cut(string(page), "# my-codes.yaml\n")
	codes, _, ok2 := strings.Cut(codes, "```")
	if !ok || !ok2 {
		t.Fatal("the README shows no my-codes.yaml")
	}
	for name, data := range map[string][]byte{"access.log": text, "old/a.gz": packed.Bytes(), "my-codes.yaml": []byte(codes)} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "bin", "statline")); err != nil {
		t.Fatal(err)
	}
	return dir
}

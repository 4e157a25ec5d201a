package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// shellLines lists the commands of a page's sh blocks, without comments; one with a
// here-document has its lines with it.
func shellLines(page string) []string {
	var lines []string
	in, here := false, false
	for line := range strings.Lines(page) {
		if here {
			last := &lines[len(lines)-1]
			*last += "\n" + strings.TrimRight(line, "\n")
			here = strings.TrimSpace(line) != "EOF"
			continue
		}
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			in = line == "```sh"
		case in && line != "" && !strings.HasPrefix(line, "#"):
			command, _, _ := strings.Cut(line, "  #")
			lines = append(lines, strings.TrimSpace(command))
			here = strings.HasSuffix(command, "<<'EOF'")
		}
	}
	return lines
}

// guide is the page of all tasks; the README has the first ten.
const guide = "cmd/statline/README.md"

// Every command that the first pages and the guide show works as shown: only the
// addresses of the servers are replaced by those of a sandbox. make's targets are
// checked to exist; the tests and the demo that they start are this run and
// another test.
func TestReadmeCommandsWork(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, page := range append(slices.Clone(firstPages), guide) {
		for _, line := range shellLines(readPage(t, page)) {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) < 30 {
		t.Fatalf("found %d commands; the test reads the pages wrongly", len(lines))
	}
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 2000)
	must(t, "migrate", "--clickhouse", clickhouse)
	address := addressesOf(kafka, clickhouse)
	second := strings.NewReplacer("--kafka 127.0.0.1:19092", "--kafka "+freeAddress(t), "--clickhouse 127.0.0.1:18123",
		"--clickhouse "+freeAddress(t),
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

// addressesOf replaces the servers of the pages by a sandbox's.
func addressesOf(kafka, clickhouse string) *strings.Replacer {
	return strings.NewReplacer(
		"clickhouse://statline:secret@clickhouse:9000/statline", clickhouse,
		"http://127.0.0.1:18123", clickhouse, "kafka:9092", kafka,
	)
}

// Every output that the README shows is what its command prints for the log that
// the README names: each line, in this order, where "…" stands for anything.
func TestReadmeOutputsAreReal(t *testing.T) {
	t.Parallel()
	page := readPage(t, "README.md")
	generate := regexp.MustCompile("`(bin/statline generate [^`]*)`").FindStringSubmatch(page)
	shown := regexp.MustCompile("(?s)```sh\n(bin/statline|printf)(.*?)```\n```text\n(.*?)```").
		FindAllStringSubmatch(page, -1)
	if generate == nil || len(shown) != 10 {
		t.Fatalf("found %q and %d tasks with an output; want 10", generate, len(shown))
	}
	dir := docsFolder(t)
	secret := strings.Repeat("0123456789abcdef", 2)
	runShown(t, dir, generate[1])
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 2000)
	must(t, "migrate", "--clickhouse", clickhouse)
	for _, task := range shown {
		var out strings.Builder
		for line := range strings.Lines(task[1] + task[2]) {
			out.WriteString(runShown(t, dir, addressesOf(kafka, clickhouse).Replace(strings.TrimSpace(line)),
				"STATLINE_HMAC_SECRET="+secret))
		}
		if lacks := lacking(out.String(), task[3]); lacks != "" {
			t.Errorf("%s%s does not print, or not in this order\n%s\nbut\n%s", task[1], task[2], lacks, out.String())
		}
	}
}

// lacking is the first line of want that out lacks behind those before.
func lacking(out, want string) string {
	lines := strings.Split(out, "\n")
	for line := range strings.Lines(want) {
		line = strings.TrimRight(line, " \n")
		if line == "" || line == "…" {
			continue
		}
		like := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + " *$")
		i := slices.IndexFunc(lines, like.MatchString)
		if i < 0 {
			return line
		}
		lines = lines[i+1:]
	}
	return ""
}

// The guide's way to see customers instead of ids, run by somebody who has run
// nothing else, shows the customer.
func TestReadmeShowsTheCustomer(t *testing.T) {
	_, section, ok := strings.Cut(readPage(t, guide), "## See customers instead of ids\n")
	section, _, ok2 := strings.Cut(section, "\n## ")
	if !ok || !ok2 {
		t.Fatal("the guide has no section about customers")
	}
	dir := docsFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "access.log"), refusedLines(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(shellLines(section), "\n"))
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "STATLINE_ENGINE="+enginePath(t),
		"API_KEY=sesame-street-1", "NO_COLOR=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ACME, Inc. (") {
		t.Errorf("%v: no customer in\n%s", err, out)
	}
}

// runShown runs one command line and returns what it prints; a daemon is stopped
// after a while, as with Ctrl-C.
func runShown(t *testing.T, dir, line string, environ ...string) string {
	t.Helper()
	line, background := strings.CutSuffix(line, "&")
	page := strings.Contains(line, "statline console ") || strings.Contains(line, " --serve ")
	stays := page || background || strings.Contains(line, "statline run ") &&
		!strings.Contains(line, "--until-caught-up")
	limit := 2 * time.Minute
	if stays && !page {
		limit = 6 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", "set -o pipefail; exec 2>&1; "+strings.Replace(line, "bin/statline",
		"exec bin/statline", boolToInt(stays)))
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "STATLINE_ENGINE="+enginePath(t),
		"STATLINE_LISTEN="+freeAddress(t), "API_KEY=sesame-street", "NO_COLOR=1")
	c.Env = append(c.Env, environ...)
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
	return out.logged()
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// docsFolder is a folder with what the commands of README and guide name.
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
	_, codes, ok := strings.Cut(readPage(t, guide), "# my-codes.yaml\n")
	codes, _, ok2 := strings.Cut(codes, "```")
	if !ok || !ok2 {
		t.Fatal("the guide shows no my-codes.yaml")
	}
	for name, data := range map[string][]byte{"access.log": text, "old/a.gz": packed.Bytes(),
		"my-codes.yaml": []byte(codes)} {
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

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// firstPages are what a stranger reads first.
var firstPages = []string{"README.md", "ingest/README.md", "CONTRIBUTING.md"}

// Every file that the first pages name or link to is there, and every commit of a
// recipe is an ancestor.
func TestFirstPagesNameWhatThereIs(t *testing.T) {
	named := regexp.MustCompile("`((?:classify|cmd|dashboards|deploy|ingest|\\.ci)/[\\w./-]*)`")
	linked := regexp.MustCompile(`\]\(([^):#]+)`)
	files := 0
	for _, page := range firstPages {
		text := readPage(t, page)
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			files++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			files++
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
	if files < 80 {
		t.Errorf("found %d files; the test reads the pages wrongly", files)
	}
	recipes := regexp.MustCompile(`(?m)^\*\*An? [\w ]+\*\* \(([0-9a-f]{7})`).
		FindAllStringSubmatch(readPage(t, "CONTRIBUTING.md"), -1)
	if len(recipes) != 6 {
		t.Errorf("got %d recipes; want one for a format, a detector, a panel, a dimension, a rollup, a subcommand",
			len(recipes))
	}
	if shallow, err := git("rev-parse", "--is-shallow-repository"); err != nil || shallow != "false" {
		t.Logf("commits are not looked up: not a whole clone (%s, %v)", shallow, err)
		return
	}
	for _, m := range recipes {
		if _, err := git("merge-base", "--is-ancestor", m[1], "HEAD"); err != nil {
			t.Errorf("commit %s: %v", m[1], err)
		}
	}
}

// Every make target that the first pages name is there.
func TestFirstPagesNameTargets(t *testing.T) {
	makefiles := readPage(t, "Makefile")
	for _, m := range regexp.MustCompile(`(?m)^include (.*)$`).FindAllStringSubmatch(makefiles, -1) {
		makefiles += readPage(t, m[1])
	}
	named := 0
	for _, page := range firstPages {
		for _, m := range regexp.MustCompile("(?m)(?:`|^)make ([a-z][a-z-]*)").
			FindAllStringSubmatch(readPage(t, page), -1) {
			named++
			if !strings.Contains(makefiles, "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", page, m[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("found %d targets; the test reads the pages wrongly", named)
	}
}

// Every command inside a sentence of the first pages is there, with its flags; those
// in blocks are run by TestReadmeCommandsWork.
func TestFirstPagesNameCommands(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile("`(?:bin/)?statline ([a-z][^`]*)`")
	test := regexp.MustCompile("`go test \\./([\\w/]+) -run (\\w+) -([\\w-]+)[^`]*`")
	commands, tests := 0, 0
	for _, page := range firstPages {
		text := readPage(t, page)
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			commands++
			must(t, append(strings.Fields(m[1]), "--help")...)
		}
		for _, m := range test.FindAllStringSubmatch(text, -1) {
			tests++
			for _, want := range []string{"^func " + m[2] + `\(`, `flag\.\w+\("` + m[3] + `"`} {
				if _, err := git("grep", "-qE", want, "--", m[1]+"/*_test.go"); err != nil {
					t.Errorf("%s: %s: nothing is %s: %v", page, m[0], want, err)
				}
			}
		}
	}
	if commands < 3 || tests < 1 {
		t.Errorf("found %d commands and %d tests; the test reads the pages wrongly", commands, tests)
	}
}

func git(args ...string) (string, error) {
	c := exec.Command("git", args...)
	c.Dir = root
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The line whose life ingest/README.md tells is read and judged as it says.
func TestOneRecordsLife(t *testing.T) {
	_, line, ok := strings.Cut(readPage(t, "ingest/README.md"), "```json\n")
	line, _, ok2 := strings.Cut(line, "```")
	if !ok || !ok2 {
		t.Fatal("the page shows no record")
	}
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	probed := must(t, "probe", log).stdout
	for _, want := range []string{"statline  100 %", "code       25", "/3/movie/{id}"} {
		if !strings.Contains(probed, want) {
			t.Errorf("probe lacks %q:\n%s", want, probed)
		}
	}
	if analyzed := must(t, "analyze", log).stdout; !strings.Contains(analyzed, "rate_limited") ||
		!strings.Contains(analyzed, "41/40") || strings.Contains(analyzed, "sesame-street") {
		t.Errorf("analyze does not say what the page says:\n%s", analyzed)
	}
}

// CHANGELOG.md has the form of Keep a Changelog.
func TestChangelogHasItsForm(t *testing.T) {
	version := regexp.MustCompile(`^## \[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d\d-\d\d)?$`)
	lines := 0
	for line := range strings.Lines(readPage(t, "CHANGELOG.md")) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "## ") && !version.MatchString(line):
			t.Errorf("%q is no version", line)
		case strings.HasPrefix(line, "### ") && !slices.Contains(
			[]string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, line[len("### "):]):
			t.Errorf("%q is no kind of change", line)
		case strings.HasPrefix(line, "- "):
			lines++
		}
	}
	if lines < 150 {
		t.Errorf("found %d changes; the test reads the page wrongly", lines)
	}
}

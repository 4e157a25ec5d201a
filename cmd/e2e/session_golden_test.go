//go:build terminal

package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

var updateSession = flag.Bool("update", false, "write the golden files of the session")

// terminals are the sizes; the golden files of the others are told by how they differ
// from the first.
var terminals = []size{{80, 24}, {140, 45}}

type size struct{ width, height int }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.width, s.height) }
func (s size) golden() string { return filepath.Join("testdata", "terminal", s.String()+".txt") }

// play runs a step, checks it and returns what is compared.
func (s *tmuxSession) play(x step) string {
	s.t.Helper()
	p := s.typed(x)
	if len(p.wraps) > 0 && !x.data {
		s.t.Errorf("%s: the terminal cuts\n%s", x.line, strings.Join(p.wraps, "\n"))
	}
	text := s.masked(p.text)
	exit := text[strings.LastIndex(text, "[exit "):]
	switch lines := strings.Split(text, "\n"); {
	case x.quiet:
		text = exit
	case x.data && len(lines) > mostData:
		text = "…\n" + strings.Join(lines[len(lines)-mostData:], "\n")
	case x.varies:
		text = figures.ReplaceAllString(text, "#")
		text = regexp.MustCompile(`[█▉▊▋▌▍▎▏]+`).ReplaceAllString(text, "")
		text = regexp.MustCompile(`(?m)  +| +$`).ReplaceAllString(text, " ")
		text = text[:strings.LastIndex(text, "[exit ")] + exit
	}
	if before, ok := s.seen[text]; ok && strings.Count(text, "\n") > 3 {
		text = "(as " + before + ")\n" + exit
	} else {
		s.seen[text] = x.line
	}
	return x.line + "\n" + text
}

// mostData is how many lines of data are compared, the last ones: other tests read
// them all.
const mostData = 12

// figures are numbers, times, and ids beside them.
var figures = regexp.MustCompile(`[<(+-]?\b[0-9][0-9a-f.,:%TZ+-]*\b`)

// masked is what the terminal showed without what each run has of its own.
func (s *tmuxSession) masked(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	text = strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
	text = strings.NewReplacer(s.showing...).Replace(text)
	text = strings.NewReplacer(s.dir, "DIR", runtime.GOOS+"/"+runtime.GOARCH, "OS/ARCH").Replace(text)
	text = took.ReplaceAllString(text, "in # s")
	// As wide as what it stands for, so that what is beside it stays where it is.
	text = ofThisRun.ReplaceAllStringFunc(text, func(s string) string {
		if strings.Trim(s, "0123456789") == "" { // digits of a figure
			return s
		}
		return strings.Repeat("#", len(s))
	})
	return minutes.ReplaceAllStringFunc(text, func(minute string) string {
		at, err := time.Parse(time.DateOnly+" 15:04", minute)
		if err != nil || at.Before(s.began.Add(-time.Minute)) || at.After(time.Now()) {
			return minute
		}
		return "####-##-## ##:##"
	})
}

var (
	minutes = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d`)
	took    = regexp.MustCompile(`\bin \d+\.\d s\b`)
	// ofThisRun are hashes and the key that signs. Those of a configuration change with
	// the decoder.
	ofThisRun = regexp.MustCompile(`\b[0-9a-f]{16}\b|SHA256:[A-Za-z0-9+/]{43}`)
)

// asFirst stands for what the screen shows as that of the first size does.
var asFirst = "(as at " + terminals[0].String() + ")\n"

// compare compares the session with its golden file.
func (s *tmuxSession) compare(shown []string) {
	t, path := s.t, s.golden()
	var first []string
	if s.size != terminals[0] {
		first = readGolden(t, terminals[0])
	}
	if *updateSession {
		var text strings.Builder
		for i, x := range shown {
			if i < len(first) && first[i] == x {
				line, _, _ := strings.Cut(x, "\n")
				x = line + "\n" + asFirst
			}
			text.WriteString("$ " + x + "\n")
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := readGolden(t, s.size)
	if len(want) != len(shown) {
		t.Fatalf("%s has %d commands; the session %d: -update writes it anew", path, len(want), len(shown))
	}
	for i := range shown {
		if strings.HasSuffix(want[i], "\n"+asFirst) && i < len(first) {
			want[i] = first[i]
		}
		if shown[i] != want[i] {
			t.Errorf("got\n$ %s\nwant\n$ %s", shown[i], want[i])
		}
	}
}

// readGolden reads what each command of a golden file showed.
func readGolden(t *testing.T, of size) []string {
	t.Helper()
	text, err := os.ReadFile(of.golden())
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimPrefix(string(text), "$ "), "\n$ ")
	all[len(all)-1] = strings.TrimSuffix(all[len(all)-1], "\n")
	return all
}

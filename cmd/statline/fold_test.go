package main

import (
	"strings"
	"testing"
)

// Promise: a line that is wider than the terminal goes on at a word, below its text; a
// command line can be copied whole; a word that does not fit is not cut.
func TestFolding(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{prose("short", 10), "short"},
		{prose("a sentence of words", 0), "a sentence of words"},
		{prose("a sentence of words\nand more", 10), "a sentence\nof words\nand more"},
		{prose("  indented words go on", 12), "  indented\n  words go\n  on"},
		{prose("see http://127.0.0.1:18123/?query=SELECT+1 there", 12), "see\nhttp://127.0.0.1:18123/?query=SELECT+1\nthere"},
		{prose("  name    what it is for and what it costs you", 40),
			"  name    what it is for and what it\n          costs you"},
		{prose("ok    kafka     three brokers and one topic of", 42),
			"ok    kafka     three brokers and one\n                topic of"},
		{paragraphs("one two\nthree four\n\nfive:  six\nseven eight\nnine", 12),
			"one two\nthree four\n\nfive:  six\nseven eight\nnine"},
		{paragraphs("one two\nthree four", 20), "one two three four"},
		{shell("  statline x --a 'b c d' --e", 24), "  statline x --a \\\n      'b c d' --e"},
		{shell("  statline x --data dir    # why not", 24), "  # why not\n  statline x --data dir"},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
	line := `  statline receipt --data ./store --key "ACME, Inc." --from 2026-11-01 --to 2026-12-01 --write acme`
	for width := 20; width < 100; width++ {
		folded := shell(line, width)
		if got := strings.Join(strings.Fields(strings.ReplaceAll(folded, "\\\n", "")),
			" "); got != strings.TrimSpace(line) {
			t.Errorf("%d: got %s", width, got)
		}
		for line := range strings.SplitSeq(folded, "\n") {
			if len(line) > width {
				t.Errorf("%d: a line of %d:\n%s", width, len(line), folded)
			}
		}
	}
}

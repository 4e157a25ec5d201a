package main

import (
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
)

// A table fits every terminal from 80 to 200 columns and keeps every word; in a
// pipe each row is one line with the whole text.
func TestTableFits(t *testing.T) {
	path := "/3/movie/" + strings.Repeat("very-long-segment/", 6) + "end"
	rows := [][]string{
		{"time", "service", "outcome", "HTTP", "code", "latency", "key", "request", "message"},
		{"2026-03-01 12:00:00", "movies", "rate_limited", "429", "25", "12.3 ms", "k7f3q2mzpa", "GET " + path,
			"Your request count (90) is over the allowed limit of (40)."},
		{"2026-03-01 12:00:01", "tv", "timeout", "504", "24", "-", "", "GET /3", "short"},
	}
	right := "lllrrr"
	for width := 80; width <= 200; width++ {
		var b strings.Builder
		tableWithin(&b, width, "  ", right, rows)
		for line := range strings.Lines(b.String()) {
			if n := lipgloss.Width(strings.TrimRight(line, "\n")); n > width {
				t.Fatalf("%d columns: a line is %d wide:\n%s", width, n, b.String())
			}
		}
		for _, word := range []string{"k7f3q2mzpa", "rate_limited", "allowed", "short"} {
			if !strings.Contains(b.String(), word) {
				t.Errorf("%d columns: no %q in\n%s", width, word, b.String())
			}
		}
	}
	var b strings.Builder
	tableWithin(&b, 80, "  ", "lrrrrrrr", [][]string{
		{"service", "requests", "server-side failures", "timeouts", "since", "p50", "p95", "p99"},
		{"movies", "4,747", "0.06 %", "1", "02:59", "32.1 ms", "78.3 ms", "112 ms"}})
	if strings.Count(b.String(), "\n") != 3 {
		t.Errorf("names of columns are wrapped where they are wider than what is below: got\n%s", b.String())
	}
	b.Reset()
	table(&b, "", right, rows)
	if strings.Count(b.String(), "\n") != 3 || !strings.Contains(b.String(), path) {
		t.Errorf("in a pipe: got\n%s", b.String())
	}
	b.Reset()
	many := [][]string{strings.Fields("a b c d e f g h i j k l m"), strings.Fields(strings.Repeat("1234567890 ", 13))}
	tableWithin(&b, 80, "", "rrrrrrrrrrrrr", many)
	if strings.Count(b.String(), "\n") != 13 || !strings.Contains(b.String(), "m  1234567890") {
		t.Errorf("what cannot fit is a list of names and values: got\n%s", b.String())
	}
}

// Promise: a word that has room on a line is not cut, whatever stands in it; a longer
// one goes on below where its parts meet.
func TestFolded(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"refused 76 times since 2026-11-30T23:41:00Z", 30, "refused 76 times since\n2026-11-30T23:41:00Z"},
		{"at 198.19.223.173 or api.example.com", 20, "at 198.19.223.173 or\napi.example.com"},
		{"detect.credential_stuffing.slow_quiet_minutes", 30, "detect.credential_stuffing.\nslow_quiet_minutes"},
		{"access/3@1041 is at /3/movie/550/credits", 16, "access/3@1041 is\nat /3/movie/550/\ncredits"},
		{"\x1b[31mred-hot words\x1b[m", 8, "\x1b[31mred-hot\x1b[m\n\x1b[31mwords\x1b[m"},
	} {
		if got := strings.Join(folded(c.text, c.width), "\n"); got != c.want {
			t.Errorf("%q in %d: got %q; want %q", c.text, c.width, got, c.want)
		}
	}
}

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Times and filters mean the same to every command that asks, also to analyze of a
// file.
// Long because it is one table.
func TestAskAlike(t *testing.T) {
	t.Setenv("STATLINE_HMAC_SECRET", "0123456789abcdef0123456789abcdef")
	var log strings.Builder
	add := func(n int, hour int, service, rest string) {
		for i := range n {
			fmt.Fprintf(&log,
				`{"ts":"2026-03-01T%02d:00:%02dZ","service":"%s","method":"GET","path":"/3/%s/%d",%s}`+"\n", hour, i,
				service,
				service, i+100, rest)
		}
	}
	const limited = `"status":429,"code":25,"message":"Your request count (90) is over the allowed limit of (40).","api_key":"sesame-street-1"`
	add(10, 11, "movie", `"status":504`)
	add(5, 11, "tv", limited)
	add(20, 12, "movie", `"status":504`)
	add(5, 12, "tv", `"status":200`)
	file, dir := write(t, "a.log", []byte(log.String())), filepath.Join(t.TempDir(), "store")
	must(t, "analyze", "--data", dir, file)
	d := start(t, "", "sandbox", "--kafka", "", "--clickhouse", freeAddress(t), "--data", dir)
	d.waitFor(t, "ready", time.Minute)
	type compared struct {
		report
		Who []struct {
			Key string `json:"key_id"`
		} `json:"who"`
		Before *struct {
			Changes []struct {
				Requests       uint64
				RequestsBefore uint64 `json:"requests_before"`
			}
		}
	}
	ask := func(args ...string) compared {
		t.Helper()
		return decodeJSON[compared](t, must(t, append(args, "-o", "json")...).stdout)
	}
	key := ask("report", "--data", dir, "--from", "2h").Who[0].Key[:8]
	for _, c := range []struct {
		want, failed uint64
		args         string
	}{
		{40, 35, "--from 2h"},
		{40, 35, "--since 2026-03-01"},
		{25, 20, "--since 1h"},
		{15, 15, "--from 2h --to 30m"},
		{15, 15, "--from 2026-03-01T11:00 --to 2026-03-01T12:00:00Z"},
		{15, 15, "--from 2026-03-01T12:00:00+01:00 --to 2026-03-01T13:00:00+01:00"},
		{10, 5, "--from 2h --service tv"},
		{30, 30, "--from 2h --outcome timeout"},
		{5, 5, "--from 2h --code 25"},
		{10, 5, "--from 2h --route /3/tv/{id}"},
		{5, 5, "--from 2h --key KEY"},
		{0, 0, "--from 1h --key KEY"},
	} {
		c.args = strings.Replace(c.args, "KEY", key, 1)
		args := strings.Fields(c.args)
		got := ask(append([]string{"report", "--data", dir}, args...)...)
		if got.Responses != c.want {
			t.Errorf("report %s: got %d responses; want %d", c.args, got.Responses, c.want)
		}
		if c.want%10 == 5 { // half of them: an analysis starts an engine
			if got := ask(append([]string{"analyze", file}, args...)...); got.Responses != c.want {
				t.Errorf("analyze %s: got %d responses; want %d", c.args, got.Responses, c.want)
			}
		}
		lines := must(t, append([]string{"samples", "--data", dir, "--limit", "1000", "--json"}, args...)...).stdout
		if n := strings.Count(lines, "\n"); (n > 0) != (c.failed > 0) || uint64(n) > c.failed {
			t.Errorf("samples %s: got %d lines of %d failures", c.args, n, c.failed)
		}
	}
	for _, how := range []string{"previous", "1h"} {
		got := ask("report", "--data", dir, "--from", "2026-03-01T12:00", "--to", "2026-03-01T13:00", "--compare", how)
		if got.Before == nil || got.Before.Changes[0].Requests != 25 || got.Before.Changes[0].RequestsBefore != 15 {
			t.Errorf("--compare %s: got %+v; want 25 and 15", how, got.Before)
		}
	}
	type tallies []struct {
		Name   string
		N      uint64  `json:"count"`
		Before *uint64 `json:"count_before"`
	}
	compare := []string{"--data", dir, "--from", "2026-03-01T12:00", "--to", "2026-03-01T13:00", "--compare",
		"previous", "-o", "json"}
	counted := decodeJSON[struct {
		ByOutcome tallies `json:"by_outcome"`
		ByService tallies `json:"by_service"`
	}](t, must(t, append([]string{"samples", "--limit", "1"}, compare...)...).stdout)
	if o, s := counted.ByOutcome, counted.ByService; len(o) != 2 || len(s) != 2 || o[0].Name != "timeout" ||
		o[0].N == 0 || *o[0].Before == 0 ||
		s[1].Name != "tv" || s[1].N != 0 || *s[1].Before == 0 {
		t.Errorf("samples --compare: got %+v", counted)
	}
	if got := must(t, append([]string{"incidents"}, compare...)...).
		stdout; !strings.Contains(got, `"from": "2026-03-01T11:00:00Z"`) {
		t.Errorf("incidents --compare: got %s", got)
	}
	if got := must(t, "samples", "--data", dir, "--from", "2h", "--by", "service", "-o", "table").
		stdout; !strings.Contains(got, "service  tv") {
		t.Errorf("samples --by service: got %s", got)
	}
	commands := 0
	for line := range strings.Lines(must(t, "report", "--data", dir, "--from", "2h", "-o", "json").stdout) {
		// each row says how its lines are shown
		if _, text, ok := strings.Cut(strings.TrimSpace(line), `"samples_command": "statline `); ok {
			commands++
			words := strings.Fields(strings.TrimRight(text, `",`))
			if got := must(t, append(words, "--json")...).stdout; got == "" {
				t.Errorf("%v: got no lines", words)
			}
		}
	}
	if commands < 5 {
		t.Errorf("report names %d commands; want those of two reasons, a key and two services", commands)
	}
	for _, want := range []string{"--from=2h --outcome OUTCOME --code CODE", "--from=2h --outcome OUTCOME --key KEY",
		"--from=2h --service SERVICE",
		"statline samples --data=" + dir} {
		if got := must(t, "report", "--data", dir, "--from", "2h").stdout; !strings.Contains(got, want) {
			t.Errorf("report: no %q in %s", want, got)
		}
	}
	if got := must(t, "report", "--data", dir, "--from", "2h", "--by", "service", "--limit", "1", "-o", "ndjson").
		stdout; strings.Count(got, "\n") != 1 {
		t.Errorf("--limit 1: got %s", got)
	}
	for args, want := range map[string]string{
		"report --since 1h --from 2h":                 "want one of them",
		"report --from 2027-01-01":                    "the span is empty",
		"report --from yesterdayish":                  "want a time such as",
		"samples --outcome typo":                      "typo",
		"samples --outcome timeuot":                   `did you mean "timeout"?`,
		"report --service mvoie":                      `did you mean "movie"?`,
		"report --route /3/tv/{di}":                   `did you mean "/3/tv/{id}"?`,
		"report --key a --route /3/tv/{id}":           "not stored by route",
		"incidents --code x":                          "want a number",
		"report --compare yesterday":                  "want previous or a duration",
		"incidents --from 2026-03-01 --to 2026-03-01": "the span is empty",
	} {
		r := run(t, nil, append(strings.Fields(args), "--data", dir)...)
		if exitStatus(r.err) != 2 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: got status %d, %q; want 2, %q", args, exitStatus(r.err), r.stderr, want)
		}
	}
}

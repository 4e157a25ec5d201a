package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// filmErrors are what an API that nobody has seen says when it fails: names of its
// own, and what each of them means.
var filmErrors = []struct {
	status                 int
	name, message, outcome string
}{
	{429, "quota_exceeded", "Quota of 40 calls used up.", "rate_limited"},
	{401, "api_key_unknown", "No such key.", "invalid_key"},
	{401, "token_expired", "The token has run out.", "auth_failed"},
	{403, "scope_not_granted", "This key may not do that.", "access_denied"},
	{404, "film_not_found", "There is no film %d.", "not_found"},
	{409, "already_reviewed", "You have reviewed film %d.", "duplicate"},
	{422, "invalid_rating", "A rating is a number from 1 to 10.", "invalid_request"},
	{503, "maintenance_window", "Back soon.", "offline"},
	{504, "search_timeout", "The search took too long.", "timeout"},
	{403, "account_suspended", "The account was suspended.", "disabled_account"},
}

// filmLog is a thousand failures of that API, each between two successes; some
// answer with a message alone.
func filmLog() []byte {
	var b bytes.Buffer
	line := func(n, status int, body string) {
		fmt.Fprintf(&b,
			`{"ts":"2026-03-01T12:%02d:%02dZ","service":"films","method":"GET","path":"/films/%d/%d","status":%d,"body":%q}`+"\n", n/60%60, n%60, n%7, n, status, body)
	}
	for n := range 1000 {
		e := filmErrors[n%len(filmErrors)]
		message := e.message
		if strings.Contains(message, "%d") {
			message = fmt.Sprintf(message, n)
		}
		line(n, e.status, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, e.name, message))
		line(n, 200, `{"id":1}`)
	}
	for n := range 20 {
		line(n, 413, fmt.Sprintf(`{"message":"Film %d has too many reels."}`, n))
	}
	return b.Bytes()
}

// Promise: of an unknown API each name is proposed once, with the right outcome
// for most, from a log and from what is stored of it; the proposal is a catalogue.
func TestSuggestCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, data := filepath.Join(dir, "films.log"), filepath.Join(dir, "store")
	if err := os.WriteFile(log, filmLog(), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "analyze", "--data", data, log)
	entry := regexp.MustCompile(`name: (\S+)`)
	for name, args := range map[string][]string{"log": {log}, "store": {"--data", data},
		"a service's store": {"--data", data, "--service", "films"}} {
		text := must(t, append([]string{"codes", "suggest"}, args...)...).stdout
		found := map[string]string{}
		for _, part := range strings.Split(text, "\n- ")[1:] {
			if m := entry.FindStringSubmatch(part); m != nil {
				if found[m[1]] != "" {
					t.Errorf("%s: %s is proposed twice", name, m[1])
				}
				found[m[1]] = part
			}
		}
		right := 0
		for _, e := range filmErrors {
			part := found[e.name]
			if strings.Contains(part, "outcome: "+e.outcome+"\n") {
				right++
			}
			if !strings.Contains(part, fmt.Sprintf("http_status: %d", e.status)) ||
				!strings.Contains(part, "Seen 100 times") {
				t.Errorf("%s: %s: got %q", name, e.name, part)
			}
		}
		if len(found) != len(filmErrors) || right < 8 {
			t.Errorf("%s: got %v, %d of 10 outcomes right; want each name once and 8:\n%s", name,
				slices.Sorted(maps.Keys(found)), right, text)
		}
		if !strings.Contains(text, "Film # has too many reels.") || !strings.Contains(text, "There is no film #.") {
			t.Errorf("%s: a message is missing:\n%s", name, text)
		}
		file := filepath.Join(dir, "codes.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := decodeJSON[report](t, must(t, "analyze", "--json", "--catalogue", file, log).stdout)
		if got.Responses != 2020 || got.ByOutcome["rate_limited"] != 100 || got.ByOutcome["success"] != 1000 {
			t.Errorf("%s: with the proposal: got %v", name, got.ByOutcome)
		}
	}
	if r := run(t, nil, "codes", "suggest"); r.err == nil || !strings.Contains(r.stderr, "--data") {
		t.Errorf("neither a log nor a store: got %v, %q", r.err, r.stderr)
	}
	if r := run(t, nil, "codes", "suggest", "--data", data, "--service", "film"); r.err == nil ||
		!strings.Contains(r.stderr, "films") {
		t.Errorf("a service that is not there: got %v, %q; want the nearest", r.err, r.stderr)
	}
}

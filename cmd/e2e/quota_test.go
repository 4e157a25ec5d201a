package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Promise: the limits that headers tell are stored for each key, allowed or
// refused, by minute and by hour, and report shows who is nearest to them.
func TestReportTellsLimitsOfHeaders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, data := filepath.Join(dir, "access.log"), filepath.Join(dir, "store")
	var b bytes.Buffer
	for n := range 180 {
		// A key that comes near its limit, one that is refused, one without headers.
		fmt.Fprintf(&b,
			`{"ts":"2026-03-01T12:%02d:%02dZ","service":"movies","method":"GET","path":"/3/movie/1","status":200,"key_id":"near","upstream_http_x_ratelimit_limit":"100, 100;w=60","upstream_http_x_ratelimit_remaining":"%d"}`+"\n", n/60, n%60, 99-n%60)
		status, more := 200, ""
		if n%60 >= 40 {
			status, more = 429, fmt.Sprintf(`,"Retry-After":["%d"]`, 60-n%60)
		}
		fmt.Fprintf(&b,
			`{"ts":"2026-03-01T12:%02d:%02dZ","service":"movies","method":"GET","path":"/3/movie/1","status":%d,"key_id":"over","response_headers":{"RateLimit-Policy":"\"default\";q=40;w=60","RateLimit":"\"default\";r=%d;t=9"%s}}`+"\n", n/60, n%60, status, max(39-n%60, 0), more)
		fmt.Fprintf(&b,
			`{"ts":"2026-03-01T12:%02d:%02dZ","service":"movies","method":"GET","path":"/3/movie/1","status":200,"key_id":"plain"}`+"\n", n/60, n%60)
	}
	if err := os.WriteFile(log, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	type quotas struct {
		Quotas []struct {
			Key    string `json:"key_id"`
			Name   string `json:"name"`
			Limit  int    `json:"limit"`
			Window int    `json:"window_seconds"`
			Retry  int    `json:"retry_after_seconds"`
			Left   *int   `json:"least_left"`
			Counts int    `json:"responses"`
		} `json:"quotas"`
	}
	must(t, "analyze", "--data", data, log)
	got := decodeJSON[quotas](t, must(t, "report", "--json", "--data", data, "--since", "1h").stdout).Quotas
	if len(got) != 2 || got[0].Name != "over" || got[1].Name != "near" {
		t.Fatalf("got %+v; want the keys over and near", got)
	}
	if q := got[0]; q.Limit != 40 || q.Window != 60 || q.Left == nil || *q.Left != 0 || q.Retry != 20 ||
		q.Counts != 180 {
		t.Errorf("over: got %+v", q)
	}
	if q := got[1]; q.Limit != 100 || q.Window != 60 || q.Left == nil || *q.Left != 40 || q.Retry != 0 ||
		q.Counts != 180 {
		t.Errorf("near: got %+v", q)
	}
	one := decodeJSON[quotas](t, must(t, "report", "--json", "--data", data, "--since", "1h", "--key", got[1].Key[:10]).
		stdout).Quotas
	if len(one) != 1 || one[0].Key != got[1].Key {
		t.Errorf("--key: got %+v; want near alone", one)
	}
	if text := must(t, "report", "--data", data, "--since", "1h").
		stdout; !strings.Contains(text, "Nearest to the limit") || !strings.Contains(text, "1m0s") {
		t.Errorf("report does not show the limits:\n%s", text)
	}
	// Allowed and refused, minutes and hours, are of one word.
	const sums = "SELECT countIf(quota_limit = 0) AS none, max(quota_limit) AS most, min(quota_left) AS least, max(quota_window) AS seconds, max(retry_after) AS wait FROM "
	for _, table := range []string{"keys WHERE outcome = 'success' AND quota_limit = 100",
		"keys_hour WHERE outcome = 'success' AND quota_limit = 100"} {
		text := strings.Fields(must(t, "sql", "--data", data, sums+table).stdout)
		if line := strings.Join(text[len(text)-5:], " "); line != "0 100 40 60 0" {
			t.Errorf("%s: got %s; want 0 100 40 60 0", table, line)
		}
	}
}

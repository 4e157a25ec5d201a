package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Promise: #Fields names the columns of the lines that follow it in a file, up to
// the next, also when a kept store goes on in the middle; from Kafka, where a
// record stands alone, --w3c-fields does. A line with other columns is a reject
// that says so.
func TestW3CFields(t *testing.T) {
	t.Parallel()
	day := time.Now().UTC().Add(-24 * time.Hour).Format("2006-01-02")
	first, second := "date time cs-method cs-uri-stem sc-status time-taken c-ip",
		"date time c-ip sc-status cs-method cs-uri-stem"
	line := func(n int) string {
		return fmt.Sprintf("%s 12:%02d:%02d GET /v1/films/%d 404 12 192.0.2.1\n", day, n/60%60, n%60, n)
	}
	var log strings.Builder
	log.WriteString("#Software: Microsoft Internet Information Services 10.0\r\n#Fields: " + first + "\r\n")
	for n := range 100 {
		log.WriteString(line(n))
	}
	dir := t.TempDir()
	path, data := filepath.Join(dir, "u_ex.log"), filepath.Join(dir, "store")
	analyze := func() report {
		t.Helper()
		if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return decodeJSON[report](t, must(t, "analyze", "--json", "--data", data, path).stdout)
	}
	if got := analyze(); got.Responses != 100 || got.ByHTTPStatus["404"] != 100 || got.Reasons["not_a_response"] != 2 ||
		got.Rejected != 2 {
		t.Errorf("got %d responses, %v, rejects %v; want 100 of 404 and two directives", got.Responses,
			got.ByHTTPStatus, got.Reasons)
	}
	// It grows: lines of the same columns, then a restart that logs others.
	for n := range 50 {
		log.WriteString(line(n))
	}
	log.WriteString("#Fields: " + second + "\n")
	for n := range 30 {
		fmt.Fprintf(&log, "%s 13:00:%02d 192.0.2.1 503 GET /v1/films/%d\n", day, n, n)
	}
	log.WriteString(day + " 13:01:00 192.0.2.1 503 GET /v1/films/1 and more\n")
	if got := analyze(); got.Responses != 180 || got.ByHTTPStatus["404"] != 150 || got.ByHTTPStatus["503"] != 30 ||
		got.Reasons["syntax"] != 1 {
		t.Errorf("grown: got %d responses, %v, rejects %v; want 150 of 404, 30 of 503, one that does not fit",
			got.Responses, got.ByHTTPStatus, got.Reasons)
	}
	if text := must(t, "rejects", "list", "--data", data).stdout; !strings.Contains(text, "the line has 8 columns") {
		t.Errorf("the reject does not say what does not fit:\n%s", text)
	}

	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	lines := ""
	for n := range 40 {
		lines += line(n)
	}
	produceLines(t, kafka, lines, time.Now().Add(-13*time.Hour))
	must(t, "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "",
		"--until-caught-up", "--w3c-fields", first)
	if got := sql(t, clickhouse,
		"SELECT sum(requests), max(http_status) FROM statline.responses WHERE route = '/v1/films/{id}'"); got != "40\t404" {
		t.Errorf("from Kafka: got %q; want 40 of 404", got)
	}
	if r := run(t, nil, "probe", "--w3c-fields", "date time", path); r.err == nil ||
		!strings.Contains(r.stderr, "cs-method") {
		t.Errorf("columns without a method: got %v, %q", r.err, r.stderr)
	}
}

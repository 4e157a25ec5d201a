package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Promise: OpenTelemetry's spans tell of a deploy: the version that took over is marked
// with its minute, once, by run, by run again after it has ended, and by analyze over the
// same lines; a version in every tenth span is none. What was counted is what came.
func TestDeploysOfSpans(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	kafka, clickhouse := upgradeSandbox(t)
	begin := time.Now().UTC().Truncate(time.Minute).Add(-70 * time.Minute)
	// The lines of the minutes from and to but to, a span every three seconds.
	lines := func(from, to int) string {
		var b strings.Builder
		for i := from * 20; i < to*20; i++ {
			at := begin.Add(time.Duration(i) * 3 * time.Second)
			movies, people := "4.1.9", "7"
			if i >= 20*20+7 {
				movies = "4.2.0"
			}
			if i%10 == 0 {
				people = "8-canary"
			}
			for service, version := range map[string]string{"movies": movies, "people": people} {
				fmt.Fprintf(&b, `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"%s"}},`+
					`{"key":"service.version","value":{"stringValue":"%s"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",`+
					`"name":"GET /a","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[`+
					`{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"url.path","value":{"stringValue":"/a"}},`+
					`{"key":"http.response.status_code","value":{"intValue":"200"}}]}]}]}]}`+"\n",
					service, version, at.UnixNano(), at.UnixNano()+1e7)
			}
		}
		return b.String()
	}
	const marks = "SELECT concat(service, ' ', version, ' ', toString(at), ' ', author) FROM deploys WHERE first = 0 ORDER BY at"
	want := "movies 4.2.0 " + begin.Add(20*time.Minute).Format("2006-01-02 15:04:05.000") + " service.version"
	from := 0
	for _, to := range []int{50, 69} { // killed in between: only the tables remain
		client := produceLines(t, kafka, lines(from, to), time.Now().Add(-13*time.Hour))
		client.Close()
		d := start(t, home, "run", "--clickhouse", clickhouse, "--brokers", kafka, "--topic", "access", "--listen", "")
		decided := fmt.Sprintf("SELECT max(minute) >= toDateTime(%d) FROM statline.scores",
			begin.Add(time.Duration(to-4)*time.Minute).Unix())
		eventually(t, time.Minute, "the detectors have decided", func() bool {
			return tableExists(t, clickhouse) && sql(t, clickhouse, decided) == "1"
		})
		d.kill(t)
		if got := sql(t, clickhouse, strings.Replace(marks, "deploys", "statline.deploys", 1)); got != want {
			t.Errorf("after minute %d: got deploys %q; want %q", to, got, want)
		}
		from = to
	}
	if got := sql(t, clickhouse, "SELECT count() FROM statline.deploys"); got != "3" {
		t.Errorf("got %s rows; want the first version of two services and one deploy", got)
	}
	counted := "SELECT concat(service, ' ', version, ' ', toString(sum(requests))) FROM statline.services GROUP BY service, version ORDER BY service, version"
	if got := sql(t, clickhouse, counted); got != "movies 4.1.9 407\nmovies 4.2.0 973\npeople 7 1242\npeople 8-canary 138" {
		t.Errorf("got %q", got)
	}
	mustAt(t, home, "audit", "--clickhouse", clickhouse)

	log, data := filepath.Join(home, "spans.log"), filepath.Join(home, "store")
	if err := os.WriteFile(log, []byte(lines(0, 69)), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		mustAt(t, home, "analyze", "--data", data, log)
		got := mustAt(t, home, "sql", "--data", data, "--output", "csv", marks).stdout
		if !strings.Contains(got, want) || strings.Count(got, "service.version") != 1 {
			t.Errorf("analyze: got deploys %q; want %q", got, want)
		}
	}
}

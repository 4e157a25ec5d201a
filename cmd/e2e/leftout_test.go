package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// leftOutLog has two durations that no request takes, and three names of errors
// that are none, in six lines of which each is a response.
func leftOutLog() []byte {
	var b strings.Builder
	at := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	for _, more := range []string{
		`"latency_ms":12`, `"latency_ms":1772366400250`, `"duration_s":90000`, `"error_type":"quota.exceeded"`,
		`"error_type":"You have no more calls left, sorry."`,
		`"error_type":"a3f1c2d4e5f60718293a4b5c6d7e8f90","error_code":"There is no such film."`,
	} {
		fmt.Fprintf(&b, `{"ts":%q,"service":"movies","method":"GET","path":"/3/movie/1","status":429,%s}`+"\n", at,
			more)
	}
	return []byte(b.String())
}

// Promise: what is not believed of a response is left out of it and counted, where
// people look: in what analyze prints, and in run's metrics.
func TestWhatIsLeftOutIsCounted(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, leftOutLog(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := must(t, "analyze", "--json", log)
	got := decodeJSON[struct {
		report
		LeftOut map[string]uint64 `json:"left_out"`
	}](t, r.stdout)
	times, names := got.LeftOut["impossible_time"], got.LeftOut["error_name"]
	if got.Responses != 6 || times != 2 || names == 0 {
		t.Errorf("got %d responses, %v left out; want 6, 2 times and some names", got.Responses, got.LeftOut)
	}
	if text := must(t, "analyze", log).stdout; !strings.Contains(text, "2 durations of more than a day") ||
		!strings.Contains(text, fmt.Sprint(names, " names of errors")) {
		t.Errorf("analyze does not say what it left out:\n%s", text)
	}

	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	produceLines(t, kafka, string(leftOutLog()), time.Now().Add(-13*time.Hour))
	listen := freeAddress(t)
	start(t, t.TempDir(), "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen",
		listen)
	eventually(t, time.Minute, "/metrics counts what is left out", func() bool {
		body, _ := get(t, "http://"+listen+"/metrics")
		return strings.Contains(body, `statline_left_out_total{what="impossible_time"} 2`) &&
			strings.Contains(body, fmt.Sprintf(`statline_left_out_total{what="error_name"} %d`, names))
	})
}

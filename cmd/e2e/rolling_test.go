package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Promise: three instances are restarted one after the other while 50,000 records a
// second arrive: nothing is lost or doubled, and of a hundred records 99 can be asked
// for within 15 s of their event.
func TestLongRollingRestart(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	dir := t.TempDir()
	first := generated(t, kafka, 1000) // the topic is there
	begin := func(i int) *daemon {
		d := start(t, "", "run", "--brokers", kafka, "--clickhouse", clickhouse, "--listen", freeAddress(t),
			"--memory-budget", "64MiB",
			"--hmac-secret-file", filepath.Join(dir, "secret"), "--watch=false")
		d.waitForText(t, "owning partitions", time.Minute)
		t.Logf("instance %d owns partitions", i)
		return d
	}
	var instances [3]*daemon
	for i := range instances {
		instances[i] = begin(i)
	}
	eventually(t, time.Minute, "what was there is stored", func() bool {
		return sql(t, clickhouse, "SELECT sum(records) FROM statline.ledger WHERE state = 'stored'") == "1000"
	})

	const rate, seconds = 50_000, 40
	truthFile := filepath.Join(dir, "truth.json")
	lines := start(t, "", "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count",
		strconv.Itoa(rate*seconds), "--rate", strconv.Itoa(rate),
		"--speed", "1", "--start", "now", "--seed", "1", "--scenario", "mixed", "--malformed", "0.001", "--truth",
		truthFile)
	for i := range instances {
		time.Sleep(6 * time.Second)
		instances[i].terminate(t, 15*time.Second)
		instances[i] = begin(i)
	}
	if err := lines.wait(t, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "all is stored", func() bool {
		return sql(t, clickhouse, "SELECT sum(records) FROM statline.ledger WHERE state = 'stored'") == fmt.Sprint(
			rate*seconds+1000)
	})
	for _, d := range instances {
		d.terminate(t, 15*time.Second)
	}

	mustAt(t, "", "audit", "--clickhouse", clickhouse, "--brokers", kafka)
	want := readTruth(t, truthFile)
	if got := sql(t, clickhouse, "SELECT sum(requests) FROM statline.responses"); got != fmt.Sprint(
		want.Responses+first.Responses) {
		t.Errorf("got %s responses; want %d", got, want.Responses+first.Responses)
	}
	// The age of a block's oldest record when its ledger row was written bounds that of
	// all its records from above.
	age, err := strconv.Atoi(sql(t, clickhouse,
		"SELECT quantileExactWeighted(0.99)(toUInt64(greatest(dateDiff('millisecond', min_event, written_at), 0)), records)"+
			" FROM statline.ledger WHERE state = 'stored' AND kind = 'block' AND min_event > now() - INTERVAL 10 MINUTE AND records > 0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("99 of 100 records could be asked for within %d ms of their event", age)
	if age > 15_000 {
		t.Errorf("99 of 100 records could be asked for within %d ms; want 15,000", age)
	}
}

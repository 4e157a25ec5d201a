package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Malformed records between good ones: the good ones are stored, the others
// listed with their reason, and audit finds every record. Replay adds nothing
// that is still malformed, discard settles it.
func TestRejectsAreListedAndSettled(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	want := generated(t, kafka, 5000, "--malformed", "0.01")
	if want.Rejected == 0 {
		t.Fatal("the traffic has no malformed line")
	}
	home := t.TempDir()
	d := start(t, home, "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "",
		"--until-caught-up")
	if err := d.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	checkStored(t, clickhouse, want)
	if out := must(t, "audit", "--clickhouse", clickhouse, "--brokers", kafka).
		stdout; !strings.Contains(out, "counted exactly once") {
		t.Errorf("audit: %s", out)
	}
	list := must(t, "rejects", "list", "--clickhouse", clickhouse).stdout
	if !strings.Contains(list, "syntax") || !strings.Contains(list, "access/") {
		t.Errorf("rejects list: %s", list)
	}
	_, rest, _ := strings.Cut(list, "access/")
	place := "access/" + strings.Fields(rest)[0]
	if out := must(t, "rejects", "show", place, "--clickhouse", clickhouse).stdout; !strings.Contains(out, "reason") {
		t.Errorf("rejects show %s: %s", place, out)
	}
	with := func(args ...string) result {
		return mustAt(t, home, append([]string{"rejects"},
			append(args, "--clickhouse", clickhouse, "--brokers", kafka)...)...)
	}
	if out := with("replay").stdout; !strings.Contains(out, "0 responses stored") {
		t.Errorf("replay: %s", out)
	}
	if out := with("discard", "--at", place, "--why", "a test").stdout; !strings.Contains(out, "1 rejects discarded") {
		t.Errorf("discard: %s", out)
	}
	if out := with("discard", "--at", place, "--why", "a test").stdout; !strings.Contains(out, "0 rejects discarded") {
		t.Errorf("discard again: %s", out)
	}
	if out := mustAt(t, home, "repair", "--clickhouse", clickhouse, "--brokers", kafka).
		stdout; !strings.Contains(out, "nothing to repair") {
		t.Errorf("repair: %s", out)
	}
	if r := run(t, nil, "audit", "--clickhouse", clickhouse); r.err != nil {
		t.Errorf("audit after all: %v\n%s", r.err, r.stdout)
	}
}

// audit finds what was taken away.
func TestAuditFindsPlantedFaults(t *testing.T) {
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 20_000)
	d := start(t, "", "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "",
		"--until-caught-up")
	if err := d.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	if r := run(t, nil, "audit", "--clickhouse", clickhouse); r.err != nil {
		t.Fatalf("audit of a sound store: %v\n%s", r.err, r.stdout)
	}
	post(t, clickhouse, "ALTER TABLE statline.services DELETE WHERE service = 'movies' SETTINGS mutations_sync = 1")
	r := run(t, nil, "audit", "--clickhouse", clickhouse)
	if r.err == nil || !strings.Contains(r.stdout, "services") || !strings.Contains(r.stdout, "differences") {
		t.Errorf("a missing rollup row: %v\n%s", r.err, r.stdout)
	}
}

// Promise: what stamp Kafka has on a record decides neither whether it is read nor
// whether its reject is seen. Records stamped -1 and 0 count by their own time;
// rejects of such records, and of records older than rejects live, are listed, and
// each record is accounted for.
func TestRecordsOfAnyStamp(t *testing.T) {
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("access"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	now := time.Now().UTC().Truncate(time.Second)
	old := now.AddDate(0, 0, -10)
	line := func(at time.Time) string {
		return `{"ts":"` + at.Format(time.RFC3339) + `","service":"movies","method":"GET","path":"/3/x","status":200}`
	}
	const timeless = `INFO:     192.0.2.1:40000 - "GET /v1/x HTTP/1.1" 404 Not Found`
	none := []time.Time{time.UnixMilli(-1), time.UnixMilli(0)}
	want := map[string]uint64{}
	produce := func(stamp time.Time, value, becomes string) {
		want[becomes]++
		r := &kgo.Record{Value: []byte(value), Timestamp: stamp}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, stamp := range append(none, old) {
		produce(stamp, line(old), "response")
		produce(stamp, `{"broken`, "syntax")
	}
	for _, stamp := range none {
		produce(stamp, line(now), "response")
		produce(stamp, line(now.Add(time.Hour)), "bad_time")
		produce(stamp, timeless, "no_time")
	}
	produce(old, timeless, "response")

	d := start(t, "", "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "",
		"--until-caught-up")
	if err := d.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	post(t, clickhouse, "OPTIMIZE TABLE statline.rejected_lines FINAL") // what has expired goes
	got := sqlCounts(t, clickhouse, "SELECT 'response', sum(requests) FROM statline.responses")
	listed := decodeJSON[struct {
		Counts []struct {
			Reason  string
			Rejects uint64
		} `json:"counts"`
		Rejects []struct{ Partition, Offset int64 } `json:"rejects"`
	}](t, must(t, "rejects", "list", "--json", "--clickhouse", clickhouse).stdout)
	for _, c := range listed.Counts {
		got[c.Reason] += c.Rejects
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	if r := run(t, nil, "audit", "--clickhouse", clickhouse, "--brokers", kafka); r.err != nil ||
		!strings.Contains(r.stdout, "counted exactly once") {
		t.Errorf("audit: %v\n%s", r.err, r.stdout)
	}
	without := 0
	for _, x := range listed.Rejects {
		place := fmt.Sprintf("access/%d@%d", x.Partition, x.Offset)
		out := must(t, "rejects", "show", place, "--clickhouse", clickhouse).stdout
		without += strings.Count(out, "without a timestamp (-1)") + strings.Count(out, "without a timestamp (0)")
	}
	if without != 6 {
		t.Errorf("%d rejects are shown as of records without a timestamp; want 6", without)
	}
}

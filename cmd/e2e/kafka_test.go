//go:build kafka || rollback

package e2e

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"statline/ingest/source/kafkatest"
)

// Promises, on Apache Kafka with statline's own timeouts: three instances
// share twelve partitions; one is killed, one is added, one is stopped for a
// minute and comes back to find itself fenced, and every count is the truth's.
// After the kill, and after the stop, no partition is idle for longer than the
// session timeout and five seconds: by then its next owner has declared a block.
// (A machine that has no time for the processes breaks that one.)
// Long because it is one story, told in its order.
func TestKafkaInstances(t *testing.T) {
	const partitions = 12
	const idleLimit = 15 * time.Second // a session of 10 s, and five
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	k, err := kafkatest.Start(ctx, kafkatest.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	brokers := k.Addrs(kafkatest.Plaintext)[0]
	clickhouse := freeAddress(t)
	engine := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", t.TempDir())
	engine.waitFor(t, "ready", 60*time.Second)
	clickhouse = "http://" + clickhouse

	truthFile := filepath.Join(t.TempDir(), "truth.json")
	lines := start(t, "", "generate", "--to", "kafka", "--brokers", brokers, "--topic", "access", "--partitions",
		fmt.Sprint(partitions),
		"--count", "1000000", "--rate", "600", "--speed", "1", "--malformed", "0.01", "--start", "now", "--truth",
		truthFile)
	home := t.TempDir()
	instance := func() *daemon {
		return start(t, home, "run", "--brokers", brokers, "--topic", "access", "--group", "statline", "--clickhouse",
			clickhouse, "--listen", "")
	}
	// moved waits until every partition has declared or stored a block after a
	// moment, and returns the longest time that one was idle since.
	moved := func(since time.Time, why string) time.Duration {
		t.Helper()
		query := fmt.Sprintf("SELECT toString(partition) AS name, toUInt64(min(toUnixTimestamp64Milli(written_at))) FROM statline.ledger"+
			" WHERE kind = 'block' AND written_at > fromUnixTimestamp64Milli(%d) GROUP BY name", since.UnixMilli())
		var first map[string]uint64
		eventually(t, 2*time.Minute, "every partition moves "+why, func() bool {
			if !tableExists(t, clickhouse) {
				return false
			}
			first = sqlCounts(t, clickhouse, query)
			return len(first) == partitions
		})
		idle := time.UnixMilli(int64(slices.Max(slices.Collect(maps.Values(first))))).Sub(since)
		t.Logf("%s: the last partition moved after %v", why, idle.Round(10*time.Millisecond))
		return idle
	}

	doomed, paused, third := instance(), instance(), instance()
	shared := func(ds ...*daemon) func() bool {
		return func() bool {
			n := 0
			for _, d := range ds {
				n += owned(t, d)
			}
			return n == partitions && !slices.ContainsFunc(ds, func(d *daemon) bool { return owned(t, d) == 0 })
		}
	}
	eventually(t, 2*time.Minute, "the three share the partitions", shared(doomed, paused, third))
	moved(time.Now(), "with three instances")

	killed := time.Now()
	doomed.kill(t)
	if idle := moved(killed, "after kill -9"); idle > idleLimit {
		t.Errorf("after kill -9 a partition was idle for %v; want at most %v", idle, idleLimit)
	}
	added := instance()
	eventually(t, 2*time.Minute, "the added one has its share", shared(paused, third, added))
	moved(time.Now(), "with one added")

	stopped := time.Now()
	if err := paused.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if idle := moved(stopped, "after SIGSTOP"); idle > idleLimit {
		t.Errorf("after SIGSTOP a partition was idle for %v; want at most %v", idle, idleLimit)
	}
	time.Sleep(time.Until(stopped.Add(time.Minute))) // what the promise is about
	before := len(paused.logged())
	if err := paused.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the one that was stopped finds itself fenced", func() bool {
		return strings.Contains(paused.logged()[before:], "group generation ended")
	})
	eventually(t, 2*time.Minute, "it has its share again", shared(paused, third, added))
	moved(time.Now(), "after it came back")

	lines.terminate(t, 30*time.Second)
	for _, d := range []*daemon{paused, third, added} {
		d.terminate(t, 5*time.Second)
	}
	last := start(t, home, "run", "--brokers", brokers, "--topic", "access", "--group", "statline", "--clickhouse",
		clickhouse, "--listen", "", "--until-caught-up")
	if err := last.wait(t, 2*time.Minute); err != nil {
		t.Fatalf("run --until-caught-up: %v", err)
	}
	want := readTruth(t, truthFile)
	t.Logf("%d records", want.Records)
	checkStored(t, clickhouse, want)
	mustAt(t, home, "audit", "--clickhouse", clickhouse, "--brokers", brokers, "--topic", "access", "--group",
		"statline")
}

// owned is how many partitions an instance has, as it says itself.
func owned(t *testing.T, d *daemon) int {
	t.Helper()
	log := d.logged()
	i := strings.LastIndex(log, `msg="owning partitions"`)
	if i < 0 || strings.LastIndex(log, `msg="group generation ended"`) > i {
		return 0
	}
	line, _, _ := strings.Cut(log[i:], "\n")
	_, list, ok := strings.Cut(line, " partitions=")
	fields := strings.Fields(strings.Trim(list, `"[]`))
	for _, f := range fields {
		if _, err := strconv.Atoi(f); !ok || err != nil {
			t.Fatalf("no list of partitions: %s", line)
		}
	}
	return len(fields)
}

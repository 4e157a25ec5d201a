package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Promise: brokers that go away together are one log line in ten seconds,
// whatever they are asked for: partitions' records and commits, and the group.
func TestLongBrokersAwayAreOneLine(t *testing.T) {
	t.Parallel()
	clickhouse := freeAddress(t)
	start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", t.TempDir()).
		waitFor(t, "ready", time.Minute)
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(12, "access"))
	if err != nil {
		t.Fatal(err)
	}
	defer brokers.Close()
	addresses := strings.Join(brokers.ListenAddrs(), ",")
	d := start(t, t.TempDir(), "run", "--brokers", addresses, "--clickhouse", "http://"+clickhouse, "--listen", "")
	d.waitForText(t, "owning partitions", time.Minute)
	generated(t, addresses, 1000)
	brokers.Close()
	complaints := func(log string) (at []time.Time) {
		for line := range strings.Lines(log) {
			stamp, rest, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			if when, err := time.Parse(time.RFC3339, stamp); err == nil && !strings.HasPrefix(rest, "level=INFO") {
				at = append(at, when)
			}
		}
		return at
	}
	// The third one is later than the group's session.
	d.await(t, "third line", time.Minute, func(log string) bool { return len(complaints(log)) >= 3 })
	all := complaints(d.logged())
	for i := 1; i < len(all); i++ {
		// What a busy machine takes between the decision and the line is not meant.
		if gap := all[i].Sub(all[i-1]); gap < 9*time.Second {
			t.Errorf("%s between two lines; want ten seconds:\n%s", gap, d.logged())
		}
	}
}

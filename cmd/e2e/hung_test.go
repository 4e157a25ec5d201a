package e2e

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"statline/ingest/sandbox/faultproxy"
)

// Promise: SIGTERM ends the daemon within five seconds when Kafka or ClickHouse
// hangs in the middle of a block, and the next one goes on: no record is lost or
// doubled.
func TestStopsWithAHungServer(t *testing.T) {
	t.Parallel()
	const limit, spare = 5 * time.Second, time.Second // the machine has other work
	kafka, clickhouse := freeAddress(t), freeAddress(t)
	broker := start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", "", "--data", t.TempDir(), "--partitions", "4")
	engine := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", t.TempDir())
	broker.waitFor(t, "ready", time.Minute)
	engine.waitFor(t, "ready", time.Minute)
	proxy, err := faultproxy.HTTP(clickhouse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	clickhouse = "http://" + clickhouse
	home := t.TempDir()
	daemon := func(more ...string) *daemon {
		return start(t, home, append([]string{"run", "--brokers", kafka, "--clickhouse", proxy.URL(), "--listen", "",
			"--flush-interval", "200ms"}, more...)...)
	}
	stored := func() int {
		if !tableExists(t, clickhouse) {
			return 0
		}
		n, err := strconv.Atoi(sql(t, clickhouse, "SELECT count() FROM statline.ledger WHERE state = 'stored'"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	lines := start(t, "", "generate", "--to", "kafka", "--brokers", kafka, "--count", "1000000", "--rate", "200",
		"--speed", "1", "--start", "now")
	for _, hung := range []struct {
		name    string
		hang    func()
		release func()
	}{
		{"Kafka", func() { send(t, broker, syscall.SIGSTOP) }, func() { send(t, broker, syscall.SIGCONT) }},
		{"ClickHouse", func() { proxy.Impose(faultproxy.Rule{Fault: faultproxy.Hang}) }, proxy.Lift},
		{"ClickHouse for INSERTs", func() { proxy.Impose(faultproxy.Rule{Fault: faultproxy.Hang, Statement: "INSERT"}) }, proxy.Lift},
	} {
		d := daemon()
		before := stored()
		eventually(t, 2*time.Minute, "blocks are stored", func() bool { return stored() > before+8 })
		hung.hang()
		time.Sleep(time.Second) // each partition has a block in hand by then
		began := time.Now()
		d.terminate(t, time.Minute)
		took := time.Since(began)
		t.Logf("%s hung: ended after %s", hung.name, took.Round(10*time.Millisecond))
		if took > limit+spare {
			t.Errorf("%s hung: SIGTERM took %s; want at most %s", hung.name, took, limit)
		}
		hung.release()
	}
	lines.terminate(t, time.Minute)
	if err := daemon("--until-caught-up").wait(t, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	mustAt(t, home, "audit", "--clickhouse", clickhouse, "--brokers", kafka, "--group", "statline")
}

func send(t *testing.T, d *daemon, s syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

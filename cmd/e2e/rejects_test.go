package e2e

import (
	"strings"
	"testing"
	"time"
)

// Malformed records between good ones: the good ones are stored, the others
// listed with their reason, and audit finds every record. Replay adds nothing
// that is still malformed, discard settles it.
func TestRejectsAreListedAndSettled(t *testing.T) {
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	want := generated(t, kafka, 5000, "--malformed", "0.01")
	if want.Rejected == 0 {
		t.Fatal("the traffic has no malformed line")
	}
	home := t.TempDir()
	d := start(t, home, "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "", "--until-caught-up")
	if err := d.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	checkStored(t, clickhouse, want)
	if out := must(t, "audit", "--clickhouse", clickhouse, "--brokers", kafka).stdout; !strings.Contains(out, "counted exactly once") {
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
		return mustAt(t, home, append([]string{"rejects"}, append(args, "--clickhouse", clickhouse, "--brokers", kafka)...)...)
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
	if out := mustAt(t, home, "repair", "--clickhouse", clickhouse, "--brokers", kafka).stdout; !strings.Contains(out, "nothing to repair") {
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
	d := start(t, "", "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "", "--until-caught-up")
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

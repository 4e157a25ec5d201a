package e2e

import (
	"strings"
	"testing"
)

// incidents show --from-kafka reads an incident's span again. The generator's clients
// never try again what fails, and so none is estimated, though thousands fail.
func TestNoRetriesOfFirstTries(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	_, kafka, clickhouse := startSandbox(t, home)
	where := []string{"--clickhouse", clickhouse, "--brokers", kafka, "--topic", "access"}
	mustAt(t, home, "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count", "150000",
		"--rate", "60", "--scenario", "timeout-spike")
	mustAt(t, home, append([]string{"run", "--until-caught-up", "--listen", ""}, where...)...)
	id := sql(t, clickhouse, "SELECT id FROM statline.incidents FINAL WHERE kind = 'outage' ORDER BY opened_at LIMIT 1")
	if id == "" {
		t.Fatal("there is no outage")
	}
	type shown struct {
		Retries struct {
			Requests, Failures, Retries uint64
		} `json:"retries_estimated"`
	}
	ask := append([]string{"incidents", "show", id, "--from-kafka"}, where...)
	got := decodeJSON[shown](t, mustAt(t, home, append(ask, "--output", "json")...).stdout).Retries
	if got.Failures < 100 || got.Requests < got.Failures || got.Retries != 0 {
		t.Errorf("got %+v; want failures, and no retries", got)
	}
	if out := mustAt(t, home, ask...).stdout; !strings.Contains(out, "none beyond what chance explains, of") {
		t.Errorf("got %s", out)
	}
}

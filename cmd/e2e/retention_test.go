package e2e

import (
	"strings"
	"testing"
)

// Promise: migrate and run change how long rows are kept as they are told, storage
// says it, and who says nothing changes nothing.
func TestRetentionIsASetting(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	home := t.TempDir()
	kept := func() (k struct{ Minutes, Hours, Samples int }) {
		t.Helper()
		shown := decodeJSON[struct {
			Kept struct {
				Minutes int `json:"minute_days"`
				Hours   int `json:"hour_days"`
				Samples int `json:"sample_days"`
			} `json:"kept"`
		}](t, mustAt(t, home, "storage", "--clickhouse", clickhouse, "--json").stdout)
		k.Minutes, k.Hours, k.Samples = shown.Kept.Minutes, shown.Kept.Hours, shown.Kept.Samples
		return k
	}
	run := []string{"run", "--brokers", kafka, "--clickhouse", clickhouse, "--listen", "", "--until-caught-up"}
	for _, c := range []struct {
		args                    []string
		minutes, hours, samples int
	}{
		{[]string{"migrate", "--clickhouse", clickhouse}, 30, 396, 7},
		{[]string{"migrate", "--clickhouse", clickhouse, "--retention-minutes", "90d"}, 90, 396, 7},
		{run, 90, 396, 7},
		{append(run, "--retention-hours", "0", "--retention-samples", "14d"), 90, 0, 14},
		{[]string{"migrate", "--clickhouse", clickhouse}, 90, 0, 14},
	} {
		mustAt(t, home, c.args...)
		if got := kept(); got.Minutes != c.minutes || got.Hours != c.hours || got.Samples != c.samples {
			t.Errorf("after %s: got %+v; want %d, %d and %d", strings.Join(c.args, " "), got, c.minutes, c.hours,
				c.samples)
		}
	}
	text := mustAt(t, home, "storage", "--clickhouse", clickhouse).stdout
	if !strings.Contains(text, "kept: minute rows 90 days, hour rows forever, samples and rejects 14 days") {
		t.Errorf("storage does not say it:\n%s", text)
	}
	if got := sql(t, clickhouse,
		"SELECT count() FROM system.tables WHERE database = 'statline' AND name = 'responses' AND engine_full LIKE '%toIntervalDay(90)%'"); got != "1" {
		t.Errorf("the table's TTL is not 90 days: %s", got)
	}
}

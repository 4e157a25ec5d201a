package grafanatest

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

func metricRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	raw, err := os.ReadFile("../provisioning/prometheus/statline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(raw, false, model.UTF8Validation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatalf("Prometheus does not take the file: %v", errs)
	}
	if len(groups.Groups) != 1 {
		t.Fatalf("%d groups of rules; want one", len(groups.Groups))
	}
	return groups.Groups[0].Rules
}

// atWork are the series of two instances to which nothing has happened for
// half an hour, and metricsAt when they are looked at.
const (
	atWork = `load 1m
  statline_ready{instance="a"} 1x30
  statline_ready{instance="b"} 1x30
  statline_condition{instance="a", condition="store_away"} 0x30
  statline_condition{instance="a", condition="kafka_away"} 0x30
  statline_stalled{instance="a", partition="0"} 0x30
  statline_records_total{instance="a"} 0+600x30
  statline_rejected_total{instance="a", reason="syntax"} 0+6x30
  statline_lag_seconds{instance="a", partition="0"} 2x30
  statline_watch_evaluations_total{instance="a"} 0+1x30
  statline_watch_watermark_timestamp_seconds{instance="a"} 60+60x30
  statline_watch_evaluated_timestamp_seconds{instance="a"} 0+60x30
  statline_audit_differences{instance="a"} 0x30
  statline_audit_timestamp_seconds{instance="a"} 1000x30
`
	metricsAt = 30 * time.Minute
)

// Each rule about the pipeline asks Prometheus for what it says: none fires over
// instances at work, and each fires over what it is for, and no other but those
// named.
// Long because it is one table.
func TestPrometheusRules(t *testing.T) {
	line := func(name string) string {
		for l := range strings.Lines(atWork) {
			if strings.Contains(l, name) {
				return l
			}
		}
		t.Fatalf("no series %s", name)
		return ""
	}
	without := func(names ...string) string {
		var b strings.Builder
		for l := range strings.Lines(atWork) {
			keep := true
			for _, n := range names {
				keep = keep && !strings.Contains(l, n)
			}
			if keep {
				b.WriteString(l)
			}
		}
		return b.String()
	}
	change := func(name, values string) string {
		old := line(name)
		return strings.Replace(atWork, old, old[:strings.LastIndex(old, " ")+1]+values+"\n", 1)
	}
	fired := map[string]bool{}
	for _, c := range []struct{ what, series, fires string }{
		{"instances at work", atWork, ""},
		{"ClickHouse is away", change(`store_away`, "2x30"), "StatlineStoreDoesNotAnswer"},
		{"a note of a condition", change(`kafka_away`, "1x30"), ""},
		{"Kafka is away", change(`kafka_away`, "2x30"), "StatlineInstanceIsNotReady"},
		{"a partition is stuck", change(`statline_stalled`, "1x30"), "StatlinePipelineStalled"},
		{"several topics", atWork + "  statline_ready{instance=\"a\", topic=\"edge\"} 1x30\n", ""},
		{"one of them does not exist", atWork + "  statline_ready{instance=\"a\", topic=\"edge\"} 0x30\n",
			"StatlinePipelineStalled"},
		{"none of them while Kafka is away", change(`kafka_away`, "2x30") +
			"  statline_ready{instance=\"a\", topic=\"edge\"} 0x30\n", "StatlineInstanceIsNotReady"},
		{"every instance is dead", "load 1m\n  up{job=\"statline\"} 0x30\n", "StatlinePipelineStalled"},
		{"nothing arrives", change(`statline_records_total`, "9000x30"), "StatlineNothingArrives"},
		{"detectors are stuck", change(`statline_watch_evaluated_timestamp_seconds`, "0x30"),
			"StatlineDetectorsStandStill"},
		{"detectors are off", without("statline_watch_"), "StatlineDetectorsStandStill"},
		{"records wait for long", change(`statline_lag_seconds`, "301x30"), "StatlinePipelineBehind"},
		{"many rejects", change(`statline_rejected_total`, "0+60x30"), "StatlineRejectsRising"},
		{"few records, all rejected", strings.Replace(change(`statline_rejected_total`, "0+1x30"),
			line(`statline_records_total`),
			"  statline_records_total{instance=\"a\"} 0+1x30\n", 1), ""},
		{"an audit finds a difference", change(`statline_audit_differences`, "1x30"), "StatlineLedgerMismatch"},
		{"no audit for a day", change(`statline_audit_timestamp_seconds`, "-90000x30"), "StatlineNoAudit"},
		{"never an audit", "load 1m\n  statline_ready 1x1440\n  statline_watch_evaluations_total 0+1x1440\n",
			"StatlineNoAudit"},
	} {
		t.Run(c.what, func(t *testing.T) {
			engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
			storage := promqltest.LoadedStorage(t, c.series)
			at := metricsAt
			if strings.Contains(c.series, "x1440") {
				at = 24 * time.Hour
			}
			var fires []string
			for _, r := range metricRules(t) {
				query, err := engine.NewInstantQuery(t.Context(), storage, nil, r.Expr, time.Unix(0, 0).Add(at))
				if err != nil {
					t.Fatalf("%s: %v", r.Alert, err)
				}
				result := query.Exec(t.Context())
				if result.Err != nil {
					t.Fatalf("%s: %v", r.Alert, result.Err)
				}
				vector, err := result.Vector()
				if err != nil {
					t.Fatalf("%s: %v", r.Alert, err)
				}
				if len(vector) > 0 {
					fires = append(fires, r.Alert)
					fired[r.Alert] = true
				}
				query.Close()
			}
			if got := strings.Join(fires, " "); got != c.fires {
				t.Errorf("fires: got %q; want %q", got, c.fires)
			}
		})
	}
	for _, r := range metricRules(t) {
		if !fired[r.Alert] {
			t.Errorf("%s fires in no case", r.Alert)
		}
	}
}

package e2e

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"statline/ingest"
)

var updateMetrics = flag.Bool("update-metrics", false, "write ingest/METRICS.md anew")

// oldNames are metrics that keep their old name for one release, and the new one.
var oldNames = map[string]string{"statline_watch_minutes_total": "statline_watch_decided_seconds_total"}

// metric is one line of the reference.
type metric struct {
	kind, help string
	labels     []string
}

// Promise: a daemon's metrics pass Prometheus' own linter, and ingest/METRICS.md,
// made from what a daemon serves, lists each with its type, labels and meaning.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	served := servedMetrics(t)
	problems, err := promlint.New(strings.NewReader(served)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "statline_") && oldNames[p.Metric] == "" {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	all := listedMetrics(served)
	if len(all) < 40 || all["statline_build_info"].kind != "gauge" {
		t.Fatalf("got %d metrics and %v; the test reads them wrongly", len(all), all["statline_build_info"])
	}
	addDescribed(t, all)
	for old, now := range oldNames {
		if all[old].kind == "" || all[now].kind == "" {
			t.Errorf("%s and %s are not both served", old, now)
		}
	}
	page, path := metricsPage(all), filepath.Join(root, "ingest", "METRICS.md")
	if *updateMetrics {
		if err := os.WriteFile(path, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if committed, err := os.ReadFile(path); err != nil || !bytes.Equal(committed, page) {
		t.Errorf("%v: ingest/METRICS.md is not what a daemon serves: "+
			"go test ./cmd/e2e -run TestMetricsPage -update-metrics\n%s", err, page)
	}
}

// servedMetrics is /metrics of a daemon that has seen something of every kind.
func servedMetrics(t *testing.T) (text string) {
	t.Helper()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	produceLines(t, kafka, string(leftOutLog()), time.Now().Add(-13*time.Hour))
	listen := freeAddress(t)
	start(t, "", "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", listen)
	turns(t, listen, time.Minute, "/readyz is green", func(r readiness) bool { return r.Ready })
	eventually(t, time.Minute, "lines and detectors have metrics", func() bool {
		text, _ = get(t, "http://"+listen+"/metrics")
		return strings.Contains(text, "statline_watch_") && strings.Contains(text, "statline_left_out_total") &&
			strings.Contains(text, "\nstatline_configurations")
	})
	return text
}

// listedMetrics reads Prometheus' text format as far as it matters here.
func listedMetrics(served string) map[string]metric {
	all := map[string]metric{}
	sample := regexp.MustCompile(`^(statline_\w+)\{(.*)\} `)
	label := regexp.MustCompile(`(\w+)="`)
	for line := range strings.Lines(served) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(words) == 4 && words[0] == "#" && strings.HasPrefix(words[2], "statline_") {
			m := all[words[2]]
			if words[1] == "HELP" {
				m.help = words[3]
			} else {
				m.kind = words[3]
			}
			all[words[2]] = m
		}
		if found := sample.FindStringSubmatch(line); found != nil && all[found[1]].labels == nil {
			m := all[found[1]]
			if m.kind == "" {
				continue // a bucket of a histogram
			}
			for _, l := range label.FindAllStringSubmatch(found[2], -1) {
				m.labels = append(m.labels, l[1])
			}
			all[found[1]] = m
		}
	}
	return all
}

// addDescribed adds the gauges that a daemon shows later only, such as those of
// its first audit after a quarter of an hour.
func addDescribed(t *testing.T, all map[string]metric) {
	t.Helper()
	c := ingest.DefaultConfig()
	c.Block.Cluster, c.Block.Topic, c.Block.Group = "k", "access", "statline"
	p, err := ingest.New(c, ingest.Parts{Rules: noRules{}})
	if err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc, 100)
	p.Collector().Describe(descs)
	close(descs)
	read := regexp.MustCompile(`fqName: "(\w+)", help: "(.*?)", (?:unit|constLabels)`)
	for d := range descs {
		found := read.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("cannot read %s", d)
		}
		if all[found[1]].kind == "" {
			all[found[1]] = metric{kind: "gauge", help: found[2]}
		}
	}
}

// noRules fold nothing.
type noRules struct{ ingest.Rules }

func (noRules) Hash() string { return "" }

func metricsPage(all map[string]metric) []byte {
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	fmt.Fprint(out, `# Metrics

<!-- made by go test ./cmd/e2e -run TestMetricsPage -update-metrics from what a daemon serves: do not edit -->

`+"`run`"+` serves these on `+"`/metrics`"+`, in Prometheus' format, besides those of the Go runtime and the process. What they tell together, and what to do: [HEALTH.md](HEALTH.md). Alerts on them: [statline.yaml](../dashboards/provisioning/prometheus/statline.yaml).

Where several topics are read, every metric of the pipeline and of `+"`statline_kafka_*`"+` has the label `+"`topic`"+` too; it is empty for what concerns the membership in the group and not one topic. `+"`statline_memory_budget_bytes`, `statline_audit_*`, `statline_reloads_total` and `statline_build_info`"+` are the process's.

| name | type | labels | what it counts |
|---|---|---|---|
`)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(m.labels, ", "),
			strings.ReplaceAll(m.help, "|", `\|`))
	}
	if err := out.Flush(); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

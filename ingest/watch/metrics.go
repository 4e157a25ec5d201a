package watch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector is the loop's counters as metrics, all named statline_watch_*.
func (w *Watch) Collector() prometheus.Collector {
	s := &w.stats
	var c collector
	add := func(name, help string, kind prometheus.ValueType, value func() float64) {
		c.metrics = append(c.metrics, metric{prometheus.NewDesc("statline_watch_"+name, help, nil, nil), kind, value})
	}
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	add("evaluations_total", "Rounds in which minutes were decided.", counter,
		func() float64 { return float64(s.Evaluations.Load()) })
	add("decided_seconds_total", "Event time decided, in whole minutes.", counter,
		func() float64 { return float64(s.Minutes.Load()) * 60 })
	add("minutes_total",
		"Event time decided, in minutes: the old name of statline_watch_decided_seconds_total, until the next release.",
		counter,
		func() float64 { return float64(s.Minutes.Load()) })
	add("incidents_opened_total", "Incidents of every kind, each counted once, when it is first written.", counter,
		func() float64 { return float64(s.Opened.Load()) })
	add("incident_rows_total", "Rows written to incidents: what opened, changed or closed.", counter,
		func() float64 { return float64(s.Incidents.Load()) })
	add("score_rows_total", "Rows written to scores.", counter, func() float64 { return float64(s.Scores.Load()) })
	add("errors_total", "Rounds that failed and were tried again.", counter,
		func() float64 { return float64(s.Errors.Load()) })
	add("notifications_sent_total", "Notifications that a receiver took.", counter,
		func() float64 { return float64(s.Sent.Load()) })
	add("notifications_failed_total", "Notifications that failed and are tried again.", counter,
		func() float64 { return float64(s.Failed.Load()) })
	add("failing_seconds", "For how long every round has failed, 0 when the last one did not.", gauge, func() float64 {
		if since, err := w.Failing(); err != nil {
			return time.Since(since).Seconds()
		}
		return 0
	})
	add("last_evaluation_seconds", "Duration of the last round that decided a minute.", gauge,
		func() float64 { return float64(s.LastNanos.Load()) / 1e9 })
	add("evaluated_timestamp_seconds", "Last event minute decided.", gauge,
		func() float64 { return float64(s.EvaluatedTo.Load()) })
	add("watermark_timestamp_seconds",
		"Event time that every partition has reached: the earliest of their latest events.", gauge,
		func() float64 { return float64(s.Watermark.Load()) / 1e3 })
	return c
}

type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func() float64
}

type collector struct {
	metrics []metric
}

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value())
	}
}

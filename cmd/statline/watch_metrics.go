package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"statline/ingest/watch"
)

// watchMetrics shows the detectors' counters.
func watchMetrics(s *watch.Stats) prometheus.Collector {
	var c watchCollector
	add := func(name, help string, kind prometheus.ValueType, value func() float64) {
		c.metrics = append(c.metrics, watchMetric{prometheus.NewDesc("statline_watch_"+name, help, nil, nil), kind, value})
	}
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	add("evaluations_total", "Rounds in which minutes were decided.", counter, func() float64 { return float64(s.Evaluations.Load()) })
	add("minutes_total", "Event minutes decided.", counter, func() float64 { return float64(s.Minutes.Load()) })
	add("incidents_opened_total", "Incidents seen for the first time.", counter, func() float64 { return float64(s.Opened.Load()) })
	add("errors_total", "Rounds that failed and were tried again.", counter, func() float64 { return float64(s.Errors.Load()) })
	add("notifications_sent_total", "Notifications that a receiver took.", counter, func() float64 { return float64(s.Sent.Load()) })
	add("notifications_failed_total", "Notifications that failed and are tried again.", counter, func() float64 { return float64(s.Failed.Load()) })
	add("last_evaluation_seconds", "Duration of the last round that decided a minute.", gauge, func() float64 { return float64(s.LastNanos.Load()) / 1e9 })
	add("evaluated_timestamp_seconds", "Last event minute decided.", gauge, func() float64 { return float64(s.EvaluatedTo.Load()) })
	add("watermark_timestamp_seconds", "Least of the partitions' greatest event times.", gauge, func() float64 { return float64(s.Watermark.Load()) / 1e3 })
	return c
}

type watchMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func() float64
}

type watchCollector struct {
	metrics []watchMetric
}

// Describe implements prometheus.Collector.
func (c watchCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c watchCollector) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value())
	}
}

package source

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector is the client's counters as metrics, all named statline_kafka_*.
func (c *Client) Collector() prometheus.Collector { return collector{c} }

// Collector is the counters of the membership and of its clients, with each one's
// topic as a label: "" for what is of no topic.
func (g *Group) Collector() prometheus.Collector { return groupCollector{g} }

type groupCollector struct{ g *Group }

// Describe implements prometheus.Collector. Topics come and go, so it announces
// nothing.
func (groupCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c groupCollector) Collect(out chan<- prometheus.Metric) {
	c.g.mu.Lock()
	clients := append([]*Client{c.g.c}, c.g.clients...)
	c.g.mu.Unlock()
	for _, of := range clients {
		prometheus.WrapCollectorWith(prometheus.Labels{"topic": of.cfg.Topic}, of.Collector()).Collect(out)
	}
}

// metrics lists the exported counters.
var metrics = []struct {
	desc  *prometheus.Desc
	value func(*counters) *atomic.Int64
}{
	{desc("fetches_total", "Fetch requests answered."), func(c *counters) *atomic.Int64 { return &c.fetches }},
	{desc("fetch_errors_total", "Fetch requests that failed or were refused."),
		func(c *counters) *atomic.Int64 { return &c.fetchErrors }},
	{desc("wire_bytes_total", "Bytes of record sets as received, before decompression."),
		func(c *counters) *atomic.Int64 { return &c.wireBytes }},
	{desc("records_total", "Records fetched; those that were stored are statline_records_total."),
		func(c *counters) *atomic.Int64 { return &c.records }},
	{desc("holes_total", "Offsets without a record to deliver."),
		func(c *counters) *atomic.Int64 { return &c.holes }},
	{desc("rebalances_total", "Consumer group generations that began."),
		func(c *counters) *atomic.Int64 { return &c.rebalances }},
	{desc("heartbeats_total", "Heartbeats that the coordinator accepted."),
		func(c *counters) *atomic.Int64 { return &c.heartbeats }},
	{desc("heartbeat_errors_total", "Heartbeats that failed or were refused."),
		func(c *counters) *atomic.Int64 { return &c.heartbeatErrors }},
	{desc("commits_total", "Commits that the coordinator accepted."),
		func(c *counters) *atomic.Int64 { return &c.commits }},
	{desc("commit_errors_total", "Commits that failed or were refused."),
		func(c *counters) *atomic.Int64 { return &c.commitErrors }},
	{desc("join_errors_total", "Attempts to join the consumer group that failed."),
		func(c *counters) *atomic.Int64 { return &c.joinErrors }},
}

func desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("statline_kafka_"+name, help, nil, nil)
}

type collector struct{ c *Client }

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for i := range metrics {
		out <- metrics[i].desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for i := range metrics {
		value := metrics[i].value(&c.c.stats).Load()
		out <- prometheus.MustNewConstMetric(metrics[i].desc, prometheus.CounterValue, float64(value))
	}
}

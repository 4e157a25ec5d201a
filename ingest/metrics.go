package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/retry"
)

const readyHelp = "1 when the pipeline runs, no partition is stalled and no condition is red."

// metrics are the pipeline's counters, and its status as gauges.
type metrics struct {
	pipeline *Pipeline

	records, holes       prometheus.Counter
	responses, rejected  *prometheus.CounterVec
	blocks, retries      *prometheus.CounterVec
	blockSeconds         prometheus.Histogram
	other                *prometheus.CounterVec
	generations, stopped prometheus.Counter

	lagRecords, lagHigh, lagSeconds, missing, transaction, freshness, rate, stalled *prometheus.Desc // of a partition
	ready, condition, configurations, budget, audit, audited                        *prometheus.Desc
	leftOut                                                                         *prometheus.Desc
}

func newMetrics(p *Pipeline) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "statline_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "statline_" + name, Help: help}, []string{label})
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("statline_"+name, help, labels, nil)
	}
	m := &metrics{
		pipeline: p,
		records:  counter("records_total", "Kafka records stored."),
		holes: counter("holes_total",
			"Offsets without a record: compacted, aborted, control records, or skipped as a gap."),
		responses: vec("responses_total", "API responses stored, by outcome.", "outcome"),
		rejected:  vec("rejected_total", "Lines that could not be read as a response, stored as rejects, by reason.", "reason"),
		blocks: vec("blocks_total",
			"Blocks by the state they reached: declared, stored, committed; gap counts skipped ranges.", "state"),
		retries: vec("retries_total", "Failed attempts of operations on Kafka or ClickHouse, by class of error.", "class"),
		other: vec("other_total",
			"Responses counted under __other__ because a block's cardinality budget was spent, by dimension.",
			"dimension"),
		generations: counter("generations_total", "Consumer group generations that this process joined."),
		stopped:     counter("partition_stops_total", "Times that a partition stopped until an operator acts."),
		blockSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "statline_block_seconds", Help: "Time from a block's declaration to its commit.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		lagRecords: desc("lag_records",
			"Offsets up to the last stable offset that are not stored: not committed, or missing in the ledger.",
			"partition"),
		lagHigh: desc("lag_high_watermark_records",
			"Offsets up to the high watermark that are not stored, including what an open transaction holds back.", "partition"),
		lagSeconds: desc("lag_seconds",
			"Age of the oldest readable record that is not stored; 0 when all are stored.", "partition"),
		missing: desc("missing_records",
			"Offsets that the group has committed but the ledger lacks, as after an older backup was restored.",
			"partition"),
		transaction: desc("open_transaction_seconds",
			"Time since the last stable offset last moved, while it is below the high watermark.", "partition"),
		freshness: desc("freshness_seconds", "Age of the newest record of the last block, when that block became queryable.",
			"partition"),
		rate: desc("records_per_second", "Records stored per second, over about ten seconds.", "partition"),
		stalled: desc("stalled",
			"1 when records wait and none was stored for a minute, or when the partition cannot continue, as behind a transaction that is open for too long.", "partition"),
		ready: desc("ready", readyHelp),
		condition: desc("condition",
			"State of each condition of /readyz: 0 when it does not hold, 1 for a note, 2 when it turns /readyz red.",
			"condition"),
		configurations: desc("configurations",
			"Configurations (config_hash) under which blocks of the topic were stored in the last ten minutes, this instance's included."),
		budget: desc("memory_budget_bytes", "Memory budget, and how much of it blocks in flight use.",
			"kind"),
		leftOut: desc("left_out_total",
			"Implausible fields left out of stored responses: durations of more than a day, whose unit is not the one that their name says, and error names that are a sentence, an id or a secret. A block that is read again counts again.", "what"),
		audit: desc("audit_differences",
			"Differences between the ledger and the rollups in the last audit; absent before the first one."),
		audited: desc("audit_timestamp_seconds", "Time of the last audit, in Unix seconds."),
	}
	// Label values that are known in advance start at 0, so that rate() sees their
	// first increase.
	for _, o := range classify.Outcomes() {
		m.responses.WithLabelValues(o.String())
	}
	for _, reason := range fold.Reasons() {
		m.rejected.WithLabelValues(reason)
	}
	for _, state := range []string{"declared", "stored", "committed", "gap"} {
		m.blocks.WithLabelValues(state)
	}
	for _, class := range []retry.Class{retry.Transient, retry.Waiting} {
		m.retries.WithLabelValues(string(class))
	}
	for i := range (aggregate.Others{}) {
		m.other.WithLabelValues(aggregate.Budgeted(i).Name())
	}
	return m
}

func (m *metrics) counters() []prometheus.Collector {
	return []prometheus.Collector{m.records, m.holes, m.responses, m.rejected, m.blocks, m.retries, m.other,
		m.generations, m.stopped, m.blockSeconds}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.counters() {
		c.Describe(ch)
	}
	for _, d := range []*prometheus.Desc{m.lagRecords, m.lagHigh, m.lagSeconds, m.missing, m.transaction, m.freshness,
		m.rate, m.stalled,
		m.ready, m.condition, m.configurations, m.budget, m.audit, m.audited, m.leftOut} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.counters() {
		c.Collect(ch)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := m.pipeline.Status()
	for _, p := range st.Partitions {
		label := strconv.Itoa(int(p.Partition))
		gauge(m.lagRecords, float64(p.LagRecords), label)
		gauge(m.lagHigh, float64(p.LagHighWatermark), label)
		gauge(m.lagSeconds, p.LagSeconds, label)
		gauge(m.missing, float64(p.MissingRecords), label)
		gauge(m.transaction, p.TransactionSeconds, label)
		gauge(m.freshness, p.FreshnessSeconds, label)
		gauge(m.rate, p.RecordsPerSecond, label)
		gauge(m.stalled, bit(p.Stalled), label)
	}
	gauge(m.ready, bit(st.Ready))
	for _, name := range Conditions() {
		if name != DetectorsFailing { // which the pipeline does not know of: statline_watch_failing_seconds
			gauge(m.condition, st.holds(name), string(name))
		}
	}
	if st.Configurations > 0 {
		gauge(m.configurations, float64(st.Configurations))
	}
	if counts := m.pipeline.decoded; counts != nil {
		for _, c := range counts.List() {
			ch <- prometheus.MustNewConstMetric(m.leftOut, prometheus.CounterValue, float64(c.N), c.What)
		}
	}
	if !m.pipeline.bounds.several {
		m.process(ch, &st)
	}
}

// process collects the metrics of the process, which have no topic.
func (m *metrics) process(ch chan<- prometheus.Metric, st *Status) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if st.Audit != nil {
		gauge(m.audit, float64(st.Audit.Differences))
		gauge(m.audited, float64(st.Audit.At.Unix()))
	}
	gauge(m.budget, float64(m.pipeline.cfg.MemoryBudget), "limit")
	gauge(m.budget, float64(m.pipeline.bounds.used()), "used")
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *metrics) event(e block.Event) {
	switch e.Kind {
	case block.Entered:
		if e.State == "declared" {
			m.blocks.WithLabelValues("declared").Inc()
		}
	case block.Retried:
		m.retries.WithLabelValues(string(e.Failure.Class)).Inc()
	case block.BlockStored:
		m.stored(e)
	case block.BlockCommitted:
		m.blocks.WithLabelValues("committed").Inc()
		m.blockSeconds.Observe(e.Took.Seconds())
	}
}

func (m *metrics) stored(e block.Event) {
	m.holes.Add(float64(e.Row.Holes))
	if e.Row.Kind == block.KindGap {
		m.blocks.WithLabelValues("gap").Inc()
		return
	}
	m.blocks.WithLabelValues("stored").Inc()
	m.records.Add(float64(e.Row.Records))
	for i := range e.Contents.Rows.Services {
		row := &e.Contents.Rows.Services[i]
		m.responses.WithLabelValues(row.Outcome.String()).Add(float64(row.Requests))
	}
	for i := range e.Contents.Rejects {
		m.rejected.WithLabelValues(e.Contents.Rejects[i].Reason).Inc()
	}
	for i, n := range e.Contents.Rows.Other {
		if n > 0 {
			m.other.WithLabelValues(aggregate.Budgeted(i).Name()).Add(float64(n))
		}
	}
}

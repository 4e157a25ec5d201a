package ingest

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Status is how all topics do now, in one answer. It is safe for concurrent use.
func (t *Topics) Status() Status {
	t.mu.Lock()
	waiting := t.waiting
	t.mu.Unlock()
	all := Status{Ready: waiting == "", Waiting: waiting, Topics: []TopicStatus{}, Partitions: []PartitionStatus{}}
	var waits []string
	for _, l := range t.sorted() {
		st := l.pipeline.Status()
		of := TopicStatus{Topic: l.topic, Ready: st.Ready, Waiting: st.Waiting, Partitions: st.TopicPartitions,
			Owned: len(st.Partitions), ConfigHash: l.pipeline.ConfigHash(), Configurations: st.Configurations}
		if st.Waiting != "" {
			waits = append(waits, "topic "+l.topic+": "+st.Waiting)
		}
		for _, p := range st.Partitions {
			p.Topic = l.topic
			of.LagRecords += p.LagRecords
			all.Partitions = append(all.Partitions, p)
		}
		for _, c := range st.Conditions {
			all.merge(c, l.topic)
		}
		all.Topics = append(all.Topics, of)
		all.Ready = all.Ready && st.Ready
		all.TopicPartitions += st.TopicPartitions
		all.Generation = max(all.Generation, st.Generation)
		if st.Audit != nil && (all.Audit == nil || all.Audit.At.Before(st.Audit.At)) {
			all.Audit = st.Audit
		}
	}
	if waits != nil {
		all.Waiting = enough(waits)
	}
	return all
}

// merge adds a topic's condition. What several topics say in the same words, as that a
// store is away, is said once, without a topic.
func (st *Status) merge(c Condition, topic string) {
	i := slices.IndexFunc(st.Conditions, func(had Condition) bool {
		return had.Name == c.Name && had.Red == c.Red && had.Detail == c.Detail
	})
	if i < 0 {
		c.Topic = topic
		st.add(c)
		return
	}
	had := &st.Conditions[i]
	had.Topic = ""
	if c.Since.Before(had.Since) {
		had.Since = c.Since
	}
}

// Collector is the metrics of all topics, those of a topic with its name as the
// label topic.
func (t *Topics) Collector() prometheus.Collector { return topicsCollector{t} }

type topicsCollector struct{ *Topics }

// Describe implements prometheus.Collector. Topics come and go, so it announces
// nothing.
func (topicsCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (t topicsCollector) Collect(ch chan<- prometheus.Metric) {
	lanes := t.sorted()
	for _, l := range lanes {
		prometheus.WrapCollectorWith(prometheus.Labels{"topic": l.topic}, l.pipeline.metrics).Collect(ch)
	}
	if len(lanes) > 0 {
		st := t.Status()
		lanes[0].pipeline.metrics.process(ch, &st)
	} else { // a process that waits for its first topic is not ready
		desc := prometheus.NewDesc("statline_ready", readyHelp, nil, prometheus.Labels{"topic": ""})
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, 0)
	}
}

package ingest

import (
	"slices"
	"time"
)

// ConditionName names something that an operator has to know about a running daemon,
// besides the state of its partitions. HEALTH.md says for each what to do.
type ConditionName string

// The conditions.
const (
	StoreAway           ConditionName = "store_away"
	KafkaAway           ConditionName = "kafka_away"
	RowsMissing         ConditionName = "rows_missing"
	OpenTransaction     ConditionName = "open_transaction"
	MixedConfigurations ConditionName = "mixed_configurations"
	DetectorsFailing    ConditionName = "detectors_failing"
)

// Conditions lists the names.
func Conditions() []ConditionName {
	return []ConditionName{StoreAway, KafkaAway, RowsMissing, OpenTransaction, MixedConfigurations, DetectorsFailing}
}

// Condition is something that is the case now.
type Condition struct {
	Name ConditionName `json:"name"`
	// Topic that it is about, "" when that is all of them or the only one.
	Topic string `json:"topic,omitempty"`
	// Red: while it lasts the daemon is not ready. The others are notes.
	Red    bool      `json:"red"`
	Since  time.Time `json:"since"`
	Detail string    `json:"detail"`
}

// hold records that a condition lasts; one that was recorded already keeps its
// beginning.
func (b *tracker) hold(c Condition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, ok := b.conditions[c.Name]; ok {
		c.Since = old.Since
	} else if c.Since.IsZero() {
		c.Since = time.Now()
	}
	b.conditions[c.Name] = c
}

func (b *tracker) lift(name ConditionName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conditions, name)
}

// holds is 2 when a condition turns readiness off, 1 when it is a note, 0 when
// it does not hold.
func (st *Status) holds(name ConditionName) float64 {
	for _, c := range st.Conditions {
		if c.Name == name {
			return 1 + bit(c.Red)
		}
	}
	return 0
}

// add puts a condition to a status.
func (st *Status) add(c Condition) {
	st.Ready = st.Ready && !c.Red
	st.Conditions = append(st.Conditions, c)
	slices.SortFunc(st.Conditions, func(a, b Condition) int {
		return slices.Index(Conditions(), a.Name) - slices.Index(Conditions(), b.Name)
	})
}

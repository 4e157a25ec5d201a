package store

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/schema"
)

// AuditReport is what an audit found.
type AuditReport struct {
	At         time.Time        `json:"at"`
	Partitions []PartitionAudit `json:"partitions"`
	// Days has one entry per event day and rollup, by table, then by day.
	Days []DayAudit `json:"days"`
	// Pending is the number of partitions with a declared block unfinished.
	Pending     uint64       `json:"pending"`
	Differences []Difference `json:"differences"`
	// Configurations are the ranges of offsets stored under one configuration, by
	// topic, newest first.
	Configurations []ConfigSpan `json:"configurations"`
}

// ConfigSpan is consecutive blocks of one partition that were stored under the same
// configuration.
type ConfigSpan struct {
	Cluster    string    `json:"cluster" ch:"cluster"`
	Topic      string    `json:"topic" ch:"topic"`
	Epoch      uint32    `json:"epoch" ch:"epoch"`
	Partition  int32     `json:"partition" ch:"partition"`
	ConfigHash string    `json:"config_hash" ch:"config_hash"`
	First      int64     `json:"first" ch:"first"`
	End        int64     `json:"end" ch:"end"`
	Blocks     uint64    `json:"blocks" ch:"blocks"`
	Records    uint64    `json:"records" ch:"records"`
	Since      time.Time `json:"since" ch:"since"` // when the first of them was stored
	Until      time.Time `json:"until" ch:"until"`
	Instances  []string  `json:"instances" ch:"instances"`
}

// Mixed are the spans of the topics that have more than one configuration.
func (r *AuditReport) Mixed() []ConfigSpan {
	type topic struct{ cluster, topic string }
	hashes := map[topic]map[string]bool{}
	for _, s := range r.Configurations {
		t := topic{s.Cluster, s.Topic}
		if hashes[t] == nil {
			hashes[t] = map[string]bool{}
		}
		hashes[t][s.ConfigHash] = true
	}
	return slices.DeleteFunc(slices.Clone(r.Configurations),
		func(s ConfigSpan) bool { return len(hashes[topic{s.Cluster, s.Topic}]) < 2 })
}

// OK reports that nothing differs.
func (r *AuditReport) OK() bool { return len(r.Differences) == 0 }

// PartitionAudit sums the ledger of one partition in one life of its topic.
type PartitionAudit struct {
	Cluster    string    `json:"cluster" ch:"cluster"`
	Topic      string    `json:"topic" ch:"topic"`
	Epoch      uint32    `json:"epoch" ch:"epoch"`
	Partition  int32     `json:"partition" ch:"partition"`
	First      int64     `json:"first" ch:"first"` // offsets [First, End) are accounted for
	End        int64     `json:"end" ch:"end"`
	Blocks     uint64    `json:"blocks" ch:"blocks"`
	Records    uint64    `json:"records" ch:"records"`
	Responses  uint64    `json:"responses" ch:"responses"`
	Rejected   uint64    `json:"rejected" ch:"rejected"`
	Holes      uint64    `json:"holes" ch:"holes"`     // offsets without a record: compaction, transactions
	Skipped    uint64    `json:"skipped" ch:"skipped"` // offsets of gaps: retention took them before they were read
	LastRecord time.Time `json:"last_record" ch:"last_record"`
	LastEvent  time.Time `json:"last_event" ch:"last_event"`
}

// DayAudit compares one rollup with the ledger on one event day, in responses.
type DayAudit struct {
	Day      string       `json:"day"`
	Table    schema.Table `json:"table"`
	Expected uint64       `json:"expected"`
	Got      uint64       `json:"got"`
	// Expired: the day is as old as the table's rows can be; it is not judged.
	Expired bool `json:"expired,omitempty"`
	// Incomplete: the table is newer than some of the day's blocks; it is not judged.
	Incomplete bool `json:"incomplete,omitempty"`
	// Unsettled: there is more than the ledger says while a declared block is
	// unfinished; it is not judged.
	Unsettled bool `json:"unsettled,omitempty"`
}

// Judged reports that the day's numbers must be equal.
func (d DayAudit) Judged() bool { return !d.Expired && !d.Incomplete && !d.Unsettled }

// DifferenceKind says what does not add up.
type DifferenceKind string

// The kinds of difference.
const (
	Hole      DifferenceKind = "hole"    // offsets that no block or gap covers
	Overlap   DifferenceKind = "overlap" // offsets that two blocks cover
	Records   DifferenceKind = "records" // a block's records and holes do not fill its range
	DaySum    DifferenceKind = "days"    // a block's days do not add up to its responses
	Sum       DifferenceKind = "sum"     // a rollup holds other than the ledger says
	RejectSum DifferenceKind = "rejects" // the rejects stored are not those counted
)

// Difference is one thing that does not add up. Sum has a table and a day, the
// others a partition; of these all but RejectSum have an offset range.
type Difference struct {
	Kind      DifferenceKind `json:"kind"`
	Table     schema.Table   `json:"table,omitempty"`
	Day       string         `json:"day,omitempty"`
	Cluster   string         `json:"cluster,omitempty"`
	Topic     string         `json:"topic,omitempty"`
	Epoch     uint32         `json:"epoch,omitempty"`
	Partition int32          `json:"partition"`
	First     int64          `json:"first"`
	End       int64          `json:"end"`
	Expected  uint64         `json:"expected"`
	Got       uint64         `json:"got"`
}

// String is the difference in one line for people.
func (d Difference) String() string {
	where := fmt.Sprintf("%s/%d epoch %d [%d,%d)", d.Topic, d.Partition, d.Epoch, d.First, d.End)
	switch d.Kind {
	case Hole:
		return where + ": no block or gap covers these offsets"
	case Overlap:
		return where + ": two blocks cover these offsets"
	case Records:
		return fmt.Sprintf("%s: got %d records and holes; want %d", where, d.Got, d.Expected)
	case DaySum:
		return fmt.Sprintf("%s: the days hold %d responses; want %d", where, d.Got, d.Expected)
	case RejectSum:
		return fmt.Sprintf("%s/%d epoch %d: got %d rejects; want %d", d.Topic, d.Partition, d.Epoch, d.Got, d.Expected)
	default:
		return fmt.Sprintf("%s on %s: got %d responses; want %d", d.Table, d.Day, d.Got, d.Expected)
	}
}

// union is the sorted days of the ledger, before and after, and of all tables.
func union(before, after map[int32]aggregate.DayCount, stored []map[int32]uint64) []int32 {
	all := map[int32]bool{}
	for _, days := range []map[int32]aggregate.DayCount{before, after} {
		for day := range days {
			all[day] = true
		}
	}
	for _, days := range stored {
		for day := range days {
			all[day] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"statline/ingest/block"
)

// Offsets tells where a topic and a consumer group are.
type Offsets interface {
	StartOffsets(ctx context.Context) (map[int32]int64, error)
	GroupOffsets(ctx context.Context, group string) (map[int32]block.Committed, error)
}

// Ledgers tell how far a store's ledger goes.
type Ledgers interface {
	Ends(ctx context.Context, cluster, topic string) (map[int32]block.Ends, error)
}

// Missing is records of a topic that are missing in the store.
type Missing struct {
	block.Missing
	Group, Topic string
	// LogStart is the first offset that Kafka still has.
	LogStart int64
	// Uncovered counts offsets below the ledger's end that are in no block; First and
	// End are then the ledger's end.
	Uncovered int64
}

// Records is the number of missing offsets.
func (m Missing) Records() int64 {
	if m.First < 0 {
		return max(0, m.End-m.LogStart) + m.Uncovered
	}
	return m.End - m.First + m.Uncovered
}

// String names them and says how to mend it.
func (m Missing) String() string {
	var says []string
	partition := fmt.Sprintf("%s/%d", m.Topic, m.Partition)
	if m.First < m.End {
		says = append(says,
			fmt.Sprintf("%s: the records [%d,%d) are committed in group %s and not in ClickHouse's ledger, as after an older "+
				"backup was restored; %s", partition, max(0, m.First), m.End, m.Group, m.todo()))
	}
	if m.Uncovered > 0 {
		says = append(says,
			fmt.Sprintf("%s: %d offsets below %d are in no block of ClickHouse's ledger; statline audit lists them",
				partition, m.Uncovered, max(0, m.First)))
	}
	return strings.Join(says, "; ")
}

func (m Missing) todo() string {
	switch {
	case m.LogStart >= m.End:
		return fmt.Sprintf("Kafka's log begins at %d, so it has none of them any more: restore a newer backup, or start statline run with "+
			"--resume-at=group to leave them out", m.LogStart)
	case m.LogStart > max(0, m.First):
		return fmt.Sprintf("Kafka still has those from %d on: start statline run with --resume-at=ledger --on-gap=skip to store them", m.LogStart)
	}
	return "Kafka still has them: start statline run with --resume-at=ledger to store them"
}

// Compare compares what a group has committed with the ledger, and returns what
// is missing there, by partition. It may run while blocks are being stored.
func Compare(ctx context.Context, k Offsets, l Ledgers, cluster, topic, group string) ([]Missing, error) {
	commits, err := k.GroupOffsets(ctx, group)
	if err != nil {
		return nil, err
	}
	return compare(ctx, k, l, block.ID{Cluster: cluster, Topic: topic}, group, commits)
}

// compare is Compare with commits that were read before: see block.MissingOf.
func compare(ctx context.Context, k Offsets, l Ledgers, of block.ID, group string,
	commits map[int32]block.Committed) ([]Missing, error) {
	ends, err := l.Ends(ctx, of.Cluster, of.Topic)
	if err != nil {
		return nil, err
	}
	var all []Missing
	for p, c := range commits {
		m, missing := block.MissingOf(p, c, ends[p])
		if !missing {
			m = block.Missing{Partition: p, First: ends[p].End, End: ends[p].End}
		}
		if missing || ends[p].Uncovered > 0 {
			all = append(all, Missing{Missing: m, Group: group, Topic: of.Topic, Uncovered: ends[p].Uncovered})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	starts, err := k.StartOffsets(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].LogStart = starts[all[i].Partition]
	}
	slices.SortFunc(all, func(a, b Missing) int { return int(a.Partition - b.Partition) })
	return all, nil
}

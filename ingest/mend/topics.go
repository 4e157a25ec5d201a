package mend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"statline/ingest/block"
	"statline/ingest/fold"
)

// Topic is one of several that a database holds: its log, and how its lines are
// read now.
type Topic struct {
	Log        RecordReader
	Fold       fold.Config
	Partitions []int32
}

// topicLog is a topic's log with the rules that its blocks were stored under.
type topicLog struct {
	log  RecordReader
	book *rulebook
}

// topicLogs are the topics that blocks can be read of, by name.
type topicLogs map[string]*topicLog

func newTopicLogs(name string, first Topic, others map[string]Topic,
	read func(context.Context, string) ([]byte, error)) topicLogs {
	all := topicLogs{name: {first.Log, newRulebook(first.Fold, read)}}
	for other, t := range others {
		all[other] = &topicLog{t.Log, newRulebook(t.Fold, read)}
	}
	return all
}

// names lists them, in order.
func (l topicLogs) names() []string { return slices.Sorted(maps.Keys(l)) }

// canRead calls refuse for each block that cannot be read again, with the reason.
func (r *Repair) canRead(ctx context.Context, rows []block.LedgerRow,
	refuse func(row *block.LedgerRow, why error) error) error {
	logs, err := r.askLogs(ctx)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		log, known := logs[row.Topic]
		if known = known && row.Cluster == r.Block.Cluster; known {
			if err := log.learn(ctx, r, row); err != nil {
				return err
			}
		}
		start, has := log.starts[row.Partition]
		err = nil
		switch {
		case !known:
			err = errors.New("it is of another topic")
		case row.Kind != block.KindBlock:
			err = fmt.Errorf("it is a %s", row.Kind)
		case row.Epoch != log.epochs[row.Partition]:
			err = errors.New("it is of an earlier life of the topic")
		case recreated(row, log.topicID) != nil:
			err = recreated(row, log.topicID)
		case !has || start > row.First:
			err = errors.New("its records are no longer in the log")
		}
		if err != nil {
			err = refuse(row, fmt.Errorf("block %s cannot be read again as it was: %w", row.ID, err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// logNow is the present state of a topic's log.
type logNow struct {
	starts  map[int32]int64
	topicID string
	epochs  map[int32]uint32 // of the partitions that were asked about
}

func (r *Repair) askLogs(ctx context.Context) (map[string]logNow, error) {
	all := map[string]logNow{}
	for name, of := range r.topics() {
		starts, err := of.log.StartOffsets(ctx)
		if err != nil {
			return nil, err
		}
		id, err := of.log.TopicID(ctx)
		if err != nil {
			return nil, err
		}
		all[name] = logNow{starts, id, map[int32]uint32{}}
	}
	return all, nil
}

// learn asks once for the epoch of a block's partition.
func (l logNow) learn(ctx context.Context, r *Repair, row *block.LedgerRow) error {
	if _, known := l.epochs[row.Partition]; known {
		return nil
	}
	ledger, err := r.Store.Ledger(ctx, row.Cluster, row.Topic, row.Partition)
	l.epochs[row.Partition] = ledger.Own
	return err
}

package mend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"statline/classify"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/store"
)

// Recount counts the responses of a time range again from the log: by the second,
// where the store keeps only minutes. It writes nothing. Each block is decoded under
// the rules that it was stored under, and must give as many responses as the ledger
// says.
type Recount struct {
	Store RecountStore
	Log   RecordReader
	Fold  fold.Config
	// Block names the cluster and the topic.
	Block block.Config
	// Others are further topics of the database, by name.
	Others map[string]Topic
}

// RecountStore is what Recount needs of a store.
type RecountStore interface {
	DayBlocks(ctx context.Context, days []int64) ([]block.LedgerRow, error)
	ReadConfig(ctx context.Context, hash string) ([]byte, error)
}

// Run calls each for every response with an event time in [from, to) and its outcome,
// block by block and not in the order of time. The response is valid during the call.
func (r *Recount) Run(ctx context.Context, from, to time.Time, each func(*classify.Response, classify.Outcome)) error {
	days := daysIn([]store.Span{{From: uint32(from.Unix()), Until: uint32(to.Unix())}})
	rows, err := r.Store.DayBlocks(ctx, days)
	if err != nil {
		return err
	}
	logs := newTopicLogs(r.Block.Topic, Topic{Log: r.Log, Fold: r.Fold}, r.Others, r.Store.ReadConfig)
	for i := range rows {
		row := &rows[i]
		if row.MaxEventUnixMilli < from.UnixMilli() || row.MinEventUnixMilli >= to.UnixMilli() {
			continue
		}
		if err := r.block(ctx, logs, row, from, to, each); err != nil {
			return fmt.Errorf("count block %s again: %w", row.ID, err)
		}
	}
	return nil
}

func (r *Recount) block(ctx context.Context, logs topicLogs, row *block.LedgerRow, from, to time.Time,
	each func(*classify.Response, classify.Outcome)) error {
	log := logs[row.Topic]
	switch {
	case row.Cluster != r.Block.Cluster || log == nil:
		return fmt.Errorf("it is of another topic than %s; name every topic that is stored: --topic access,edge",
			strings.Join(logs.names(), ","))
	case row.Kind != block.KindBlock:
		return errors.New("it is a replay of rejects, whose lines the log has in another form")
	}
	starts, err := log.log.StartOffsets(ctx)
	if err != nil {
		return err
	}
	if start := starts[row.Partition]; start > row.First {
		return fmt.Errorf("its records are no longer in the log, which begins at %d; want a span that the log still has", start)
	}
	now, err := log.log.TopicID(ctx)
	if err != nil {
		return err
	}
	if err := recreated(row, now); err != nil {
		return err
	}
	under, err := log.book.of(ctx, row.ConfigHash)
	if err != nil {
		return err
	}
	decoder, err := decode.New(under.fold.Decode)
	if err != nil {
		return err
	}
	s := &secondsSink{fold: &under.fold, declared: 1000 * row.DeclaredAt(), from: from.UnixMilli(), to: to.UnixMilli(),
		each: each}
	err = log.log.ReadRange(ctx, row.Partition, row.First, row.End, func(rec block.Record) error {
		if rec.TooLarge == nil {
			s.record = rec.UnixMilli
			decoder.Columns(rec.Columns)
			decoder.Decode(rec.Value, s)
		}
		return nil
	})
	if err == nil && s.responses != row.Responses {
		err = fmt.Errorf("it has %d responses, and the ledger says %d", s.responses, row.Responses)
	}
	return err
}

// secondsSink takes responses as a builder does, and passes on those of a time range.
type secondsSink struct {
	fold             *fold.Config
	record, declared int64
	from, to         int64
	responses        uint64
	each             func(*classify.Response, classify.Outcome)
}

func (s *secondsSink) Reject(decode.Reject) {}

func (s *secondsSink) Response(r *classify.Response) {
	if r.UnixMilli == classify.RecordTime {
		if !block.Stamped(s.record) {
			return
		}
		r.UnixMilli = s.record
	}
	if s.fold.CheckTime(r.UnixMilli, fold.Times{Record: s.record, Declared: s.declared}) != "" {
		return
	}
	s.responses++
	if r.UnixMilli >= s.from && r.UnixMilli < s.to {
		s.each(r, s.fold.Catalogue.Decide(r).Outcome)
	}
}

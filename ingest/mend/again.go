package mend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
)

// Again folds the blocks of a span once more, under the configuration of now, into
// another database: what would be stored had these rules been in force. It reads the
// ledger of the first database and the log, and writes to the second one only.
//
// The blocks keep their offsets, so the second database is as exactly once as the first,
// and its own audit says so: of each partition all blocks from the first to the last one
// that have responses or records of the span are there, whole; rows before and after
// the span are those that such blocks have besides. Lines that were rejected and stored
// by a replay of rejects are decoded with their blocks. Who was forgotten in the first
// database stays so. Cut, it may be repeated: blocks that are stored are passed over.
type Again struct {
	From AgainSource
	Into AgainTarget
	// Repair has the log (Log, and Others for further topics) and the rules (Fold); its
	// Block names cluster, topic and who does it.
	Repair Repair
	// Done, if not nil, is called for every block that has been stored.
	Done func(id block.ID, responses uint64)
}

// AgainSource is the database whose blocks are folded again.
type AgainSource interface {
	RepairStore
	SpanBlocks(ctx context.Context, cluster, topic string, from, to time.Time) ([]block.LedgerRow, error)
}

// AgainTarget is the database that they are written to.
type AgainTarget interface {
	Blocks(ctx context.Context, cluster string) ([]block.LedgerRow, error)
	configWriter
	WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error
	WriteLedger(ctx context.Context, row block.LedgerRow, fence func() error) error
	Inserts(id block.ID, c *block.Contents) int
}

// AgainReport says what Run did.
type AgainReport struct {
	Blocks, Present             int // stored by this run, and by earlier ones
	Records, Responses, Rejects uint64
}

// ErrOtherReplay: the second database holds blocks of other rules or topics.
var ErrOtherReplay = errors.New("it holds what was stored under other rules, or of another topic")

// Run stores the blocks of [from, to) of event time.
func (a *Again) Run(ctx context.Context, from, to time.Time) (*AgainReport, error) {
	r := a.Repair
	r.Store = a.From
	var rows []block.LedgerRow
	for _, topic := range r.topics().names() {
		of, err := a.From.SpanBlocks(ctx, r.Block.Cluster, topic, from, to)
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	blocks := make([]block.LedgerRow, 0, len(rows))
	for _, row := range rows {
		if row.Kind == block.KindBlock {
			blocks = append(blocks, row)
		}
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("nothing of topic %s is stored of that span", strings.Join(r.topics().names(), ", "))
	}
	if err := r.canRead(ctx, blocks, func(_ *block.LedgerRow, why error) error { return why }); err != nil {
		return nil, err
	}
	stored, err := a.present(ctx, &r)
	if err != nil {
		return nil, err
	}
	for _, of := range r.topics() {
		if err := keepConfig(ctx, a.Into, of.book.mine(), r.Block.Version); err != nil {
			return nil, err
		}
	}
	report := &AgainReport{}
	for i := range rows {
		row := &rows[i]
		if stored[row.ID] {
			report.Present++
			continue
		}
		if row.Kind == block.KindGap {
			if err := a.Into.WriteLedger(ctx, *row, nofence); err != nil {
				return report, err
			}
			continue
		}
		if err := a.block(ctx, &r, &partial{row: row, rules: r.topics()[row.Topic].book.mine()}, report); err != nil {
			return report, fmt.Errorf("block %s: %w", row.ID, err)
		}
	}
	return report, nil
}

// present are the blocks that an earlier run has stored.
func (a *Again) present(ctx context.Context, r *Repair) (map[block.ID]bool, error) {
	rows, err := a.Into.Blocks(ctx, r.Block.Cluster)
	if err != nil {
		return nil, err
	}
	stored := map[block.ID]bool{}
	for _, row := range rows {
		if of := r.topics()[row.Topic]; of == nil || of.book.mine().hash != row.ConfigHash {
			return nil, fmt.Errorf("%w: block %s under %s", ErrOtherReplay, row.ID, row.ConfigHash)
		}
		if row.State == block.Stored {
			stored[row.ID] = true
		}
	}
	return stored, nil
}

// block stores one block: it is declared before its rows are written, and stored after
// them.
func (a *Again) block(ctx context.Context, r *Repair, p *partial, report *AgainReport) error {
	if err := r.read(ctx, p); err != nil {
		return err
	}
	c := p.contents
	row := block.LedgerRow{
		ID: p.row.ID, TopicID: p.row.TopicID, Kind: block.KindBlock, State: block.Declared, Group: r.Block.Group,
		Instance:   r.Block.Instance,
		ConfigHash: p.rules.hash, Version: r.Block.Version, Note: "replayed", DeclaredUnix: p.row.DeclaredAt(),
		WrittenAt: time.Now(),
	}
	row = row.Counted(c, a.Into.Inserts(row.ID, c))
	if err := a.Into.WriteLedger(ctx, row, nofence); err != nil {
		return err
	}
	if err := a.Into.WriteRows(ctx, row.ID, c, nofence); err != nil {
		return err
	}
	if err := a.Into.WriteLedger(ctx, row.Stored(c, time.Now()), nofence); err != nil {
		return err
	}
	report.Blocks++
	report.Records += c.Records
	report.Responses += c.Responses
	report.Rejects += c.Rejected
	if a.Done != nil {
		a.Done(row.ID, c.Responses)
	}
	return nil
}

package mend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"statline/classify"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/store"
)

// RejectStore is what Rejects needs of a store.
type RejectStore interface {
	Rejects(ctx context.Context, f store.RejectFilter) ([]store.Reject, error)
	Settlements(ctx context.Context, cluster, topic string) ([]block.LedgerRow, error)
	WriteLedger(ctx context.Context, row block.LedgerRow, fence func() error) error
	WriteRowsAs(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, fence func() error) error
	Inserts(id block.ID, c *block.Contents) int
	DeclaredIn(ctx context.Context, id block.ID) ([]store.DeclaredRange, error)
	configWriter
	ReadConfig(ctx context.Context, hash string) ([]byte, error)
	Forgotten(ctx context.Context) ([]string, error)
}

// Rejects settles a topic's rejects. Replay decodes them again, after a fix of
// the decoder or of the configuration, and stores those that are responses
// now; Discard says that they are none. Either is a ledger row of its own kind
// whose note lists the rejects, so each is settled once however often that is
// repeated. One such command works on a topic at a time.
//
// A replay is as exactly once as a block: its rejects are declared in the
// ledger, its inserts carry tokens made of them, the row "stored" comes last,
// and the next replay first finishes one that was cut.
type Rejects struct {
	Store RejectStore
	// Log gives the records back with their API keys, as long as they are
	// retained; nil, or a record that is gone, leaves the reject's scrubbed
	// bytes, whose responses have no key. Of a record that was too large there are
	// no such bytes: it is replayed when Log reads it now, under a higher limit.
	Log  RecordReader
	Fold fold.Config
	// Block names cluster, topic, group, instance and version, and how old a
	// cut replay may be.
	Block block.Config
}

// rejectsAtOnce is the number of rejects of one ledger row.
const rejectsAtOnce = 500

// ReplayReport says what Replay did.
type ReplayReport struct {
	Replayed  int // rejects that are responses now
	Responses uint64
	Still     int // rejects that are rejects still
}

// open lists the rejects that match the filter and are not settled, and the
// settlements that were interrupted. The filter's Cluster and Topic are those of
// Block.
func (r *Rejects) open(ctx context.Context, f store.RejectFilter) (open []store.Reject, cut []block.LedgerRow,
	err error) {
	f.Cluster, f.Topic = r.Block.Cluster, r.Block.Topic
	all, err := r.Store.Rejects(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	rows, err := r.Store.Settlements(ctx, f.Cluster, f.Topic)
	if err != nil {
		return nil, nil, err
	}
	settled, finished := map[rejectID]bool{}, map[string]bool{}
	for _, row := range rows {
		for _, p := range listed(row.Note) {
			settled[rejectID{row.Epoch, row.Partition, p}] = true
		}
		if row.State == block.Stored {
			finished[row.ID.String()+row.Note] = true
		}
	}
	for _, row := range rows {
		if row.State == block.Declared && !finished[row.ID.String()+row.Note] {
			cut = append(cut, row)
		}
	}
	for _, x := range all {
		if !settled[idOf(x)] {
			open = append(open, x)
		}
	}
	return open, cut, nil
}

// Replay stores the matching rejects that decode now.
func (r *Rejects) Replay(ctx context.Context, f store.RejectFilter) (ReplayReport, error) {
	var report ReplayReport
	open, cut, err := r.open(ctx, f)
	if err != nil {
		return report, err
	}
	book := newRulebook(r.Fold, r.Store.ReadConfig)
	for _, row := range cut {
		if err := r.finish(ctx, book, row, &report); err != nil {
			return report, err
		}
	}
	own, err := r.newReading(ctx, book.mine(), open)
	if err != nil {
		return report, err
	}
	var ready []store.Reject
	for _, x := range open {
		whole, err := r.whole(ctx, x)
		if err != nil {
			return report, err
		}
		if _, ok := own.try(whole); ok {
			ready = append(ready, x)
		} else {
			report.Still++
		}
	}
	if len(ready) > 0 {
		if err := keepConfig(ctx, r.Store, own.rules, r.Block.Version); err != nil {
			return report, err
		}
	}
	for _, unit := range units(ready) {
		row := r.settlement(block.KindReplay, block.Declared, unit, "")
		if err := r.Store.WriteLedger(ctx, row, nofence); err != nil {
			return report, err
		}
		if err := r.write(ctx, own, row, unit, &report); err != nil {
			return report, err
		}
	}
	return report, nil
}

// configWriter keeps configurations by their hash.
type configWriter interface {
	WriteConfig(ctx context.Context, c store.StoredConfig) error
}

// keepConfig stores the rules that replays are declared under.
func keepConfig(ctx context.Context, into configWriter, under rules, build string) error {
	body, err := under.fold.Written()
	if err != nil {
		return err
	}
	return into.WriteConfig(ctx, store.StoredConfig{
		Hash: under.hash, DecoderVersion: decode.Version, Build: build, Body: body,
	})
}

// Discard settles the matching rejects without storing anything; why is for people. It
// returns how many there were.
func (r *Rejects) Discard(ctx context.Context, f store.RejectFilter, why string) (int, error) {
	open, _, err := r.open(ctx, f)
	if err != nil {
		return 0, err
	}
	for _, unit := range units(open) {
		if err := r.Store.WriteLedger(ctx, r.settlement(block.KindDiscard, block.Stored, unit, why),
			nofence); err != nil {
			return 0, err
		}
	}
	return len(open), nil
}

// finish completes a replay that was interrupted after its declaration, under the
// rules of its declaration.
func (r *Rejects) finish(ctx context.Context, book *rulebook, row block.LedgerRow, report *ReplayReport) error {
	if age := time.Since(row.WrittenAt); age > r.Block.Tokens.Age {
		return fmt.Errorf("%w: replay [%d,%d) of %s/%d was declared %s ago and is older than the token window",
			block.ErrPartialBlock, row.First, row.End, row.Topic, row.Partition, age.Round(time.Second))
	}
	want := map[position]bool{}
	for _, p := range listed(row.Note) {
		want[p] = true
	}
	found, err := r.Store.Rejects(ctx, store.RejectFilter{Cluster: row.Cluster, Topic: row.Topic, Epoch: &row.Epoch,
		Partition: &row.Partition,
		First:     row.First, End: row.End, Limit: math.MaxInt32})
	if err != nil {
		return err
	}
	var unit []store.Reject
	for _, x := range found {
		if want[idOf(x).position] {
			unit = append(unit, x)
		}
	}
	if len(unit) != len(want) {
		return fmt.Errorf("%w: replay [%d,%d) of %s/%d: %d of its %d rejects have expired",
			block.ErrPartialBlock, row.First, row.End, row.Topic, row.Partition, len(want)-len(unit), len(want))
	}
	slices.SortFunc(unit, compareRejects)
	under, err := book.nearest(ctx, row.ConfigHash) // write checks whether that is possible
	if err != nil {
		return err
	}
	reading, err := r.newReading(ctx, under, unit)
	if err != nil {
		return err
	}
	return r.write(ctx, reading, row, unit, report)
}

// write stores a declared replay.
func (r *Rejects) write(ctx context.Context, under *reading, row block.LedgerRow, unit []store.Reject,
	report *ReplayReport) error {
	f, err := fold.New(under.fold, row.Partition)
	if err != nil {
		return err
	}
	records, err := r.records(ctx, unit)
	if err != nil {
		return err
	}
	bytes := 0
	for _, x := range unit {
		if x.Reason == fold.ReasonTooLarge {
			if records[x.Offset] == nil {
				return fmt.Errorf("%w: replay [%d,%d) of %s/%d: the record is gone, or larger than kafka-record-limit",
					block.ErrPartialBlock, row.First, row.End, row.Topic, row.Partition)
			}
			x.Raw = string(records[x.Offset])
		}
		under.add(f, x, records[x.Offset])
		bytes += len(x.Raw)
	}
	gone, err := readForgotten(ctx, r.Store, r.Fold.Decode.Secret)
	if err != nil {
		return err
	}
	c := gone.without(f.Contents())
	c.Rejects = nil // their rejects are stored already
	if row.ConfigHash != under.hash {
		if err := block.SameInserts(&row, c, r.Store.Inserts(row.ID, c), bytes); err != nil {
			return fmt.Errorf("%w: replay [%d,%d) of %s/%d was declared under other rules (%s; here: %s): %w",
				block.ErrPartialBlock, row.First, row.End, row.Topic, row.Partition, row.ConfigHash, under.hash, err)
		}
	}
	sum := sha256.Sum256([]byte(row.Note))
	kind := block.KindReplay + block.Kind("/"+hex.EncodeToString(sum[:8]))
	if err := r.Store.WriteRowsAs(ctx, row.ID, kind, c, nofence); err != nil {
		return fmt.Errorf("replay [%d,%d) of %s/%d: %w", row.First, row.End, row.Topic, row.Partition, err)
	}
	row.State, row.Mixed, row.ConfigHash = block.Stored, row.ConfigHash != under.hash, under.hash
	row.Records, row.Responses, row.Days = uint64(len(unit)), c.Responses, c.Rows.Days
	row.MinEventUnixMilli, row.MaxEventUnixMilli = c.Rows.MinUnixMilli, c.Rows.MaxUnixMilli
	row.WrittenAt = time.Now()
	if err := r.Store.WriteLedger(ctx, row, nofence); err != nil {
		return err
	}
	report.Replayed += len(unit)
	report.Responses += c.Responses
	return nil
}

// reading is a decoder under rules.
type reading struct {
	rules
	decoder *decode.Decoder
	// declared is when the blocks of rejects without a timestamp were declared, in
	// Unix seconds.
	declared map[rejectID]int64
}

// newReading is the reading of the rejects in xs.
func (r *Rejects) newReading(ctx context.Context, under rules, xs []store.Reject) (*reading, error) {
	d, err := decode.New(under.fold.Decode)
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	u := &reading{under, d, map[rejectID]int64{}}
	var undated []store.Reject
	for _, x := range xs {
		if !block.Stamped(x.RecordUnixMilli) {
			undated = append(undated, x)
		}
	}
	for _, unit := range units(undated) {
		id := r.settlement(block.KindReplay, block.Declared, unit, "").ID
		blocks, err := r.Store.DeclaredIn(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, x := range unit {
			for _, b := range blocks {
				if x.Offset >= b.First && x.Offset < b.End {
					u.declared[idOf(x)] = b.Unix
				}
			}
		}
	}
	return u, nil
}

// add adds a reject's responses to f: from its record if there is one that holds the
// same responses, else from the reject's own bytes.
func (u *reading) add(f *fold.Builder, x store.Reject, record []byte) {
	said, _ := u.try(x)
	value, from := []byte(x.Raw), 0
	if fold.HoldsRecord(&x.RejectRow) {
		from = int(x.Index)
	}
	if record != nil {
		var all trial
		u.decoder.Decode(record, &all)
		// Rejects before this one may have become several responses, so look for this
		// one's from its own index on.
		for i := int(x.Index); i+len(said) <= len(all.items); i++ {
			if slices.Equal(all.items[i:i+len(said)], said) {
				value, from = record, i
				break
			}
		}
	}
	f.Declared(u.declared[idOf(x)])
	f.AddPart(block.Record{Offset: x.Offset, UnixMilli: x.RecordUnixMilli, Value: value}, from, from+len(said))
}

// item identifies a response within a record, without its key.
type item struct {
	ok        bool
	unixMilli int64
	status    int16
	code      uint16
	service   string
	method    string
	route     string
}

// trial is a Sink that records what a record holds.
type trial struct{ items []item }

func (p *trial) Reject(decode.Reject) { p.items = append(p.items, item{}) }
func (p *trial) Response(r *classify.Response) {
	p.items = append(p.items, item{true, r.UnixMilli, r.Status, r.Code, string(r.Service), string(r.Method),
		string(r.Route)})
}

// try decodes a reject's own bytes; ok means that all of them are responses now, with
// acceptable times.
func (u *reading) try(x store.Reject) (items []item, ok bool) {
	var p trial
	u.decoder.Decode([]byte(x.Raw), &p)
	items = p.items
	for i := range items {
		if items[i].unixMilli == classify.RecordTime {
			items[i].unixMilli = x.RecordUnixMilli
			items[i].ok = block.Stamped(x.RecordUnixMilli)
		}
	}
	if fold.HoldsRecord(&x.RejectRow) {
		if int(x.Index) >= len(items) {
			return nil, false
		}
		items = items[x.Index : x.Index+1]
	}
	times := fold.Times{Record: x.RecordUnixMilli, Declared: 1000 * u.declared[idOf(x)]}
	for _, it := range items {
		if !it.ok || u.fold.CheckTime(it.unixMilli, times) != "" {
			return nil, false
		}
	}
	return items, len(items) > 0
}

// settlement is the ledger row of a unit. Its note is "offset:index,..." and,
// after a space, why.
func (r *Rejects) settlement(kind block.Kind, state block.State, unit []store.Reject, why string) block.LedgerRow {
	first, last := unit[0], unit[len(unit)-1]
	var note strings.Builder
	for i, x := range unit {
		if i > 0 {
			note.WriteByte(',')
		}
		fmt.Fprintf(&note, "%d:%d", x.Offset, x.Index)
	}
	if why != "" {
		note.WriteString(" " + why)
	}
	now := time.Now()
	return block.LedgerRow{
		ID: block.ID{Cluster: r.Block.Cluster, Topic: r.Block.Topic, Epoch: first.Epoch, Partition: first.Partition,
			First: first.Offset, End: last.Offset + 1},
		Kind: kind, State: state, Group: r.Block.Group, Instance: r.Block.Instance,
		ConfigHash: store.ConfigHash(r.Fold.Hash()), Version: r.Block.Version,
		Records: uint64(len(unit)), Note: note.String(), DeclaredUnix: now.Unix(), WrittenAt: now,
	}
}

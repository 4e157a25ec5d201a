package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

func ledgerOf(t *testing.T, s *Store, partition int32) block.Ledger {
	t.Helper()
	l, err := s.Ledger(t.Context(), "c", "access", partition)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func writeLedger(t *testing.T, s *Store, rows ...block.LedgerRow) {
	t.Helper()
	for _, r := range rows {
		if err := s.WriteLedger(t.Context(), r, free); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLedgerEmpty(t *testing.T) {
	if l := ledgerOf(t, open(t), 3); l.Epoch != 0 || l.Last != nil || l.Pending != nil {
		t.Errorf("got %+v; want nothing", l)
	}
}

// Every column of a ledger row comes back as it was given.
func TestLedgerRoundTrip(t *testing.T) {
	s := open(t)
	want := block.LedgerRow{
		ID:   block.ID{Cluster: "c", Topic: "access", Epoch: 2, Partition: 3, First: 10, End: 1 << 40},
		Kind: block.KindBlock, State: block.Stored, Group: "g", Instance: "i", ConfigHash: "h", Version: "v1",
		Records: 1, Responses: 2, Rejected: 3, Holes: 4,
		Days: []aggregate.DayCount{{Day: day0, Responses: 1, Keyed: 2, Addressed: 3, Agented: 4},
			{Day: day0 + 1, Responses: 4}},
		MinEventUnixMilli: 1_700_000_000_001, MaxEventUnixMilli: 1_700_000_000_002,
		LastRecordUnixMilli: 1_700_000_000_003,
		TopicID:             "CQkJCQkJCQkJCQkJCQkJCQ", Mixed: true, Note: "n", DeclaredUnix: 1_790_000_000,
		WrittenAt: time.UnixMilli(1_790_000_000_004).UTC(),
	}
	writeLedger(t, s, want, want)
	l := ledgerOf(t, s, 3)
	if l.Last == nil {
		t.Fatal("got no row")
	}
	if diff := cmp.Diff(want, *l.Last); diff != "" {
		t.Error(diff)
	}
	if n := count(t, s, schema.Ledger); n != 1 {
		t.Errorf("got %d rows; want 1: the second write repeats the first", n)
	}
}

// What the ledger knows of a partition, case by case.
func TestLedgerState(t *testing.T) {
	row := func(epoch uint32, partition int32, first, end int64, kind block.Kind, state block.State,
		at int64) block.LedgerRow {
		return block.LedgerRow{ID: block.ID{Cluster: "c", Topic: "access", Epoch: epoch, Partition: partition,
			First: first, End: end},
			Kind: kind, State: state, WrittenAt: time.Unix(at, 0),
			Days: []aggregate.DayCount{{Day: day0}, {Day: day0 + 1}}}
	}
	type rows = []block.LedgerRow
	const b, d, st = block.KindBlock, block.Declared, block.Stored
	for _, test := range []struct {
		name             string
		rows             rows
		epoch            uint32
		last, pending    int64 // their first offset, -1 for none
		since            uint64
		otherPartitionsE uint32
	}{
		{"declared only", rows{row(1, 3, 0, 10, b, d, 100)}, 1, -1, 0, 0, 1},
		{"stored", rows{row(1, 3, 0, 10, b, d, 100), row(1, 3, 0, 10, b, st, 101)}, 1, 0, -1, 0, 1},
		{"stored, then declared", rows{row(1, 3, 0, 10, b, d, 100), row(1, 3, 0, 10, b, st, 101), row(1, 3, 10, 30, b, d, 102)}, 1, 0, 10, 0, 1},
		{"others stored meanwhile", rows{row(1, 3, 0, 10, b, d, 100), row(1, 4, 0, 10, b, st, 99), row(1, 4, 10, 20, b, st, 100), row(1, 5, 0, 20, b, st, 160)}, 1, -1, 0, 4, 1},
		{"a gap is an end too", rows{row(1, 3, 0, 10, b, st, 100), row(1, 3, 10, 50, block.KindGap, st, 101)}, 1, 10, -1, 0, 1},
		{"replays and discards are not", rows{row(1, 3, 0, 10, b, st, 100), row(1, 3, 12, 13, block.KindReplay, st, 101), row(1, 3, 12, 13, block.KindDiscard, d, 102)}, 1, 0, -1, 0, 1},
		{"another cluster's", rows{{ID: block.ID{Cluster: "d", Topic: "access", Epoch: 9, Partition: 3, End: 4}, Kind: b, State: st}}, 0, -1, -1, 0, 0},
		{"a new epoch", rows{row(1, 3, 0, 10, b, st, 100), row(2, 3, 0, 5, b, st, 101)}, 2, 0, -1, 0, 2},
		{"a new epoch, begun by another partition", rows{row(1, 3, 0, 10, b, st, 100), row(2, 4, 0, 5, b, st, 101)}, 2, 0, -1, 0, 2},
		{"a declaration that later blocks went past", rows{row(1, 3, 0, 10, b, d, 100), row(1, 3, 0, 20, b, st, 101)}, 1, 0, -1, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			writeLedger(t, s, test.rows...)
			l := ledgerOf(t, s, 3)
			first := func(r *block.LedgerRow) int64 {
				if r == nil {
					return -1
				}
				return r.First
			}
			if l.Epoch != test.epoch || first(l.Last) != test.last || first(l.Pending) != test.pending ||
				l.BlocksSince != test.since {
				t.Errorf("got epoch %d, last %d, pending %d, since %d; want %d, %d, %d, %d",
					l.Epoch, first(l.Last), first(l.Pending), l.BlocksSince, test.epoch, test.last, test.pending,
					test.since)
			}
			if other := ledgerOf(t, s, 77); other.Epoch != test.otherPartitionsE || other.Last != nil ||
				other.Pending != nil {
				t.Errorf("partition without rows: got %+v", other)
			}
		})
	}
}

// Which topic the rows of the newest epoch are of, and those of a partition's own
// newest: the latest that names one counts, as versions that name none may write
// beside those that do.
func TestLedgerTopicID(t *testing.T) {
	s := open(t)
	row := func(epoch uint32, partition int32, end int64, id string, at int64) block.LedgerRow {
		return block.LedgerRow{ID: block.ID{Cluster: "c", Topic: "access", Epoch: epoch, Partition: partition,
			First: end - 10, End: end},
			TopicID: id, Kind: block.KindBlock, State: block.Stored, WrittenAt: time.Unix(at, 0)}
	}
	writeLedger(t, s,
		row(0, 3, 10, "", 100), row(0, 3, 20, "A", 101), row(0, 3, 30, "", 102),
		row(0, 4, 10, "", 103),
		row(1, 5, 10, "B", 104), row(1, 5, 20, "", 105))
	for _, want := range []struct {
		partition int32
		own       uint32
		id        string
		end       int64
	}{{3, 0, "A", 30}, {4, 0, "", 10}, {5, 1, "B", 20}, {6, 0, "", 0}} {
		l := ledgerOf(t, s, want.partition)
		if l.Epoch != 1 || l.TopicID != "B" || l.Own != want.own || l.OwnTopicID != want.id ||
			(l.Last == nil) != (want.end == 0) || l.Last != nil && l.Last.End != want.end {
			t.Errorf("partition %d: got %+v; want epoch 1 of B, its own %+v", want.partition, l, want)
		}
	}
}

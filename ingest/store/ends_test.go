package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
)

// Promise: the ledger's ends are those of each partition's newest life, a declaration
// is where its block begins, and what no block covers is counted.
func TestEnds(t *testing.T) {
	s := open(t)
	now := time.Now()
	write := func(epoch uint32, partition int32, first, end int64, state block.State, kind block.Kind, instance,
		hash string, age time.Duration) {
		t.Helper()
		row := block.LedgerRow{ID: block.ID{Cluster: "c", Topic: "access", Epoch: epoch, Partition: partition,
			First: first, End: end},
			Kind: kind, State: state, Instance: instance, ConfigHash: hash, Version: "v", WrittenAt: now.Add(-age)}
		writeLedger(t, s, row)
	}
	write(0, 0, 0, 900, block.Stored, block.KindBlock, "old", "a", time.Hour)
	write(1, 0, 5, 5, block.Stored, block.KindGap, "old", "a", time.Minute)
	write(1, 0, 5, 60, block.Stored, block.KindBlock, "old", "a", time.Minute)
	write(1, 0, 60, 90, block.Stored, block.KindGap, "old", "a", time.Minute)
	write(1, 0, 90, 120, block.Declared, block.KindBlock, "old", "b", 0)
	write(1, 1, 0, 10, block.Stored, block.KindBlock, "old", "a", 2*time.Second)
	write(1, 1, 25, 30, block.Stored, block.KindBlock, "new", "b", time.Second)
	write(1, 2, 7, 9, block.Declared, block.KindBlock, "new", "b", 0)
	write(0, 3, 0, 40, block.Stored, block.KindBlock, "old", "a", time.Hour)
	got, err := s.Ends(t.Context(), "c", "access")
	want := map[int32]block.Ends{0: {Epoch: 1, Known: true, End: 90}, 1: {Epoch: 1, Known: true, End: 30, Uncovered: 15}, 2: {Epoch: 1, Known: true, End: 7},
		3: {Epoch: 0, Known: true, End: 40}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := s.Ends(t.Context(), "c", "another"); err != nil || len(got) != 0 {
		t.Errorf("a topic that is not known: got %v, %v", got, err)
	}
	writers, err := s.Writers(t.Context(), "c", "access", now.Add(-10*time.Minute))
	if err != nil || len(writers) != 2 || writers[0].Instance != "new" || writers[0].ConfigHash != "b" ||
		writers[1].ConfigHash != "a" {
		t.Errorf("got %+v, %v", writers, err)
	}
}

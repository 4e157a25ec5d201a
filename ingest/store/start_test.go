package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// How a topic was first read from its end is what the first said that asked; of a
// topic that was read before anybody did, nothing is known to have been there.
func TestFirstStart(t *testing.T) {
	s := open(t)
	first := schema.Start{TopicID: "A", Epoch: 1, Ends: map[int32]int64{0: 70, 1: 0}}
	for _, now := range []schema.Start{first, {Ends: map[int32]int64{0: 90, 1: 4, 2: 8}}} {
		got, err := s.FirstStart(t.Context(), "c", "access", now)
		if diff := cmp.Diff(first, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	writeLedger(t, s, block.LedgerRow{ID: block.ID{Cluster: "c", Topic: "read before", End: 10}, Kind: block.KindBlock,
		State: block.Stored})
	if got, err := s.FirstStart(t.Context(), "c", "read before", first); err != nil || len(got.Ends) != 0 {
		t.Errorf("a topic that was read before: got %+v, %v; want no ends", got, err)
	}
}

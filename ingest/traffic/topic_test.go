package traffic

import (
	"testing"
)

// A topic is created once, grows, and is gone when its deletion returns.
func TestTopic(t *testing.T) {
	ctx, brokers := t.Context(), fakeBroker(t)
	for range 2 {
		if err := CreateTopic(ctx, brokers, "access", 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := AddPartitions(ctx, brokers, "access", 5); err != nil {
		t.Fatal(err)
	}
	offsets, err := ReadOffsets(ctx, brokers, "access", "nobody")
	if err != nil || len(offsets) != 5 || offsets[4] != (Offsets{Committed: -1}) {
		t.Fatalf("got %+v, %v; want five empty partitions", offsets, err)
	}
	if err := DeleteTopic(ctx, brokers, "access"); err != nil {
		t.Fatal(err)
	}
	if offsets, err = ReadOffsets(ctx, brokers, "access", "nobody"); len(offsets) > 0 {
		t.Errorf("got %+v, %v after the deletion", offsets, err)
	}
}

// A transaction that hangs holds the stable offset back, and lets it go at its
// end, whichever that is.
func TestTransactionHangs(t *testing.T) {
	ctx, brokers := t.Context(), fakeBroker(t)
	stable := func() (stable, end int64) {
		t.Helper()
		offsets, err := ReadOffsets(ctx, brokers, "access", "nobody")
		if err != nil || len(offsets) != 1 {
			t.Fatalf("got %+v, %v", offsets, err)
		}
		return offsets[0].Stable, offsets[0].End
	}
	produce := func(seed uint64) *Generator {
		t.Helper()
		g, err := New(Config{Seed: seed, Scenario: Quiet, Count: 50})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if err := CreateTopic(ctx, brokers, "access", 1); err != nil {
		t.Fatal(err)
	}
	for seed, commit := range []bool{true, false} {
		_, before := stable()
		hanging, err := BeginTransaction(ctx, brokers, "access", "hangs", produce(uint64(seed)))
		if err != nil {
			t.Fatal(err)
		}
		if err := Produce(ctx, brokers, "access", produce(7), ProduceOptions{}); err != nil {
			t.Fatal(err)
		}
		if at, end := stable(); at != before || end != before+100 {
			t.Errorf("while it hangs: stable %d, end %d; want %d and %d", at, end, before, before+100)
		}
		if err := hanging.End(ctx, commit); err != nil {
			t.Fatal(err)
		}
		if at, end := stable(); at != end || end != before+101 {
			t.Errorf("commit %v: stable %d, end %d; want both %d", commit, at, end, before+101)
		}
	}
}

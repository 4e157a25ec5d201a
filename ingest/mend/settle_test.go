package mend

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"statline/classify/aggregate"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// cutStore fails its n-th WriteRowsAs after the rows are stored, as a cut
// connection does.
type cutStore struct {
	*store.Store
	calls atomic.Int64
	at    int64
}

func (s *cutStore) WriteRowsAs(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents,
	fence func() error) error {
	if err := s.Store.WriteRowsAs(ctx, id, kind, c, fence); err != nil {
		return err
	}
	if s.calls.Add(1) == s.at {
		return errors.New("connection reset")
	}
	return nil
}

// Promise: after a fix, a replay stores exactly the rejects that are responses
// now, with their keys, once however often it is repeated or cut; a discard
// settles the others.
func TestReplayEndToEnd(t *testing.T) {
	r := ingesttest.New(t, "replay")
	truth := r.Produce(11, 3000)
	r.Fold.Decode.Format = "haproxy" // nothing decodes
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	client := r.Client()
	defer client.Close()
	cluster, err := client.ClusterID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cut := &cutStore{Store: r.Store, at: 2}
	x := &Rejects{Store: cut, Log: client, Fold: ingesttest.Folding(), Block: ingesttest.Config().Block}
	x.Block.Cluster, x.Block.Topic = cluster, r.Topic
	filter := store.RejectFilter{Limit: 10_000}

	if _, err := x.Replay(t.Context(), filter); err == nil {
		t.Fatal("the cut replay reported no error")
	}
	changed := *x
	changed.Fold.Decode.Format = "haproxy" // again: what was declared is finished as it was
	if report, err := changed.Replay(t.Context(), filter); err != nil || report.Replayed == 0 {
		t.Errorf("after a change of rules: got %+v, %v; want the cut replay finished", report, err)
	}
	report, err := x.Replay(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	r.CheckOutcomes(truth)
	r.Audit()
	if report.Still != int(truth.Rejected) {
		t.Errorf("got %d rejects still; want the %d malformed lines", report.Still, truth.Rejected)
	}
	report, err = x.Replay(t.Context(), filter)
	if err != nil || report.Replayed != 0 || report.Responses != 0 {
		t.Errorf("a second replay: got %+v, %v; want nothing to do", report, err)
	}
	keyed, err := store.Select[struct {
		N uint64 `ch:"n"`
	}](t.Context(), r.Store, "SELECT sum(requests) AS n FROM "+r.Store.Table(schema.Keys))
	if err != nil || keyed[0].N == 0 {
		t.Errorf("got %v keyed responses, %v; want those of the records in the log", keyed, err)
	}
	n, err := x.Discard(t.Context(), filter, "no logs")
	if err != nil || n != int(truth.Rejected) {
		t.Errorf("discarded %d, %v; want %d", n, err, truth.Rejected)
	}
	if open, _, err := x.open(t.Context(), filter); err != nil || len(open) != 0 {
		t.Errorf("%d rejects are open after all are settled, %v", len(open), err)
	}
	r.CheckOutcomes(truth)
	r.Audit()
}

// oneLine is a traffic.Source of a single line.
type oneLine struct {
	text string
	at   time.Time
	sent bool
}

func (o *oneLine) Next(line []byte) ([]byte, int64, uint64, bool) {
	if o.sent {
		return line, 0, 0, false
	}
	o.sent = true
	return append(line, o.text...), o.at.UnixMilli(), 0, true
}

// Promise: a line that this configuration cannot read, between lines that it
// can, stops nothing, and when that is put right a replay adds exactly this
// line.
func TestPoisonBetweenGood(t *testing.T) {
	r := ingesttest.New(t, "poison")
	before := r.Produce(21, 2000)
	at := time.Now().Add(-30 * time.Minute)
	early := fmt.Sprintf(`{"ts":%q,"service":"only-here","path":"/a","status":429}`, at.Add(20*time.Minute).UTC().
		Format(time.RFC3339))
	if err := traffic.Produce(t.Context(), r.Brokers(), r.Topic, &oneLine{text: early, at: at},
		traffic.ProduceOptions{}); err != nil {
		t.Fatal(err)
	}
	after := r.Produce(22, 2000)
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.CheckOutcomes(before, after)
	r.Audit()

	repair := repairOf(t, r)
	x := &Rejects{Store: r.Store, Log: repair.Log, Fold: r.Fold, Block: repair.Block}
	x.Fold.MaxAhead = time.Hour // was ten minutes, and the line is twenty ahead
	report, err := x.Replay(t.Context(), store.RejectFilter{Limit: 10_000})
	if err != nil || report.Responses != 1 {
		t.Fatalf("got %+v, %v; want one response", report, err)
	}
	got, err := store.Select[struct {
		Service  string `ch:"service"`
		Requests uint64 `ch:"n"`
	}](t.Context(), r.Store,
		"SELECT service, sum(requests) AS n FROM "+r.Store.Table(schema.Responses)+" WHERE service = 'only-here' AND http_status = 429 GROUP BY service")
	if err != nil || len(got) != 1 || got[0].Requests != 1 {
		t.Errorf("got %+v, %v; want the one request", got, err)
	}
	storetest.Exec(t, r.Store,
		"DELETE FROM "+r.Store.Table(schema.Services)+" WHERE service = 'only-here' SETTINGS mutations_sync = 2")
	differences := r.Differences()
	if len(differences) != 1 || differences[0].Table != schema.Services ||
		differences[0].Expected != differences[0].Got+1 {
		t.Errorf("without the replayed line the audit found %v; want one request missing in services", differences)
	}
}

// Promise: without the log, a reject's own bytes are enough for everything but
// its key, and of a record with several lines only the rejected one counts.
func TestReplayOfOneLine(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	folding := ingesttest.Folding()
	folding.MaxAhead = time.Hour // was 10 minutes
	record := `[{"ts":"2026-03-01T12:00:00Z","status":200,"path":"/a"},{"ts":"2026-03-01T12:30:00Z","status":429,"path":"/b"}]`
	f := newBuilder(t, ingesttest.Folding())
	f.Add([]block.Record{{Offset: 7, UnixMilli: at.UnixMilli(), Value: []byte(record)}})
	c := f.Contents()
	if c.Responses != 1 || c.Rejected != 1 {
		t.Fatalf("got %d responses, %d rejects; want one of each", c.Responses, c.Rejected)
	}
	again := newBuilder(t, folding)
	under, err := (&Rejects{}).newReading(t.Context(), newRulebook(folding, nil).mine(), nil)
	if err != nil {
		t.Fatal(err)
	}
	reject := store.Reject{RejectRow: c.Rejects[0]}
	if _, ok := under.try(reject); !ok {
		t.Fatal("the reject is not ready to be replayed")
	}
	under.add(again, reject, nil)
	got := again.Contents()
	if got.Responses != 1 || got.Rejected != 0 || got.Rows.Responses[0].HTTPStatus != 429 {
		t.Errorf("got %+v; want the one response with status 429", got.Rows.Responses)
	}
}

// halfStore stores some rollups of the first block and then dies.
type halfStore struct {
	*store.Store
	die  func()
	done atomic.Bool
}

func (s *halfStore) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	if !s.done.CompareAndSwap(false, true) {
		<-ctx.Done()
		return ctx.Err()
	}
	half := *c
	half.Rows = aggregate.Rows{Responses: c.Rows.Responses, KeysHour: c.Rows.KeysHour, Clients: c.Rows.Clients}
	half.Rejects = nil
	if err := s.Store.WriteRows(ctx, id, &half, fence); err != nil {
		return err
	}
	s.die()
	return errors.New("connection reset")
}

// Promise: a partly inserted block beyond the token window is refused, and a
// repair completes it from what the tables hold, without tokens; after it the
// pipeline goes on and every sum is the truth's.
func TestRepairEndToEnd(t *testing.T) {
	r := ingesttest.New(t, "repair")
	truth := r.Produce(13, 20_000)
	ctx, die := context.WithCancel(t.Context())
	r.Into = &halfStore{Store: r.Store, die: die}
	small := func(c *ingest.Config) {
		c.Block.Limits.Records = 2000
		c.Block.StopTimeout = time.Nanosecond
	}
	_ = r.Run(ctx, small) // dies
	r.Into = r.Store

	expired := func(c *ingest.Config) { c.Block.Tokens.Age = -1 }
	err := r.Run(t.Context(), expired)
	if !errors.Is(err, block.ErrPartialBlock) {
		t.Fatalf("got error %v; want ErrPartialBlock", err)
	}
	client := r.Client()
	defer client.Close()
	cfg := ingesttest.Config().Block
	cfg.Topic = r.Topic
	if cfg.Cluster, err = client.ClusterID(t.Context()); err != nil {
		t.Fatal(err)
	}
	repair := &Repair{Store: r.Store, Log: client, Fold: r.Fold, Block: cfg, TTL: schema.DefaultTTL()}
	all := []int32{0, 1, 2}
	if _, err := repair.Run(t.Context(), all); !errors.Is(err, ErrNothingToRepair) {
		t.Errorf("young blocks: got error %v; want ErrNothingToRepair", err)
	}
	repair.Block.Tokens.Age = -1
	report, err := repair.Run(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d blocks, %d table days inserted, %d present", len(report.Blocks), len(report.Inserted),
		len(report.Present))
	if len(report.Inserted) == 0 || len(report.Present) == 0 {
		t.Error("nothing was inserted, or nothing was there; want some of each")
	}
	if _, err := repair.Run(t.Context(), all); !errors.Is(err, ErrNothingToRepair) {
		t.Errorf("repaired twice: got error %v; want ErrNothingToRepair", err)
	}
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.Check(truth)
}

// Promise: a surplus is explained by one choice of blocks or by none.
func TestSubset(t *testing.T) {
	for _, c := range []struct {
		adds    []uint64
		surplus int64
		mask    uint
		choices int
	}{
		{[]uint64{5}, 0, 0, 1},
		{[]uint64{5}, 5, 1, 1},
		{[]uint64{5}, 3, 0, 0},
		{[]uint64{5}, -5, 0, 0},
		{[]uint64{5, 0, 7}, 7, 4, 1},
		{[]uint64{5, 0, 7}, 12, 5, 1},
		{[]uint64{5, 5}, 5, 0, 2},
		{[]uint64{5, 5}, 10, 3, 1},
		{[]uint64{2, 3, 5}, 5, 0, 2},
		{nil, 0, 0, 1},
	} {
		if mask, choices := subset(c.adds, c.surplus); choices != c.choices || mask != c.mask {
			t.Errorf("%v, surplus %d: got blocks %b of %d choices; want %b of %d", c.adds, c.surplus, mask, choices,
				c.mask, c.choices)
		}
	}
}

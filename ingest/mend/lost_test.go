package mend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"statline/classify/aggregate"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// lossyStore says that every block is stored, and loses tables of some, as a
// server does that keeps a token and not the rows.
type lossyStore struct {
	*store.Store
	lose   map[int64]func(*aggregate.Rows) // by the number of the block
	blocks atomic.Int64
}

func (s *lossyStore) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	left := *c
	if lose := s.lose[s.blocks.Add(1)]; lose != nil {
		lose(&left.Rows)
	}
	return s.Store.WriteRows(ctx, id, &left, fence)
}

// small limits a pipeline to small blocks.
func small(c *ingest.Config) { c.Block.Limits.Records = 1000 }

func repairOf(t *testing.T, r *ingesttest.Rig) *Repair {
	t.Helper()
	client := r.Client()
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := ingesttest.Config().Block
	cfg.Topic = r.Topic
	var err error
	if cfg.Cluster, err = client.ClusterID(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &Repair{Store: r.Store, Log: client, Fold: r.Fold, Block: cfg, TTL: schema.DefaultTTL()}
}

// checkRefused wants Lost to say why, and to change nothing.
func checkRefused(t *testing.T, r *ingesttest.Rig, repair *Repair, why string) {
	t.Helper()
	before := r.Differences()
	report, err := repair.Lost(t.Context())
	if err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("got %+v, error %v; want one that says %q", report, err, why)
	}
	if after := r.Differences(); !slices.Equal(before, after) {
		t.Errorf("a refused repair changed what is stored: the audit found %v, now %v", before, after)
	}
}

// Promise: rows of several blocks that are lost in several tables, of blocks
// that share their minutes with others, come back once and exactly; before
// that the audit finds them, and afterwards nothing.
func TestLostRowsComeBack(t *testing.T) {
	r := ingesttest.New(t, "lost")
	truth := r.Produce(17, 12_000)
	var none aggregate.List[aggregate.KeyRow]
	lossy := &lossyStore{Store: r.Store, lose: map[int64]func(*aggregate.Rows){
		1: func(rows *aggregate.Rows) { rows.Services, rows.ResponsesHour = nil, nil },
		2: func(rows *aggregate.Rows) {
			rows.Clients, rows.Agents, rows.AgentsHour = aggregate.List[aggregate.ClientRow]{}, nil, nil
		},
		4: func(rows *aggregate.Rows) { rows.ServicesHour, rows.Keys, rows.KeysHour = nil, none, none },
		7: func(rows *aggregate.Rows) { rows.Responses = nil },
	}}
	r.Into = lossy
	if err := r.Run(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	if n := lossy.blocks.Load(); n < 12 {
		t.Fatalf("got %d blocks; want at least 12", n)
	}
	tables := map[schema.Table]bool{}
	for _, d := range r.Differences() {
		if d.Kind != store.Sum || d.Got >= d.Expected {
			t.Errorf("audit: %s; want only missing rows", d)
		}
		tables[d.Table] = true
	}
	if len(tables) != len(r.Store.Rollups()) {
		t.Errorf("the audit finds rows missing in %v; want every table of counts", slices.Collect(maps.Keys(tables)))
	}
	repair := repairOf(t, r)
	repair.Fold.Decode.Format = "haproxy" // configured since; the blocks have rules of their own
	report, err := repair.Lost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Blocks) != 4 || len(report.Inserted) < 7 {
		t.Errorf("got %d blocks and %+v; want four blocks with seven tables", len(report.Blocks), report.Inserted)
	}
	r.Check(truth)
	if _, err := repair.Lost(t.Context()); !errors.Is(err, ErrNothingToRepair) {
		t.Errorf("repaired twice: got error %v; want ErrNothingToRepair", err)
	}
	r.Check(truth)
}

// Promise: the lost rows' own token, which the server has kept, does not stop
// the repair.
func TestLostRowsWithTheirTokenKept(t *testing.T) {
	r := ingesttest.New(t, "lost_token")
	truth := r.Produce(18, 3000)
	if err := r.Run(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	storetest.Exec(t, r.Store, "DELETE FROM "+r.Store.Table(schema.Services)+" WHERE 1 SETTINGS mutations_sync = 2")
	repair := repairOf(t, r)
	// What the daemon would do: the same rows under the same token.
	rows, err := r.Store.DayBlocks(t.Context(), []int64{truth.First.Unix() / daySeconds})
	if err != nil || len(rows) == 0 {
		t.Fatalf("got %d blocks, %v", len(rows), err)
	}
	for i := range rows {
		p := &partial{row: &rows[i]}
		if err := repair.read(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if err := r.Store.WriteRows(t.Context(), rows[i].ID, p.contents, nofence); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Differences()) == 0 {
		t.Fatal("the tokens are gone with the rows: this test shows nothing")
	}
	if _, err := repair.Lost(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Check(truth)
}

// Promise: what is missing and is no set of whole blocks is refused, and so is
// what cannot be read again as it was; then nothing is inserted.
func TestLostRowsNeverGuessed(t *testing.T) {
	r := ingesttest.New(t, "lost_refused")
	r.Produce(19, 6000)
	r.Into = &lossyStore{Store: r.Store,
		lose: map[int64]func(*aggregate.Rows){1: func(rows *aggregate.Rows) { rows.Services = nil }}}
	if err := r.Run(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	other := repairOf(t, r)
	other.Fold.Decode.Format = "haproxy" // decodes nothing
	storetest.Exec(t, r.Store, "TRUNCATE TABLE "+r.Store.Table(schema.Configs))
	checkRefused(t, r, other, "read again, has")

	services := r.Store.Table(schema.Services)
	storetest.Exec(t, r.Store,
		"INSERT INTO "+services+" (minute, service, outcome, requests) SELECT minute, 'planted', outcome, 1 FROM "+services+" LIMIT 1")
	checkRefused(t, r, repairOf(t, r), "no block of the ledger has")
	storetest.Exec(t, r.Store, "DELETE FROM "+services+" WHERE service = 'planted' SETTINGS mutations_sync = 2")

	// Some rows of whichever block have gone too.
	storetest.Exec(t, r.Store,
		"DELETE FROM "+services+" WHERE service IN (SELECT service FROM "+services+" ORDER BY service LIMIT 1) SETTINGS mutations_sync = 2")
	checkRefused(t, r, repairOf(t, r), "0 choices are exactly that")

	if err := traffic.Expire(t.Context(), r.Brokers(), r.Topic); err != nil {
		t.Fatal(err)
	}
	checkRefused(t, r, repairOf(t, r), "no longer in the log")
}

// Promise: of blocks that could be missing, one choice is exactly what is
// missing, or none is taken.
func TestExplain(t *testing.T) {
	c := func(block int, adds ...int64) candidate {
		m, n := map[int]int64{}, uint64(0)
		for bucket, add := range adds {
			if add > 0 {
				m[bucket], n = add, n+uint64(add)
			}
		}
		return candidate{block, n, m}
	}
	for name, k := range map[string]struct {
		deficit []int64
		could   []candidate
		want    []int
		choices int
	}{
		"one":                    {[]int64{2, 3, 0}, []candidate{c(7, 2, 3)}, []int{7}, 1},
		"a smaller one fits too": {[]int64{2, 3, 0}, []candidate{c(1, 1, 1), c(7, 2, 3)}, []int{7}, 1},
		"two": {[]int64{2, 3, 5}, []candidate{c(1, 1, 1), c(2, 2, 0, 5), c(3, 0, 3)},
			[]int{2, 3}, 1},
		"as many, elsewhere":          {[]int64{4, 0}, []candidate{c(1, 4)}, []int{1}, 1},
		"two that are alike":          {[]int64{2, 3}, []candidate{c(1, 2, 3), c(2, 2, 3)}, nil, 2},
		"one, or two that make it up": {[]int64{2, 3}, []candidate{c(1, 2, 3), c(2, 2), c(3, 0, 3)}, nil, 2},
		"half a block":                {[]int64{2, 0}, []candidate{c(1, 1)}, nil, 0},
		"none":                        {[]int64{2, 0}, nil, nil, 0},
	} {
		got, choices := explain(k.deficit, k.could)
		slices.Sort(got)
		if choices != k.choices || choices == 1 && !slices.Equal(got, k.want) {
			t.Errorf("%s: got %v, %d choices; want %v, %d", name, got, choices, k.want, k.choices)
		}
	}
}

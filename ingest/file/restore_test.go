package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// killedStore is a store whose process dies.
type killedStore struct {
	*store.Store
	beforeStored   bool // when the rows are written, and the ledger does not say so
	afterRestore   bool // when what was lost is there again
	withoutMending bool
}

func (s *killedStore) WriteLedger(ctx context.Context, row block.LedgerRow, fence func() error) error {
	if s.beforeStored && row.State == block.Stored {
		return errKilled
	}
	return s.Store.WriteLedger(ctx, row, fence)
}

func (s *killedStore) Restore(ctx context.Context, id block.ID, c *block.Contents) (block.Restoration, error) {
	if s.withoutMending {
		return block.Restoration{}, nil
	}
	r, err := s.Store.Restore(ctx, id, c)
	if err == nil && s.afterRestore {
		err = errKilled
	}
	return r, err
}

// The log of the tests has lines of an hour of its own, and of another day.
var (
	otherBegins = time.Date(2026, 7, 1, 20, 0, 0, 0, time.UTC)
	logBegins   = time.Date(2026, 7, 1, 23, 0, 0, 0, time.UTC)
	midnight    = time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
)

// unfinished is a store with one log, and with the rows of another that its
// ledger does not call stored: the process was killed in between.
func unfinished(t *testing.T) (s *killedStore, path string) {
	t.Helper()
	s = &killedStore{Store: storetest.Open(t)}
	loadReal(t, s, writeLog(t, otherBegins), nil)
	path = writeLog(t, logBegins, midnight)
	s.beforeStored = true
	loadReal(t, s, path, errKilled)
	s.beforeStored = false
	return s, path
}

// writeLog makes a log of some minutes from each time on.
func writeLog(t *testing.T, begins ...time.Time) string {
	t.Helper()
	var text bytes.Buffer
	for i, at := range begins {
		lines, err := traffic.New(traffic.Config{Seed: 7, Scenario: traffic.Mixed, Malformed: 0.02, Rate: 1,
			Count: 300 + int64(i), Start: at})
		if err != nil {
			t.Fatal(err)
		}
		if err := traffic.WriteTo(t.Context(), lines, &text); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadReal is a run of its own, which ends with want.
func loadReal(t *testing.T, s Store, path string, want error) Result {
	t.Helper()
	folding := fold.DefaultConfig()
	folding.AnyTime, folding.Decode = true, decode.Config{Format: "auto", Secret: foldtest.Secret}
	pool, err := fold.NewPool(folding, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	in, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cfg := DefaultConfig(2)
	cfg.ConfigHash = pool.Hash()
	r, err := NewLoader(cfg, s, pool.For(0)).Load(t.Context(), in, &Progress{})
	if !errors.Is(err, want) {
		t.Fatalf("got %v; want %v", err, want)
	}
	return r
}

// lose deletes rows and leaves the tokens that they were inserted with, as an
// engine does that is killed in the middle of an INSERT.
func lose(t *testing.T, s *killedStore, table schema.Table, where string) {
	t.Helper()
	storetest.Exec(t, s.Store, "DELETE FROM "+s.Table(table)+" WHERE "+where+" SETTINGS mutations_sync = 2")
}

func from(at time.Time) string { return fmt.Sprintf("minute >= toDateTime(%d)", at.Unix()) }

func differences(t *testing.T, s *killedStore) []store.Difference {
	t.Helper()
	report, err := s.Audit(t.Context(), store.AuditOptions{Now: midnight})
	if err != nil {
		t.Fatal(err)
	}
	if report.Pending != 0 {
		t.Errorf("got %d unfinished; want none", report.Pending)
	}
	return report.Differences
}

// Promise: rows of an unfinished block that the engine has lost, and whose tokens
// it has kept, are there again after the next run: those of each table, of one
// day or of all. A process that is killed once they are there, and a loss of what
// was restored, change nothing.
func TestLostRowsAreRestored(t *testing.T) {
	for _, r := range aggregate.Rollups() {
		t.Run(r.Name, func(t *testing.T) {
			s, path := unfinished(t)
			table := schema.Table(r.Name)
			sum := "(SELECT sum(requests) FROM " + s.Table(table) + ")"
			want := storetest.Number(t, s.Store, sum)
			for _, begins := range []time.Time{midnight, logBegins} {
				lose(t, s, table, from(begins))
				s.afterRestore = true
				loadReal(t, s, path, errKilled)
				if got := storetest.Number(t, s.Store, sum); got != want {
					t.Errorf("from %s: got %d responses; want %d", begins, got, want)
				}
			}
			lose(t, s, table, from(midnight))
			s.afterRestore = false
			got := loadReal(t, s, path, nil)
			if diff := differences(t, s); len(diff) > 0 {
				t.Errorf("the audit finds %v", diff)
			}
			if len(got.Restored) != 1 || got.Restored[0].Table != r.Name || got.Restored[0].Day != "2026-07-02" {
				t.Errorf("got %v restored; want one day of %s", got.Restored, r.Name)
			}
		})
	}
}

// Proof that the mending does it: without it the next run finishes the block,
// and the rows are missing.
func TestLostRowsWithoutRestore(t *testing.T) {
	s, path := unfinished(t)
	for _, r := range aggregate.Rollups() {
		lose(t, s, schema.Table(r.Name), from(logBegins))
	}
	s.withoutMending = true
	loadReal(t, s, path, nil)
	if got, want := len(differences(t, s)), 2*len(aggregate.Rollups()); got != want {
		t.Errorf("the audit finds %d days of tables; want %d", got, want)
	}
}

// Promise: a run that has nothing to restore after a kill says nothing of it.
func TestNothingLost(t *testing.T) {
	s, path := unfinished(t)
	if got := loadReal(t, s, path, nil); len(got.Restored) > 0 {
		t.Errorf("got %v restored; want nothing", got.Restored)
	}
	if diff := differences(t, s); len(diff) > 0 {
		t.Errorf("the audit finds %v", diff)
	}
}

// Promise: so are lines that were not understood, samples and names of keys.
func TestLostRejectsAreRestored(t *testing.T) {
	s, path := unfinished(t)
	for _, table := range []schema.Table{schema.Rejects, schema.Samples} {
		lose(t, s, table, "true")
	}
	loadReal(t, s, path, nil)
	samples := "(SELECT count() FROM " + s.Table(schema.Samples) + " WHERE " + from(logBegins) + ")"
	if got := storetest.Number(t, s.Store, samples); got == 0 {
		t.Error("no samples are restored")
	}
	// The other log's block is finished: nobody looks at it again.
	for _, d := range differences(t, s) {
		if d.Kind != store.RejectSum || d.Got != 0 {
			t.Errorf("the audit finds %v", d)
		}
	}
}

// Promise: what is not exactly the block is left to the audit: a table that
// holds too much, and one that lacks a part of the block or more than it.
func TestOtherDifferencesAreLeft(t *testing.T) {
	for _, table := range []schema.Table{schema.Responses, schema.KeysHour} {
		for name, spoil := range map[string]func(s *killedStore){
			"surplus": func(s *killedStore) {
				storetest.Exec(t, s.Store, "INSERT INTO "+s.Table(table)+
					" SELECT * FROM "+s.Table(table)+" WHERE "+from(midnight)+" LIMIT 1")
			},
			"part": func(s *killedStore) {
				lose(t, s, table, from(midnight)+
					" AND service = (SELECT any(service) FROM "+s.Table(table)+" WHERE "+from(midnight)+")")
			},
			"more": func(s *killedStore) { lose(t, s, table, "true") },
		} {
			t.Run(string(table)+"/"+name, func(t *testing.T) {
				s, path := unfinished(t)
				spoil(s)
				sum := "(SELECT sum(requests) FROM " + s.Table(table) + " WHERE toDate(minute) = '2026-07-0"
				day := map[string]string{"more": "1')"}[name]
				if day == "" {
					day = "2')"
				}
				before := storetest.Number(t, s.Store, sum+day)
				loadReal(t, s, path, nil)
				if after := storetest.Number(t, s.Store, sum+day); after != before {
					t.Errorf("got %d responses; want %d as before", after, before)
				}
				if len(differences(t, s)) == 0 {
					t.Error("the audit finds nothing")
				}
			})
		}
	}
}

// Promise: a row of the ledger that was lost while its token was kept is written
// by the next run.
func TestLostLedgerRow(t *testing.T) {
	for _, state := range []block.State{block.Declared, block.Stored} {
		s := &killedStore{Store: storetest.Open(t)}
		path := writeLog(t, logBegins)
		loadReal(t, s, path, nil)
		lose(t, s, schema.Ledger, "state = '"+string(state)+"'")
		if state == block.Declared { // then nothing came after it
			lose(t, s, schema.Ledger, "true")
		}
		loadReal(t, s, path, nil)
		if diff := differences(t, s); len(diff) > 0 {
			t.Errorf("%s: the audit finds %v", state, diff)
		}
		if got := storetest.Number(t, s.Store, "(SELECT count() FROM "+s.Table(schema.Ledger)+")"); got != 2 {
			t.Errorf("%s: got %d rows in the ledger; want 2", state, got)
		}
	}
}

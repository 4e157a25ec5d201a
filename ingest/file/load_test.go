package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"statline/ingest/block"
)

// lines folds lines into themselves: a reject each, at its offset.
type lines struct {
	c     block.Contents
	bytes int
}

func (l *lines) Add(rs []block.Record) {
	for _, r := range rs {
		l.c.Rejects = append(l.c.Rejects, block.RejectRow{Offset: r.Offset, Raw: string(r.Value)})
		l.c.Records++
		l.bytes += len(r.Value)
	}
}
func (l *lines) MemoryBytes() int          { return l.bytes }
func (l *lines) Contents() *block.Contents { c := l.c; return &c }
func (l *lines) Reset()                    { *l = lines{} }
func (*lines) Get(bool) block.Folder       { return &lines{} }
func (*lines) Put(block.Folder)            {}

// ledgerStore keeps rows by block, so that the same block written twice is one,
// and fails when it is told to.
type ledgerStore struct {
	mu     sync.Mutex
	rows   map[block.ID][]block.RejectRow
	ledger []block.LedgerRow
	fail   func() bool
}

var errKilled = errors.New("killed")

func (s *ledgerStore) Inserts(block.ID, *block.Contents) int { return 1 }

func (s *ledgerStore) WriteRows(_ context.Context, id block.ID, c *block.Contents, _ func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail() {
		return errKilled
	}
	s.rows[id] = slices.Clone(c.Rejects)
	return nil
}

func (s *ledgerStore) WriteLedger(_ context.Context, row block.LedgerRow, _ func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail() {
		return errKilled
	}
	s.ledger = append(s.ledger, row)
	return nil
}

func (s *ledgerStore) Ledger(context.Context, string, string, int32) (l block.Ledger, _ error) {
	stored := map[block.ID]bool{}
	for i := range s.ledger {
		if row := &s.ledger[i]; row.State == block.Stored {
			stored[row.ID] = true
			if l.Last == nil || row.End > l.Last.End {
				l.Last = row
			}
		}
	}
	for i := range s.ledger {
		if row := &s.ledger[i]; row.State == block.Declared && !stored[row.ID] {
			l.Pending = row
		}
	}
	return l, nil
}

// text is lines of very different lengths, blank ones among them; wanted is
// what is to be loaded of it.
func text(rng *rand.Rand, size int) (text []byte, wanted []string) {
	for len(text) < size {
		n := rng.IntN(200)
		if rng.IntN(2000) == 0 {
			n = rng.IntN(2 << 20)
		}
		if n > 0 {
			line := fmt.Sprintf("%d %s", len(text), strings.Repeat("x", n))
			wanted = append(wanted, line)
			text = append(text, line...)
		}
		text = append(text, '\n')
	}
	if rng.IntN(2) == 0 {
		text = bytes.TrimRight(text, "\n")
	}
	return text, wanted
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// Whatever the size of blocks, the number of workers, where it is killed and
// whether the text comes from a file or from a stream: every line is stored
// once, with its offset, and the stored blocks follow each other.
func TestEveryLineOnce(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(1, seed))
		content, want := text(rng, 1+rng.IntN(3<<20))
		cfg := Config{BlockBytes: 1 << (14 + rng.IntN(12)), BlockMemory: 1 << (14 + rng.IntN(20)), Workers: 1 + rng.IntN(3)}
		form := [...]string{"plain", "gzip", "stdin"}[rng.IntN(3)]
		kills, grows := rng.IntN(4), rng.IntN(2) == 0
		t.Run(fmt.Sprintf("%d/%s,kills=%d,grows=%t,%+v", seed, form, kills, grows, cfg), func(t *testing.T) {
			store := &ledgerStore{rows: map[block.ID][]block.RejectRow{}, fail: func() bool { return false }}
			sizes := []int{len(content)}
			if cut := bytes.LastIndexByte(content[:len(content)/2], '\n'); grows && cut >= 0 {
				sizes = []int{cut + 1, len(content)}
			}
			for i, size := range sizes {
				for range kills {
					calls, at := 0, rng.IntN(1+rng.IntN(30)) // early ones more often
					store.fail = func() bool { calls++; return calls > at }
					if err := load(t, cfg, form, content[:size], store); err != nil && !errors.Is(err, errKilled) {
						t.Fatal(err)
					}
				}
				if kills > 0 && i < len(sizes)-1 {
					continue // it grows before anybody goes on
				}
				store.fail = func() bool { return false }
				if err := load(t, cfg, form, content[:size], store); err != nil {
					t.Fatal(err)
				}
			}
			checkLoaded(t, store, content, want)
		})
	}
}

func load(t *testing.T, cfg Config, form string, content []byte, store block.Store) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	var stdin bytes.Reader
	switch form {
	case "stdin":
		path = "-"
		stdin.Reset(content)
	case "gzip":
		content = packed(content)
		fallthrough
	default:
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := Open(path, &stdin)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	return Load(t.Context(), cfg, in, store, &lines{}, &Progress{})
}

func checkLoaded(t *testing.T, store *ledgerStore, content []byte, want []string) {
	t.Helper()
	var got []string
	end := int64(0)
	for _, row := range store.ledger {
		if row.State != block.Stored {
			continue
		}
		if row.First != end {
			t.Errorf("block %s begins at %d; want %d", row.ID, row.First, end)
		}
		end = row.End
		for _, r := range store.rows[row.ID] {
			if !bytes.HasPrefix(content[r.Offset:], []byte(r.Raw)) {
				t.Errorf("a line of %d bytes does not lie at its offset %d", len(r.Raw), r.Offset)
			}
			got = append(got, r.Raw)
		}
		if int(row.Records) != len(store.rows[row.ID]) {
			t.Errorf("block %s: got %d records; want %d", row.ID, row.Records, len(store.rows[row.ID]))
		}
		delete(store.rows, row.ID)
	}
	if end != int64(len(content)) {
		t.Errorf("got %d bytes stored; want %d", end, len(content))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d lines; want %d", len(got), len(want))
	}
	for id := range store.rows {
		t.Errorf("block %s has rows and is not in the ledger", id)
	}
}

// The last block of a file that has grown since it was declared is written as
// it was declared: its rows may be there already.
func TestGrownSinceDeclared(t *testing.T) {
	content := []byte("first\nsecond\nthird\n")
	for _, form := range []string{"plain", "stdin"} {
		calls := 0
		store := &ledgerStore{rows: map[block.ID][]block.RejectRow{}, fail: func() bool { calls++; return calls == 3 }}
		if err := load(t, DefaultConfig(1), form, content[:13], store); !errors.Is(err, errKilled) {
			t.Fatalf("got %v; want it killed before the ledger says stored", err)
		}
		if err := load(t, DefaultConfig(1), form, content, store); err != nil {
			t.Fatal(err)
		}
		checkLoaded(t, store, content, []string{"first", "second", "third"})
	}
}

// What is not there any more is said, not counted again.
func TestShorterThanStored(t *testing.T) {
	for _, form := range []string{"plain", "gzip"} {
		store := &ledgerStore{rows: map[block.ID][]block.RejectRow{}, fail: func() bool { return false }}
		content := []byte("first\nsecond\n")
		if err := load(t, DefaultConfig(1), form, content, store); err != nil {
			t.Fatal(err)
		}
		if err := load(t, DefaultConfig(1), form, content[:6], store); err == nil || !strings.Contains(err.Error(), "is shorter (6 bytes) than what the store has of it (13 bytes)") {
			t.Errorf("%s: got %v; want what is wrong", form, err)
		}
	}
}

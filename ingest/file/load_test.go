package file

import (
	"bytes"
	"cmp"
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
type kept struct {
	c     block.Contents
	bytes int
}

func (l *kept) Add(rs []block.Record) {
	for _, r := range rs {
		l.c.Rejects = append(l.c.Rejects, block.RejectRow{Offset: r.Offset, Raw: string(r.Value), Detail: r.Columns})
		l.c.Records++
		l.bytes += len(r.Value)
	}
}
func (*kept) Declared(int64)              {}
func (l *kept) MemoryBytes() int          { return l.bytes }
func (l *kept) Contents() *block.Contents { c := l.c; return &c }
func (l *kept) Reset()                    { *l = kept{} }
func (*kept) Get(bool) block.Builder      { return &kept{} }
func (*kept) Put(block.Builder)           {}

// ledgerStore keeps rows by block, so that the same block written twice is one,
// and fails when it is told to; then an insert may be done all the same.
type ledgerStore struct {
	mu     sync.Mutex
	rows   map[block.ID][]block.RejectRow
	ledger []block.LedgerRow
	fail   func() bool
	after  bool // rows are stored although it fails
	wrong  []string
}

var errKilled = errors.New("killed")

func (s *ledgerStore) Inserts(block.ID, *block.Contents) int { return 1 }

func (s *ledgerStore) WriteRows(_ context.Context, id block.ID, c *block.Contents, _ func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.fail()
	if failed && !s.after {
		return errKilled
	}
	if was, ok := s.rows[id]; ok && !slices.Equal(was, c.Rejects) {
		s.wrong = append(s.wrong, fmt.Sprintf("block %s was written with other rows", id))
	}
	s.rows[id] = slices.Clone(c.Rejects)
	if failed {
		return errKilled
	}
	return nil
}

func (s *ledgerStore) WriteLedger(_ context.Context, row block.LedgerRow, _ func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.fail()
	if failed && !s.after {
		return errKilled
	}
	s.ledger = append(s.ledger, row)
	if failed {
		return errKilled
	}
	return nil
}

func (s *ledgerStore) Blocks(_ context.Context, cluster string) ([]block.LedgerRow, error) {
	return slices.Clone(s.ledger), nil
}

// Restore has nothing to do: these rows are never lost.
func (s *ledgerStore) Restore(context.Context, block.ID, *block.Contents) (block.Restoration, error) {
	return block.Restoration{}, nil
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
		cfg := Config{BlockBytes: 1 << (14 + rng.IntN(12)), BlockMemory: 1 << (14 + rng.IntN(20)),
			Workers: 1 + rng.IntN(3)}
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

func load(t *testing.T, cfg Config, form string, content []byte, store *ledgerStore) error {
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
	cfg.Final = true
	_, err = NewLoader(cfg, store, &kept{}).Load(t.Context(), in, &Progress{})
	return err
}

func checkLoaded(t *testing.T, store *ledgerStore, content []byte, want []string) {
	t.Helper()
	var got []string
	end := int64(0)
	for _, wrong := range store.wrong {
		t.Error(wrong)
	}
	stored := slices.DeleteFunc(slices.Clone(store.ledger),
		func(r block.LedgerRow) bool { return r.State != block.Stored })
	slices.SortFunc(stored, func(a, b block.LedgerRow) int { return cmp.Compare(a.First, b.First) })
	for _, row := range stored {
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

package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"statline/ingest/block"
)

// world is a builder of logs over some days. Each log has a text of its own that
// only grows; the builder has it under several names, in whole or in part, plain
// or packed.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	dir   string
	texts [][]byte       // of each log; whole lines
	live  map[string]int // files that grow, and the log that they are
	names int
	heads [][]byte // what logs begin with
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(2, seed)), dir: t.TempDir(), live: map[string]int{}}
	for n := range 3 {
		w.heads = append(w.heads, bytes.Repeat([]byte("GET /health 200\n"), n*w.rng.IntN(40)))
	}
	return w
}

func (w *world) lines(log, n int) []byte {
	var b bytes.Buffer
	for range n {
		fmt.Fprintf(&b, "log %d line %d %s\n", log, w.names, strings.Repeat("x", w.rng.IntN(60)))
		w.names++
	}
	return b.Bytes()
}

func (w *world) path(name string) string {
	w.names++
	return filepath.Join(w.dir, fmt.Sprintf("%d-%s", w.names, name))
}

func (w *world) save(path string, data []byte) {
	w.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// start begins a log at a path.
func (w *world) start(path string) {
	log := len(w.texts)
	text := slices.Concat(w.heads[w.rng.IntN(len(w.heads))], w.lines(log, 1+w.rng.IntN(300)))
	w.texts = append(w.texts, text)
	w.live[path] = log
	w.save(path, text)
}

// change does to the builder what happens to logs. A line may be left unfinished.
func (w *world) change() {
	for _, path := range slices.Sorted(maps.Keys(w.live)) {
		log := w.live[path]
		switch text := w.texts[log]; w.rng.IntN(8) {
		case 0: // rotated by name
			delete(w.live, path)
			w.save(w.path("rotated.log"), text)
			w.start(path)
		case 1: // rotated and packed
			delete(w.live, path)
			w.save(w.path("rotated.gz"), packed(text))
			w.start(path)
		case 2: // copied
			w.save(w.path("copy.log"), text)
		case 3: // packed while it goes on
			w.save(w.path("copy.zst"), zst(w.t, text))
		case 4: // cut in a copy, anywhere
			w.save(w.path("cut.log"), text[:w.rng.IntN(len(text))])
		case 5: // cut behind a line, and packed
			w.save(w.path("cut.gz"), packed(text[:1+bytes.LastIndexByte(text[:w.rng.IntN(len(text))], '\n')]))
		default: // grows
			w.texts[log] = append(text, w.lines(log, w.rng.IntN(200))...)
			more := []byte{}
			if w.rng.IntN(2) == 0 {
				more = w.lines(log, 1)
				more = more[:w.rng.IntN(len(more))]
			}
			w.save(path, append(slices.Clone(w.texts[log]), more...))
		}
	}
}

// analyze loads every file in some order, as a process does; it may be killed.
func (w *world) analyze(store *ledgerStore) (killed bool) {
	w.t.Helper()
	cfg := Config{BlockBytes: 1 << (10 + w.rng.IntN(8)), BlockMemory: 1 << (10 + w.rng.IntN(10)), Workers: 1 +
		w.rng.IntN(3)}
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	l := NewLoader(cfg, store, &kept{})
	for _, path := range files {
		in, err := Open(path, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		_, err = l.Load(w.t.Context(), in, &Progress{})
		if e := in.Close(); e != nil {
			w.t.Error(e)
		}
		var refused *InputError
		switch {
		case errors.Is(err, errKilled):
			return true
		case errors.As(err, &refused) && strings.Contains(path, "cut") && // the whole is in another file
			(strings.Contains(err.Error(), "no longer there to compare") || strings.Contains(err.Error(),
				"analyze the file that has them all")):
		case err != nil:
			w.t.Fatal(err)
		}
	}
	return false
}

// Whatever happens to logs between two runs, under whatever names, and wherever
// a run is killed: each line of each log is stored once.
func TestIdentity(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 1 + w.rng.IntN(4) {
				w.start(w.path("app.log"))
			}
			store := newStore()
			for range 2 + w.rng.IntN(5) {
				for range w.rng.IntN(3) {
					calls, at := 0, w.rng.IntN(1+w.rng.IntN(40))
					store.fail, store.after = func() bool { calls++; return calls > at }, w.rng.IntN(2) == 0
					w.analyze(store)
					if w.rng.IntN(2) == 0 {
						w.change() // before anybody goes on
					}
				}
				store.fail = func() bool { return false }
				w.analyze(store)
				w.check(store)
				w.change()
			}
		})
	}
}

func (w *world) check(store *ledgerStore) {
	w.t.Helper()
	got, want := map[string]int{}, map[string]int{}
	for _, rows := range store.rows {
		for _, r := range rows {
			got[r.Raw]++
		}
	}
	for _, text := range w.texts {
		for _, line := range linesOf(text) {
			want[line]++
		}
	}
	for line, n := range want {
		if got[line] != n {
			w.t.Fatalf("line %q: stored %d times; want %d", line, got[line], n)
		}
	}
	for line := range got {
		if want[line] == 0 {
			w.t.Fatalf("line %q was stored and is in no log", line)
		}
	}
	for _, wrong := range store.wrong {
		w.t.Error(wrong)
	}
}

// loadAll loads texts as files of one run and returns what was said of each.
func loadAll(t *testing.T, cfg Config, store *ledgerStore, dir string, files ...string) (said []string) {
	t.Helper()
	cfg.BlockBytes, cfg.BlockMemory, cfg.Workers = 1<<20, 1<<20, 2
	l := NewLoader(cfg, store, &kept{})
	for _, file := range files {
		in, err := Open(filepath.Join(dir, file), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Load(t.Context(), in, &Progress{})
		text := r.String()
		if err != nil {
			text = err.Error()
		}
		said = append(said, strings.ReplaceAll(text, dir+"/", ""))
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	return said
}

// What is done with each file is said. Files with one first line are two files;
// the same text is counted once, unless distinct is asked for, and that again
// only once.
func TestWhatIsSaid(t *testing.T) {
	dir := t.TempDir()
	probes := strings.Repeat("GET /health 200\n", 5)
	web1 := probes + strings.Repeat("GET /a 200\n", 88)
	web2 := probes + strings.Repeat("GET /b 504\n", 84)
	files := map[string]string{
		"web1.log": web1, "web2.log": web2, "web1.gz": string(packed([]byte(web1))), "head.log": probes,
		"grown.log": web2 + "GET /c 200\n", "none.log": "", "open.log": "GET /d 200\nGET /d", "half": "HALF",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	store := newStore()
	expect(loadAll(t, Config{}, store, dir, "web1.log", "web2.log", "web1.gz", "head.log", "grown.log", "none.log",
		"open.log", "half"),
		"web1.log: new, 93 lines", "web2.log: new, 89 lines", "web1.gz: the same as web1.log, counted once",
		"head.log: the beginning of web2.log, counted once", "grown.log: goes on after web2.log, 1 line added",
		"none.log: empty",
		"open.log: new, 1 line; its last line is unfinished (6 bytes) and left for a later run",
		"half: empty; its last line is unfinished (4 bytes) and left for a later run")
	expect(loadAll(t, Config{}, store, dir, "web2.log", "grown.log", "web1.log"),
		"web2.log: already stored", "grown.log: already stored", "web1.log: already stored")
	for range 2 {
		expect(loadAll(t, Config{Distinct: true}, store, dir, "web1.log", "web1.gz")[:1], "web1.log: already stored")
	}
	records := func(store *ledgerStore) (n uint64) {
		for _, r := range store.ledger {
			if r.State == block.Stored {
				n += r.Records
			}
		}
		return n
	}
	if n := records(store); n != 93+89+1+1+93 {
		t.Errorf("got %d lines; want %d", n, 93+89+1+1+93)
	}
	// The end can be asked for; what was counted then is not counted again.
	expect(loadAll(t, Config{Final: true}, store, dir, "open.log", "half"), "open.log: 1 line added",
		"half: new, 1 line")
	if err := os.WriteFile(filepath.Join(dir, "open.log"), []byte("GET /d 200\nGET /d 404\nGET /e 200\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	expect(loadAll(t, Config{}, store, dir, "open.log"), "open.log: 1 line added")
}

// A store of the version that knew a file by its first line: what may be in it
// is refused with what to do, what cannot be is loaded.
func TestOldStore(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.log": "\nfirst line\nsecond\n", "b.log": "other line\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := newStore()
	for _, state := range []block.State{block.Declared, block.Stored} {
		id := block.ID{Cluster: "file", Topic: oldTopic([]byte("first line")), End: 19}
		store.ledger = append(store.ledger, block.LedgerRow{ID: id, Kind: block.KindBlock, State: state})
	}
	said := loadAll(t, Config{}, store, dir, "a.log", "b.log")
	if !strings.Contains(said[0], "another --data directory, or count it as a new file with --distinct") ||
		said[1] != "b.log: new, 1 line" {
		t.Errorf("got %q", said)
	}
	for _, want := range []string{"a.log: new, 2 lines", "a.log: already stored"} {
		if said := loadAll(t, Config{Distinct: true}, store, dir, "a.log"); said[0] != want {
			t.Errorf("distinct: got %q; want %q", said[0], want)
		}
	}
	if said := loadAll(t, Config{}, store, dir, "a.log"); said[0] != "a.log: already stored" {
		t.Errorf("afterwards: got %q", said[0])
	}
}

// A block that an earlier run may have stored a part of, under other settings,
// is finished when that changes no row's place, and otherwise refused.
func TestDeclaredUnderOtherSettings(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := newStore()
	calls := 0
	store.fail, store.after = func() bool { calls++; return calls == 2 }, true
	if said := loadAll(t, Config{ConfigHash: "old"}, store, dir, "a.log"); said[0] == "" || len(store.ledger) != 1 {
		t.Fatalf("got %q, %v; want it killed after the rows", said, store.ledger)
	}
	store.fail = func() bool { return false }
	store.ledger[0].Records++ // as if the other settings had found another line
	if said := loadAll(t, Config{ConfigHash: "new"}, store, dir, "a.log"); !strings.Contains(said[0],
		"the options of the run that was interrupted") {
		t.Errorf("got %q", said[0])
	}
	store.ledger[0].Records--
	if said := loadAll(t, Config{ConfigHash: "new"}, store, dir, "a.log"); said[0] != "a.log: 2 lines added" ||
		!store.ledger[1].Mixed {
		t.Errorf("got %q, %+v", said[0], store.ledger[1])
	}
}

// Reading what is known of a file ends with the context, too.
func TestFindStops(t *testing.T) {
	dir, store := t.TempDir(), newStore()
	path := filepath.Join(dir, "long.gz")
	if err := os.WriteFile(path, packed(numbered(5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	loadAll(t, Config{}, store, dir, "long.gz")
	in, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := NewLoader(DefaultConfig(1), store, &kept{}).Load(ctx, in, &Progress{})
	if !errors.Is(err, context.Canceled) || r.State != Unread || !r.Interrupted {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A part of a long file, beyond where each line has a piece, is told by the
// file itself; when that is gone, it is refused.
func TestPartOfALongFile(t *testing.T) {
	dir := t.TempDir()
	long := numbered(5000)
	part := long[:1+bytes.LastIndexByte(long[:len(long)-1000], '\n')]
	other := append(slices.Clone(part[:len(part)-2]), "y\n"...)
	for name, text := range map[string][]byte{"long.log": long, "part.log": part, "other.log": other} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := newStore()
	got := loadAll(t, Config{}, store, dir, "long.log", "part.log", "other.log")
	want := []string{"long.log: new, 5,000 lines", "part.log: the beginning of long.log, counted once",
		fmt.Sprintf("other.log: new, %d lines", bytes.Count(other, []byte("\n")))}
	want[2] = strings.Replace(want[2], "new, 4", "new, 4,", 1)
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	if err := os.Rename(filepath.Join(dir, "long.log"), filepath.Join(dir, "moved.log")); err != nil {
		t.Fatal(err)
	}
	if got := loadAll(t, Config{}, store, dir, "part.log"); !strings.Contains(got[0],
		"--distinct counts it as a file of its own") {
		t.Errorf("got %q", got)
	}
	if got := loadAll(t, Config{}, store, dir, "moved.log", "part.log"); got[1] != "part.log: the beginning of "+
		"moved.log, counted once" {
		t.Errorf("got %q", got)
	}
}

// What the ledger says of a text is read back as it was, and anything else is
// an error.
func FuzzNote(f *testing.F) {
	text, err := writeNote("a.log", []piece{{0, 10, 1, 7}, {10, 300, 3, 1 << 63}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, int64(0), int64(300))
	f.Add("{}", int64(0), int64(1))
	f.Fuzz(func(t *testing.T, text string, first, end int64) {
		name, all, err := readNote(text, first, end)
		if err != nil {
			return
		}
		again, err := writeNote(name, all)
		if err != nil {
			t.Fatal(err)
		}
		if _, back, err := readNote(again, first, end); err != nil || !slices.Equal(back, all) {
			t.Errorf("got %v, %v; want %v", back, err, all)
		}
	})
}

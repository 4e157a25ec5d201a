package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"statline/ingest/block"
)

// numbered are n log lines of different lengths.
func numbered(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "line %d %s\n", i, strings.Repeat("x", i*7%300))
	}
	return b.Bytes()
}

func zst(t *testing.T, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(text, nil)
}

func xzed(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, w, &out, text)
}

func lz4ed(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	return written(t, lz4.NewWriter(&out), &out, text)
}

func written(t *testing.T, w io.WriteCloser, out *bytes.Buffer, text []byte) []byte {
	t.Helper()
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bzipped is two lines: the standard library only reads bzip2.
var bzipped = []byte("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xf8\xbd\x68\x21\x00\x00\x08\x5f\x00\x00\x10\x40\x00\xd4\x00\x02\x80" +
	"\x04\x00\x30\x00\x20\x00\x21\x2a\x18\x34\xd4\x20\x1a\x69\xa2\xa5\x1a\xec\x95\x71\x1d\x62\x18\xcf\x8b\xb9\x22\x9c\x28\x48\x7c\x5e\xb4\x10\x80")

// save writes a file of the test.
func save(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newStore() *ledgerStore {
	return &ledgerStore{rows: map[block.ID][]block.RejectRow{}, fail: func() bool { return false }}
}

// loadPath loads one file with small blocks.
func loadPath(t *testing.T, store *ledgerStore, path string, stdin io.Reader) (*Progress, error) {
	t.Helper()
	in, err := Open(path, stdin)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}()
	cfg := DefaultConfig(3)
	cfg.BlockBytes, cfg.Final = 10_000, true
	var p Progress
	_, err = NewLoader(cfg, store, &kept{}).Load(t.Context(), in, &p)
	return &p, err
}

// linesOf is what is to be loaded of a text: its lines but the blank ones.
func linesOf(text []byte) (all []string) {
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.TrimSpace(line) != "" {
			all = append(all, line)
		}
	}
	return all
}

// Whatever a log comes in, each of its lines is one record, in order, and the
// progress ends at the whole.
func TestInputs(t *testing.T) {
	text := numbered(2000)
	long := slices.Concat([]byte(strings.Repeat("y", 1<<20)+"\n"), numbered(20), []byte(strings.Repeat("z",
		1<<20)+"\nlast\n"))
	for _, c := range []struct {
		name string
		data []byte
		text []byte // unpacked
	}{
		{"plain.log", text, text},
		{"log.gz", packed(text), text},
		{"log.zst", zst(t, text), text},
		{"log.xz", xzed(t, text), text},
		{"log.lz4", lz4ed(t, text), text},
		{"log.bz2", bzipped, []byte("GET /a 200\nGET /b 404\n")},
		{"plain-named.xz", text, text},
		{"named-wrong.log", packed(text), text},
		{"members.gz", slices.Concat(packed(text[:1000]), packed(text[1000:50_000]), packed(nil),
			packed(text[50_000:])),
			text},
		{"frames.zst", slices.Concat(zst(t, text[:777]), zst(t, text[777:])), text},
		{"crlf.log", bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), bytes.ReplaceAll(text, []byte("\n"),
			[]byte("\r\n"))},
		{"no-final-newline.log", bytes.TrimSuffix(text, []byte("\n")), bytes.TrimSuffix(text, []byte("\n"))},
		{"blank.log", []byte("\n\r\n  \na\n\n\nb\n\t\n"), []byte("\n\r\n  \na\n\n\nb\n\t\n")},
		{"long.log", long, long},
		{"one-long-line.log", bytes.Repeat([]byte("w"), 3<<20), bytes.Repeat([]byte("w"), 3<<20)},
		{"zeroes.log", []byte("a\x00b\n\x00\n\xff\xfe\n"), []byte("a\x00b\n\x00\n\xff\xfe\n")},
		{"two-bytes.log", []byte("a\n"), []byte("a\n")},
		{"newline.log", []byte("\n"), []byte("\n")},
		{"empty.log", nil, nil},
		{"empty.gz", packed(nil), nil},
	} {
		for _, stdin := range []bool{false, true} {
			store, path := newStore(), save(t, c.name, c.data)
			var in io.Reader
			if stdin {
				path, in = "-", iotest{bytes.NewReader(c.data)}
			}
			p, err := loadPath(t, store, path, in)
			if err != nil {
				t.Errorf("%s, stdin %v: %v", c.name, stdin, err)
				continue
			}
			checkLoaded(t, store, c.text, linesOf(c.text))
			// A line keeps its carriage return: the decoder trims it.
			if got, want := p.Lines.Load(), int64(len(linesOf(c.text))); got != want {
				t.Errorf("%s: progress says %d lines; want %d", c.name, got, want)
			}
			if got := p.OnDisk.Load(); got != int64(len(c.data)) && len(c.text) > 0 {
				t.Errorf("%s: progress says %d bytes from disk; want %d", c.name, got, len(c.data))
			}
		}
	}
}

// iotest hands out odd pieces, as a pipe does.
type iotest struct{ r io.Reader }

func (i iotest) Read(p []byte) (int, error) { return i.r.Read(p[:min(len(p), 997)]) }

// What cannot be read is an error that says which file and why; what was read
// of it before is not taken for the whole.
func TestInputErrors(t *testing.T) {
	text := numbered(5000)
	packed := packed(text)
	frames := zst(t, text)
	flipped := slices.Clone(packed)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	dir := t.TempDir()
	for _, c := range []struct {
		name, path string
		want       string
		is         error
	}{
		{"missing", filepath.Join(dir, "none.log"), "none.log", os.ErrNotExist},
		{"directory", dir, dir + " is a directory; name its files, for example " + dir + "/*.log", nil},
		{"truncated gzip", save(t, "cut.gz", packed[:len(packed)/2]), "cut.gz: ", io.ErrUnexpectedEOF},
		{"gzip without its end", save(t, "end.gz", packed[:len(packed)-5]), "end.gz: ", io.ErrUnexpectedEOF},
		{"damaged gzip", save(t, "flip.gz", flipped), "flip.gz: ", gzip.ErrChecksum},
		{"gzip header alone", save(t, "head.gz", packed[:5]), "head.gz: ", io.ErrUnexpectedEOF},
		{"garbage behind gzip", save(t, "tail.gz", append(slices.Clone(packed), "what is this behind it?"...)),
			"tail.gz: ", gzip.ErrHeader},
		{"zip", save(t, "log.zip", []byte("PK\x03\x04 and more")),
			"log.zip is a zip file, which is not read; unpack it",
			nil},
		{"truncated xz", save(t, "cut.xz", xzed(t, text)[:1000]), "cut.xz: ", io.ErrUnexpectedEOF},
		{"truncated bzip2", save(t, "cut.bz2", bzipped[:40]), "cut.bz2: ", io.ErrUnexpectedEOF},
		{"truncated zstd", save(t, "cut.zst", frames[:len(frames)/2]), "cut.zst: ", io.ErrUnexpectedEOF},
	} {
		_, err := loadPath(t, newStore(), c.path, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: got %v; want an error with %q", c.name, err, c.want)
		}
	}
	if _, err := loadPath(t, newStore(), "-", io.MultiReader(strings.NewReader("a\nb\n"), broken{})); !errors.Is(err,
		errBroken) {
		t.Errorf("standard input that breaks: got %v", err)
	}
	endless := bytes.Repeat([]byte("n"), maxLine+1)
	for name, path := range map[string]string{"plain": save(t, "never.log", endless), "stdin": "-"} {
		if _, err := loadPath(t, newStore(), path, bytes.NewReader(endless)); err == nil ||
			!strings.Contains(err.Error(),
				"is it a log of lines?") {
			t.Errorf("a line without end, %s: got %v", name, err)
		}
	}
}

var errBroken = errors.New("pipe broke")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// A file that may not be read is an error; root may read everything, so that
// then only a user namespace could show it.
func TestUnreadable(t *testing.T) {
	path := save(t, "secret.log", []byte("a\n"))
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, nil)
	if os.Geteuid() == 0 {
		if err != nil {
			t.Errorf("as root: got %v", err)
		}
		return
	}
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v; want a permission error that names the file", err)
	}
}

// An ended context ends the loading, and no goroutine stays.
func TestLoadStops(t *testing.T) {
	in, err := Open(save(t, "a.log", numbered(2000)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	store := newStore()
	store.fail = func() bool { cancel(); return false }
	cfg := DefaultConfig(2)
	cfg.BlockBytes = 1000
	if _, err := NewLoader(cfg, store, &kept{}).Load(ctx, in, &Progress{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

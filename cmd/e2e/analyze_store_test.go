package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

var (
	analyzeFrom = flag.String("analyze-store-from", "", "make testdata/analyze-store.tar.gz anew with the statline at "+
		"this path")
	analyzeFiles = flag.Int("analyze-files", 40, "how many files TestLongAnalyzeManyFiles has")
	analyzeKills = flag.Int("analyze-kills", 3, "how often TestLongAnalyzeManyFiles kills")
)

// storeFixture is a directory of analyze --data as the version before a file was
// known by its text left it, with storedLog in it.
const storeFixture = "testdata/analyze-store.tar.gz"

func storedLog() []byte {
	var b bytes.Buffer
	for n := range 30 {
		b.WriteString(fileLine("old", n, 200))
	}
	return b.Bytes()
}

// What a store of an older version may hold is refused with what to do; other
// files are added to it, and what it holds stays.
func TestAnalyzeStoreOfOlderVersion(t *testing.T) {
	dir := t.TempDir()
	stored, other := filepath.Join(dir, "stored.log"), filepath.Join(dir, "other.log")
	grown := append(storedLog(), fileLine("old", 31, 404)...)
	for path, text := range map[string][]byte{stored: grown, other: []byte(fileLine("new", 1, 504))} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if *analyzeFrom != "" {
		recordStore(t, *analyzeFrom)
	}
	data := filepath.Join(dir, "store")
	unpack(t, storeFixture, data)
	r := run(t, nil, "analyze", "--json", "--data", data, stored, other)
	got := decodeJSON[report](t, r.stdout)
	if exitStatus(r.err) != 1 || got.Responses != 31 || !strings.Contains(r.stderr,
		"another --data directory, or count it as a new file with --distinct") {
		t.Errorf("got status %d, %d responses; want 1, 31\n%s", exitStatus(r.err), got.Responses, r.stderr)
	}
	for range 2 {
		r = run(t, nil, "analyze", "--json", "--distinct", "--data", data, stored)
		if got := decodeJSON[report](t, r.stdout); r.err != nil || got.Responses != 62 {
			t.Errorf("distinct: got %v, %d responses; want 62\n%s", r.err, got.Responses, r.stderr)
		}
	}
}

func recordStore(t *testing.T, path string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "stored.log")
	if err := os.WriteFile(log, storedLog(), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "store")
	c := command(t, t.Context(), "analyze", "--data", data, log)
	c.Path = path
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	if err := errors.Join(w.AddFS(os.DirFS(data)), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(storeFixture, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// unpack writes the files of a packed archive below dir.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o700)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		default:
			var text []byte
			if text, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, fs.FileMode(h.Mode)))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// manyFiles are logs of a thousand lines each that begin with the same lines.
type manyFiles struct {
	dir   string
	rng   *rand.Rand
	texts []string
	want  map[string]uint64
}

func (m *manyFiles) lines(file, n int) string {
	var b strings.Builder
	for range n {
		status := []int{200, 200, 404, 504}[m.rng.IntN(4)]
		m.want[fmt.Sprint(status)]++
		b.WriteString(fileLine(fmt.Sprintf("s%d", file%7), m.rng.IntN(1_000_000), status))
	}
	return b.String()
}

func (m *manyFiles) path(file int) string { return filepath.Join(m.dir, fmt.Sprintf("%04d.log", file)) }

// turn rotates every file, packs every other rotated one, and lets a new one
// grow in its place or the old one go on.
func (m *manyFiles) turn(t *testing.T, round int) {
	t.Helper()
	for i, text := range m.texts {
		path, old := m.path(i), fmt.Sprintf("%s.%d", m.path(i), round)
		var err error
		switch i % 4 {
		case 0: // rotated
			err = os.Rename(path, old)
			m.texts[i] = m.begin(i)
		case 1: // rotated and packed
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, werr := z.Write([]byte(text))
			err = errors.Join(werr, z.Close(), os.WriteFile(old+".gz", b.Bytes(), 0o600))
			m.texts[i] = m.begin(i)
		default: // grown, and copied
			err = os.WriteFile(old, []byte(text), 0o600)
			m.texts[i] += m.lines(i, 100)
		}
		if err = errors.Join(err, os.WriteFile(path, []byte(m.texts[i]), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// begin is a file of a thousand lines, of which the first are probes.
func (m *manyFiles) begin(i int) string {
	probes := 1 + i%20
	m.want["200"] += uint64(probes)
	return strings.Repeat(probeLine, probes) + m.lines(i, 1000-probes)
}

// files are the logs there are now.
func (m *manyFiles) files(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(m.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Many files with the same first lines are counted exactly, however often the
// process is killed, and when files were rotated, packed and have grown in
// between.
func TestLongAnalyzeManyFiles(t *testing.T) {
	t.Parallel()
	m := &manyFiles{dir: t.TempDir(), rng: rand.New(rand.NewPCG(3, 1)), want: map[string]uint64{}}
	for i := range *analyzeFiles {
		m.texts = append(m.texts, m.begin(i))
		if err := os.WriteFile(m.path(i), []byte(m.texts[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(t.TempDir(), "store")
	check := func(when string) {
		t.Helper()
		r := runWithin(t, time.Minute+time.Duration(*analyzeFiles)*time.Second, nil,
			append([]string{"analyze", "--json", "--data", data}, m.files(t)...)...)
		if r.err != nil {
			t.Fatalf("%s: %v\n%s", when, r.err, tail(r.stderr, 2000))
		}
		got := decodeJSON[report](t, r.stdout)
		if fmt.Sprint(got.ByHTTPStatus) != fmt.Sprint(m.want) || got.Rejected != 0 {
			t.Errorf("%s: got %v, %d rejected; want %v", when, got.ByHTTPStatus, got.Rejected, m.want)
		}
	}
	for kill := range *analyzeKills {
		// The later kills find most of the files stored.
		after := time.Duration(1+m.rng.IntN(2+*analyzeFiles*50*(kill+1)/(*analyzeKills+1))) * time.Millisecond
		d := start(t, "", append([]string{"analyze", "--json", "--data", data}, m.files(t)...)...)
		select {
		case <-time.After(time.Second + after):
			d.kill(t)
		case err := <-d.done:
			d.exited = true
			if err != nil {
				t.Fatalf("%v\n%s", err, d.logged())
			}
		}
		if kill == *analyzeKills/2 {
			m.turn(t, kill)
		}
	}
	check("killed and run again")
	m.turn(t, 1000)
	check("rotated and grown")
	check("once more")
	audited(t, data)
}

// audited serves a store that analyze has kept, and audits it.
func audited(t *testing.T, data string) {
	t.Helper()
	clickhouse := freeAddress(t)
	d := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", data)
	d.waitFor(t, "ready", time.Minute)
	if r := run(t, nil, "audit", "--clickhouse", "http://"+clickhouse); r.err != nil || !strings.Contains(r.stdout,
		"every record is counted exactly once") {
		t.Errorf("audit: %v\n%s%s", r.err, tail(r.stdout, 2000), r.stderr)
	}
}

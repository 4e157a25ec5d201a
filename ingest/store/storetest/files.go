package storetest

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"statline/ingest/store"
)

// Directory is where the engine keeps its files, all databases of it.
func Directory(t testing.TB, s *store.Store) string {
	t.Helper()
	rows, err := store.Select[struct {
		Path string `ch:"path"`
	}](t.Context(), s,
		"SELECT arrayElement(data_paths, 1) AS path FROM system.tables WHERE database = ? AND name = 'ledger'",
		s.Database())
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %v, %v; want where the ledger lies", rows, err)
	}
	root, _, ok := strings.Cut(rows[0].Path, "/store/")
	if !ok {
		t.Fatalf("got %s; want a path with /store/ in it", rows[0].Path)
	}
	return root
}

// Files lists, sorted, the files below dir that hold one of the needles, as they are
// or within a compressed block of ClickHouse.
func Files(t testing.TB, dir string, needles ...string) (found []string) {
	t.Helper()
	unzip, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unzip.Close()
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return ignoreGone(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		holds := func(b []byte) bool {
			return slices.ContainsFunc(needles, func(n string) bool { return bytes.Contains(b, []byte(n)) })
		}
		if holds(raw) || slices.ContainsFunc(blocks(unzip, raw), holds) {
			found = append(found, strings.TrimPrefix(path, dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// ignoreGone passes over what the engine removes at the same time.
func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// blocks are the contents of ClickHouse's compressed blocks in a file: a checksum of 16
// bytes, the method, the size with this header of 9 bytes, the size unpacked. Numbers
// that were encoded twice stay packed.
func blocks(unzip *zstd.Decoder, raw []byte) (list [][]byte) {
	const checksum, header = 16, 9
	for len(raw) > checksum+header {
		b := raw[checksum:]
		size, unpacked := int(binary.LittleEndian.Uint32(b[1:])), int(binary.LittleEndian.Uint32(b[5:]))
		if size < header || size > len(b) || unpacked > 64<<20 {
			return list
		}
		packed := b[header:size]
		switch b[0] {
		case 0x02:
			list = append(list, packed)
		case 0x82:
			plain := make([]byte, unpacked)
			if n, err := lz4.UncompressBlock(packed, plain); err == nil {
				list = append(list, plain[:n])
			}
		case 0x90:
			if plain, err := unzip.DecodeAll(packed, nil); err == nil {
				list = append(list, plain)
			}
		}
		raw = b[size:]
	}
	return list
}

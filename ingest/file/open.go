// Package file reads log files (plain, gzip, zstd, standard input) and writes
// them through the same blocks, tokens and ledger as the daemon does, without
// Kafka. Its guarantee: a file's lines are counted once in a store, however
// often it is analysed and whether or not an earlier run was killed; a file
// that has grown adds its new lines. It does not follow growing files.
package file

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Input is an open log file.
type Input struct {
	// Name is the path, or "-" for standard input.
	Name string
	// Size is the number of bytes on disk, 0 when unknown (standard input).
	Size int64

	text  *bufio.Reader
	plain io.ReaderAt // the file when it is one of plain text, read from any place
	raw   *counting
	close []func() error
}

// Open opens a plain, gzip, zstd or bzip2 file, recognised by its first bytes
// and not by its name; "-" is stdin.
func Open(path string, stdin io.Reader) (*Input, error) {
	in := &Input{Name: path}
	var r io.Reader = stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		in.close = append(in.close, f.Close)
		st, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, in.Close())
		}
		if st.IsDir() {
			return nil, errors.Join(fmt.Errorf("%s is a directory; name its files, for example %s/*.log", path, path), in.Close())
		}
		if st.Mode().IsRegular() {
			in.Size, in.plain = st.Size(), f
		}
		r = f
	}
	in.raw = &counting{r: r}
	head := bufio.NewReaderSize(in.raw, 1<<20)
	magic, err := head.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), in.Close())
	}
	in.text = head
	plain := in.plain
	in.plain = nil
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(head)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read gzip %s: %w", path, err), in.Close())
		}
		in.text, in.close = bufio.NewReaderSize(z, 1<<20), append(in.close, func() error { _ = z.Close(); return nil }) // repeats what Read said
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read zstd %s: %w", path, err), in.Close())
		}
		in.text, in.close = bufio.NewReaderSize(z, 1<<20), append(in.close, func() error { z.Close(); return nil })
	case bytes.HasPrefix(magic, []byte("BZh")):
		in.text = bufio.NewReaderSize(bzip2.NewReader(head), 1<<20)
	default:
		in.plain = plain
	}
	return in, nil
}

// Consumed is the number of bytes read from disk so far; with Size it tells
// how far a compressed file has come.
func (in *Input) Consumed() int64 { return in.raw.n }

// Read reads the decompressed text.
func (in *Input) Read(p []byte) (int, error) { return in.text.Read(p) }

// Close releases the file.
func (in *Input) Close() error {
	var err error
	for _, c := range in.close {
		err = errors.Join(err, c())
	}
	in.close = nil
	return err
}

// firstLine peeks at the first non-blank line (at most 64 KiB of it), which
// identifies the file's content.
func (in *Input) firstLine() ([]byte, error) {
	for n := 4096; ; n *= 2 {
		b, err := in.text.Peek(n)
		line := bytes.TrimLeft(b, "\r\n \t")
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			return line[:i], nil
		}
		if err != nil || n >= 1<<16 {
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read %s: %w", in.Name, err)
			}
			return line, nil
		}
	}
}

// maxLine bounds the memory that one line may take: a longer one ends the
// loading.
const maxLine = 64 << 20

// counting counts the bytes that pass.
type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Package file reads log files (plain, compressed, standard input) and writes
// them through the same blocks, tokens and ledger as the daemon does, without
// Kafka. Its guarantee: a line is counted once in a store, however often its
// file is analysed, under whatever name and in whatever compression, and
// whether or not an earlier run was killed; a file that has grown adds its new
// lines; no two files that differ are taken for one. It does not follow growing
// files.
//
// A file is known by its text alone. Every block that is written keeps digests
// of the text that it holds, piece by piece (see piece), in the row of the
// ledger that declares it, so they are as durable as the block. A file is the
// one that the store has when all pieces agree, the same file grown when it
// goes on behind them.
//
// The embedded engine's tables are not replicated: killed in the middle of an
// INSERT, it may keep the token and lose the rows (see the assumption Server of
// package block). So a block that an earlier run has not finished is written
// alone, and what the tables lack of it then is inserted again, as far as their
// sums prove it. The rest is for the audit to tell.
package file

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// InputError is an error of one file; other files can still be read.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

// Input is an open log file.
type Input struct {
	// Name is the path, or "-" for standard input.
	Name string
	// Size is the number of bytes on disk, 0 when unknown (standard input).
	Size int64

	file   *os.File // nil when it can be read only once: standard input, a pipe
	once   *memory  // then
	text   *bufio.Reader
	at     int64       // how much of text is read
	last   byte        // the last byte of that
	fields fields      // of that
	packed bool        // compressed
	plain  io.ReaderAt // the file when it is one of plain text, read from any place
	raw    *counting
	stop   <-chan struct{} // closed when reading has to end; nil never
	close  []func() error
}

// codec is a compression, recognised by the first bytes of a file and not by its name.
// Without open it is recognised but cannot be read.
type codec struct {
	name, magic string
	open        func(io.Reader) (io.Reader, func() error, error)
}

func codecs() []codec {
	noClose := func() error { return nil }
	return []codec{
		{"gzip", "\x1f\x8b", func(r io.Reader) (io.Reader, func() error, error) {
			z, err := gzip.NewReader(r)
			return z, noClose, err
		}},
		{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, func() error, error) {
			z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
			if err != nil {
				return nil, noClose, err
			}
			return z, func() error { z.Close(); return nil }, nil
		}},
		{"bzip2", "BZh", func(r io.Reader) (io.Reader, func() error, error) { return bzip2.NewReader(r), noClose, nil }},
		{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.Reader, func() error, error) {
			z, err := xz.NewReader(r)
			return z, noClose, err
		}},
		{"lz4", "\x04\x22\x4d\x18", func(r io.Reader) (io.Reader, func() error, error) {
			return lz4.NewReader(r), noClose, nil
		}},
		{"zip", "PK\x03\x04", nil},
		{"7z", "7z\xbc\xaf\x27\x1c", nil},
		{"compress", "\x1f\x9d", nil},
	}
}

const magicBytes = 6

// Open opens a plain or compressed file; "-" is stdin.
func Open(path string, stdin io.Reader) (*Input, error) {
	in := &Input{Name: path}
	if path == "-" {
		in.once = &memory{r: stdin}
		if err := in.begin(in.once); err != nil {
			return nil, errors.Join(err, in.Close())
		}
		return in, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &InputError{err}
	}
	in.close = append(in.close, f.Close)
	if err := in.openFile(f); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

func (in *Input) openFile(f *os.File) error {
	st, err := f.Stat()
	switch {
	case err != nil:
		return &InputError{err}
	case st.IsDir():
		dir := strings.TrimRight(in.Name, "/")
		return &InputError{fmt.Errorf("%s is a directory; name its files, for example %s/*.log", in.Name, dir)}
	case st.Mode().IsRegular():
		in.file, in.Size = f, st.Size()
		return in.begin(f)
	}
	in.once = &memory{r: f}
	return in.begin(in.once)
}

// begin reads the text from its beginning.
func (in *Input) begin(r io.Reader) error {
	in.raw, in.at, in.packed, in.fields = &counting{r: r}, 0, false, fields{}
	head := bufio.NewReaderSize(in.raw, 64<<10)
	magic, err := head.Peek(magicBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return in.readError(err)
	}
	in.text = head
	for _, c := range codecs() {
		if !bytes.HasPrefix(magic, []byte(c.magic)) {
			continue
		}
		if c.open == nil {
			return &InputError{fmt.Errorf("%s is a %s file, which is not read; unpack it, or pipe its text into -",
				in.Name,
				c.name)}
		}
		z, closer, err := c.open(head)
		if err != nil {
			return in.readError(fmt.Errorf("%s: %w", c.name, err))
		}
		in.packed, in.text, in.close = true, bufio.NewReaderSize(z, 64<<10), append(in.close, closer)
		return nil
	}
	if in.file != nil {
		in.plain = in.file
	}
	return nil
}

func (in *Input) readError(err error) error {
	if of := (*fs.PathError)(nil); errors.As(err, &of) && err == error(of) {
		err = of.Err // its name is said once
	}
	return &InputError{fmt.Errorf("read %s: %w", in.Name, err)}
}

// Consumed is the number of bytes read from disk so far; with Size it tells
// how far a compressed file has come.
func (in *Input) Consumed() int64 { return in.raw.n }

// Read reads the decompressed text.
func (in *Input) Read(p []byte) (int, error) {
	n, err := stoppable{in.text, in.stop}.Read(p)
	if n > 0 {
		in.at, in.last = in.at+int64(n), p[n-1]
		in.fields.read(p[:n])
	}
	return n, err
}

// waits reports that reading waits for somebody to write or type.
func (in *Input) waits() bool { return in.once != nil && !in.packed }

// empty reports that the text has ended, without reading on.
func (in *Input) empty() (bool, error) {
	if in.plain != nil {
		return in.Size == 0, nil
	}
	_, err := in.text.Peek(1)
	if err == nil || errors.Is(err, io.EOF) {
		return err != nil, nil
	}
	return false, in.readError(err)
}

// seek continues reading at an offset of the text, or at its end.
func (in *Input) seek(at int64) error {
	if in.at > at {
		if err := in.rewind(); err != nil {
			return err
		}
	}
	if in.once != nil {
		in.once.forget()
	}
	if _, err := io.CopyN(io.Discard, in, at-in.at); err != nil && !errors.Is(err, io.EOF) {
		return in.readError(err)
	}
	return nil
}

// rewind goes back to the beginning of the text.
func (in *Input) rewind() error {
	if in.once != nil {
		if err := in.once.rewind(); err != nil {
			return in.readError(err)
		}
		return in.begin(in.once)
	}
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return in.readError(err)
	}
	return in.begin(in.file)
}

// lastLine ends a plain file after its last line feed, and returns how many bytes
// follow: a line that is still being written.
func (in *Input) lastLine() (unfinished int64, err error) {
	if in.plain == nil {
		return 0, nil
	}
	buf := make([]byte, 64<<10)
	for to := in.Size; to > 0; {
		from := max(0, to-int64(len(buf)))
		part := buf[:to-from]
		if _, err := in.plain.ReadAt(part, from); err != nil {
			return 0, in.readError(err)
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			unfinished = in.Size - from - int64(i) - 1
			in.Size -= unfinished
			return unfinished, nil
		}
		to = from
	}
	unfinished, in.Size = in.Size, 0
	return unfinished, nil
}

// Close releases the file.
func (in *Input) Close() error {
	var err error
	for _, c := range in.close {
		err = errors.Join(err, c())
	}
	in.close = nil
	return err
}

// maxLine bounds the memory of one line: a longer one ends the loading.
const maxLine = 64 << 20

// stoppable is a reader that fails when it is told to stop: reading the known part of
// a long file takes a while.
type stoppable struct {
	io.Reader
	stop <-chan struct{}
}

func (s stoppable) Read(p []byte) (int, error) {
	select {
	case <-s.stop:
		return 0, context.Canceled
	default:
		return s.Reader.Read(p)
	}
}

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

// memory keeps the beginning of a text that can be read only once, until it is known
// whether the store has it. It is never on disk, because it is not scrubbed yet.
type memory struct {
	r    io.Reader
	kept []byte
	back int // how much of kept was read again
	over bool
}

// memoryBytes is how much can be read twice.
const memoryBytes = 64 << 20

func (m *memory) Read(p []byte) (int, error) {
	if m.back < len(m.kept) {
		n := copy(p, m.kept[m.back:])
		m.back += n
		return n, nil
	}
	n, err := m.r.Read(p)
	if m.over = m.over || len(m.kept)+n > memoryBytes; m.over {
		m.kept, m.back = nil, 0 // all of it was read again
	} else {
		m.kept = append(m.kept, p[:n]...)
		m.back = len(m.kept)
	}
	return n, err
}

func (m *memory) rewind() error {
	if m.over {
		return fmt.Errorf("its first %d MiB are in the store already and what follows differs; give the file itself, which "+
			"can be read twice", memoryBytes>>20)
	}
	m.back = 0
	return nil
}

// forget keeps only what is still to be read again.
func (m *memory) forget() { m.over = true }

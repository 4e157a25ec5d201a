package chnative

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
)

// engineRevision is that of the engine's Native format: no block info, no flags of custom
// serialization.
const engineRevision = 0

// copier copies blocks from one revision's form to another's, and caches parsed types.
type copier struct {
	in       *bufio.Reader
	out      io.Writer
	from, to int // revisions
	types    map[string]*layout
	buf      proto.Buffer
}

func newCopier(in io.Reader, from int, out io.Writer, to int) *copier {
	return &copier{in: bufio.NewReaderSize(in, 64<<10), out: out, from: from, to: to, types: map[string]*layout{}}
}

// block copies one block and returns its columns and the number of its rows. emit says, by
// the numbers of columns and rows, whether to copy it or only to read it. The error is
// io.EOF when there is no further block.
func (c *copier) block(emit func(columns, rows int) bool) (columns []chquery.Column, rows int, err error) {
	w := &wire{in: c.in}
	if _, err := c.in.Peek(1); err != nil {
		return nil, 0, err
	}
	if has(proto.FeatureBlockInfo, c.from) {
		w.blockInfo()
	}
	n := w.count("columns of a block", maxColumns)
	if rows = w.count("rows of a block", maxRows); w.err != nil {
		return nil, 0, unexpected(w.err)
	}
	out := c.out
	if !emit(n, rows) {
		c.out = io.Discard
	}
	defer func() { c.out = out }()
	if err := c.header(n, rows); err != nil {
		return nil, 0, err
	}
	columns = make([]chquery.Column, 0, min(n, 1024))
	for range n {
		column, err := c.column(w, uint64(rows))
		if err != nil {
			return nil, 0, unexpected(err)
		}
		columns = append(columns, column)
	}
	return columns, rows, nil
}

// unexpected replaces io.EOF inside a block by io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("block is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func (c *copier) header(columns, rows int) error {
	c.buf.Reset()
	encodeHeader(&c.buf, columns, rows, c.to)
	_, err := c.out.Write(c.buf.Buf)
	return err
}

func encodeHeader(b *proto.Buffer, columns, rows, revision int) {
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: columns, Rows: rows}.EncodeAware(b, revision)
}

func encodeColumn(b *proto.Buffer, c chquery.Column, revision int) {
	b.PutString(c.Name)
	b.PutString(c.Type)
	if has(proto.FeatureCustomSerialization, revision) {
		b.PutBool(false)
	}
}

// emptyBlock writes a block of columns without rows.
func emptyBlock(b *proto.Buffer, columns []chquery.Column, revision int) {
	encodeHeader(b, len(columns), 0, revision)
	for _, c := range columns {
		encodeColumn(b, c, revision)
	}
}

func (w *wire) blockInfo() {
	for {
		switch field := w.uvarint(); field {
		case 0:
			return
		case 1: // overflows
			w.skip(1)
		case 2: // bucket number
			w.skip(4)
		default:
			w.fail(fmt.Errorf("field %d of a block's info is not known", field))
		}
	}
}

func (c *copier) column(w *wire, rows uint64) (column chquery.Column, err error) {
	column.Name = w.text("column's name", maxName)
	column.Type = w.text("column's type", maxName)
	if has(proto.FeatureCustomSerialization, c.from) && w.byte() != 0 {
		return column, chquery.NotImplemented("Custom serialization of column " + chquery.Quote(column.Name) +
			" is not supported by the embedded engine")
	}
	if w.err != nil {
		return column, w.err
	}
	c.buf.Reset()
	encodeColumn(&c.buf, column, c.to)
	if _, err := c.out.Write(c.buf.Buf); err != nil || rows == 0 {
		return column, err
	}
	l, ok := c.types[column.Type]
	if !ok {
		if l, err = parseType(column.Type); err != nil {
			return column, err
		}
		if len(c.types) >= maxColumns {
			clear(c.types) // bounds the cache
		}
		c.types[column.Type] = l
	}
	if err := c.prefix(l); err != nil {
		return column, err
	}
	if err := c.values(l, rows); err != nil {
		return column, fmt.Errorf("column %s %s: %w", column.Name, column.Type, err)
	}
	return column, nil
}

// dictionaryVersion is the only version of a LowCardinality column: a dictionary in each
// block.
const dictionaryVersion = 1

// prefix copies what comes before a column's values: a version for each
// dictionary in it.
func (c *copier) prefix(l *layout) error {
	if l.kind == lowCardinality {
		version, err := c.uint64()
		if err == nil && version != dictionaryVersion {
			err = fmt.Errorf("version of a dictionary: got %d; want %d", version, dictionaryVersion)
		}
		return err
	}
	for _, e := range l.elems {
		if err := c.prefix(e); err != nil {
			return err
		}
	}
	return nil
}

// values copies n values.
func (c *copier) values(l *layout, n uint64) error {
	if n == 0 {
		return nil
	}
	switch l.kind {
	case fixed:
		return c.copy(n, l.size)
	case text:
		return c.texts(n)
	case nullable:
		if err := c.copy(n, 1); err != nil {
			return err
		}
		return c.values(l.elems[0], n)
	case array:
		if err := c.copy(n-1, 8); err != nil {
			return err
		}
		total, err := c.uint64() // the end of the last array is that of all
		if err != nil {
			return err
		}
		return c.values(l.elems[0], total)
	case tuple:
		for _, e := range l.elems {
			if err := c.values(e, n); err != nil {
				return err
			}
		}
		return nil
	}
	return c.dictionary(l.elems[0], n)
}

// Bits of a LowCardinality column's flags, and the width of places in the low
// byte.
const (
	globalDictionary = 1 << 8
	hasKeys          = 1 << 9
)

func (c *copier) dictionary(keys *layout, n uint64) error {
	for n > 0 {
		flags, err := c.uint64()
		if err != nil {
			return err
		}
		width := flags & 0xff
		if width > 3 || flags&globalDictionary != 0 {
			return fmt.Errorf("flags of a dictionary: %#x is not known", flags)
		}
		if flags&hasKeys != 0 {
			count, err := c.uint64()
			if err != nil {
				return err
			}
			if err := c.values(keys, count); err != nil {
				return err
			}
		}
		rows, err := c.uint64()
		if err != nil {
			return err
		}
		if rows == 0 || rows > n {
			return fmt.Errorf("rows of a dictionary: got %d; want 1 to %d", rows, n)
		}
		if err := c.copy(rows, 1<<width); err != nil {
			return err
		}
		n -= rows
	}
	return nil
}

// uint64 copies eight bytes and returns their value.
func (c *copier) uint64() (uint64, error) {
	b, err := c.in.Peek(8)
	if err != nil {
		return 0, err
	}
	v := binary.LittleEndian.Uint64(b)
	if _, err := c.out.Write(b); err != nil {
		return 0, err
	}
	_, err = c.in.Discard(8)
	return v, err
}

// copy copies n values of a size in bytes.
func (c *copier) copy(n, size uint64) error {
	if n > (1<<62)/size {
		return fmt.Errorf("%d values of %d bytes are too many", n, size)
	}
	return c.bytes(n * size)
}

func (c *copier) bytes(left uint64) error {
	for left > 0 {
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		b, err := c.in.Peek(int(min(left, uint64(c.in.Buffered()))))
		if err != nil {
			return err
		}
		if _, err := c.out.Write(b); err != nil {
			return err
		}
		if _, err := c.in.Discard(len(b)); err != nil {
			return err
		}
		left -= uint64(len(b))
	}
	return nil
}

// texts copies n strings: those in the buffer at once, and one that exceeds it by itself.
func (c *copier) texts(n uint64) error {
	for n > 0 {
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		b, err := c.in.Peek(c.in.Buffered())
		if err != nil {
			return err
		}
		end := 0
		for n > 0 {
			length, width := binary.Uvarint(b[end:])
			if width <= 0 || length > uint64(len(b)-end-width) {
				break
			}
			end += width + int(length)
			n--
		}
		if _, err := c.out.Write(b[:end]); err != nil {
			return err
		}
		if _, err := c.in.Discard(end); err != nil {
			return err
		}
		if n > 0 {
			if err := c.longText(); err != nil {
				return err
			}
			n--
		}
	}
	return nil
}

func (c *copier) longText() error {
	w := wire{in: c.in}
	length := w.uvarint()
	if w.err != nil {
		return w.err
	}
	if length > 1<<40 {
		return fmt.Errorf("a text of %d bytes is too long", length)
	}
	if _, err := c.out.Write(binary.AppendUvarint(nil, length)); err != nil {
		return err
	}
	return c.bytes(length)
}

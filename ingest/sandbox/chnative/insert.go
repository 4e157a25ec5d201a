package chnative

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// insert handles an INSERT of blocks: it sends the columns, reads up to the empty block,
// and runs one INSERT under one token.
func (x *exchange) insert() error {
	columns, err := x.server.queries.InsertColumns(x.server.base, x.q)
	if err != nil {
		return err
	}
	if err := x.head(columns); err != nil {
		return err
	}
	x.q.Stmt.Format = "Native" // whatever the text says: blocks come
	rows := &blockRows{exchange: x}
	x.q.Rows = rows
	stats, err := x.insertRows()
	if err != nil && !rows.done {
		// The client goes on sending what cannot be told from packets.
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	return x.end(stats, err)
}

// insertRows runs an INSERT with its rows. A client that leaves does not cancel it: all
// rows have arrived.
func (x *exchange) insertRows() (libchdb.Stats, error) {
	return x.server.queries.Run(x.server.base, x.q, io.Discard)
}

// blockRows are the blocks of an INSERT in the engine's form.
type blockRows struct {
	exchange *exchange
	done     bool // the empty block has come
}

// WriteRows implements chquery.Rows.
func (r *blockRows) WriteRows(w io.Writer) (int64, error) {
	count := &counter{out: w}
	out := r.exchange.spoolTo(count)
	defer out.Reset(nil)
	for {
		w := wire{in: r.exchange.in}
		code := w.uvarint()
		switch {
		case w.err != nil:
			return count.n, w.err
		case proto.ClientCode(code) == proto.ClientCodeCancel:
			return count.n, chquery.Exception{Code: 394, Name: "QUERY_WAS_CANCELLED",
				Text: "Query was cancelled by the client"}
		case proto.ClientCode(code) != proto.ClientCodeData:
			return count.n, chquery.Exception{Code: 101, Name: "UNEXPECTED_PACKET_FROM_CLIENT",
				Text: fmt.Sprintf("Unexpected packet %d from client in the midst of an INSERT", code)}
		}
		_, columns, err := r.exchange.blockAfterCode(out)
		if err != nil {
			return count.n, err
		}
		if columns == 0 {
			r.done = true
			err := out.Flush()
			return count.n, err
		}
	}
}

// spoolTo is a buffer of the connection before w.
func (c *conn) spoolTo(w io.Writer) *bufio.Writer {
	if c.spool == nil {
		c.spool = bufio.NewWriterSize(w, 256<<10)
	}
	c.spool.Reset(w)
	return c.spool
}

type counter struct {
	out io.Writer
	n   int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	return n, err
}

// readBlock reads a data packet and copies it to out.
func (x *exchange) readBlock(out io.Writer) (name string, columns int, err error) {
	w := wire{in: x.in}
	if code := w.uvarint(); proto.ClientCode(code) != proto.ClientCodeData {
		w.fail(fmt.Errorf("packet %d: got it after a query; want %d, data", code, proto.ClientCodeData))
	}
	if w.err != nil {
		return "", 0, w.err
	}
	return x.blockAfterCode(out)
}

// blockAfterCode reads what follows the code of a data packet: the name of a
// temporary table and a block, in frames when the query says so. A block
// without rows is not copied.
func (x *exchange) blockAfterCode(out io.Writer) (name string, columns int, err error) {
	_ = x.net.SetReadDeadline(time.Now().Add(exchangeTimeout))
	if has(proto.FeatureTempTables, x.revision) {
		w := wire{in: x.in}
		if name = w.text("name of a temporary table", maxName); w.err != nil {
			return "", 0, w.err
		}
	}
	c := x.copier
	c.in, c.out, c.from = x.in, out, x.revision
	if x.compressed {
		if x.frames == nil {
			// Frames end where blocks do, so it reads nothing beyond the block.
			x.frames = bufio.NewReaderSize(chquery.NewFrameReader(x.in), 64<<10)
		}
		c.in = x.frames
	}
	all, _, err := c.block(func(_, rows int) bool { return rows > 0 })
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return name, len(all), err
}

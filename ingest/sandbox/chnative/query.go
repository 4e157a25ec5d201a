package chnative

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// errBroken marks errors after which the position in the stream is unknown, so that the
// connection must end.
var errBroken = errors.New("the connection cannot go on")

// exchange is one query being answered.
type exchange struct {
	*conn
	q          *chquery.Query
	compressed bool
	method     compress.Method
	begun      time.Time

	rows, blockCount, bytes uint64           // of the answer so far
	columns                 []chquery.Column // of the first block
	toClient                *copier
	source                  *bytes.Reader // what it reads
	block                   bytes.Buffer  // what it writes
}

// query reads a query and answers it. An error of the query is answered by an exception,
// and the connection goes on.
func (c *conn) query() error {
	w := wire{in: c.in}
	p := w.query(c.revision)
	if w.err != nil {
		return c.refuse(fmt.Errorf("read query: %w", w.err))
	}
	x := &exchange{conn: c, compressed: p.compressed, method: compress.LZ4, begun: time.Now()}
	err := x.prepare(p)
	if err == nil {
		err = x.externalTables()
	}
	if err == nil {
		err = x.run()
	}
	c.log.Debug("query", "query_id", x.q.ID, "verb", x.q.Stmt.Verb, "took", time.Since(x.begun))
	if err == nil {
		return nil
	}
	if told := c.exception(err); told != nil || errors.Is(err, errBroken) {
		return errors.Join(err, told)
	}
	return nil
}

func (x *exchange) prepare(p queryPacket) error {
	x.q = &chquery.Query{
		ID: cmp.Or(p.id, chquery.NewID()), SQL: []byte(strings.TrimSpace(p.body)), Params: p.params,
		Database: x.database, Format: "Native", Session: x.session,
	}
	x.q.Stmt = chquery.ParseStatement(x.q.SQL)
	x.q.DropFormat()
	for _, s := range p.settings {
		if s.Name == "network_compression_method" && strings.EqualFold(s.Value, "ZSTD") {
			x.method = compress.ZSTD
		}
	}
	return x.q.SetSettings(p.settings)
}

// externalTables reads the blocks that follow each query up to the empty one.
func (x *exchange) externalTables() error {
	name, columns, err := x.readBlock(io.Discard)
	switch {
	case err != nil:
		return fmt.Errorf("%w: read the block after the query: %w", errBroken, err)
	case columns > 0:
		return errors.Join(errBroken,
			chquery.NotImplemented("External tables ("+name+") are not supported by the embedded engine"))
	}
	return nil
}

func (x *exchange) run() error {
	q := x.q
	if err := q.CheckSingle(); err != nil {
		return err
	}
	switch {
	case q.Stmt.TakesData && len(bytes.TrimSpace(q.Stmt.Inline)) > 0:
		q.Rows = chquery.FromReader(bytes.NewReader(q.Stmt.Inline))
		return x.end(x.insertRows())
	case q.Stmt.TakesData:
		return x.insert()
	case q.Stmt.Verb == "SET":
		return x.set()
	case q.Stmt.Verb == "USE":
		return x.useDatabase()
	}
	return x.answer()
}

// set keeps a SET for the queries that follow on this connection.
func (x *exchange) set() error {
	q := *x.q
	q.Session = slices.Concat(x.session, []string{string(x.q.SQL)})
	if _, err := x.server.queries.Ask(x.server.base, &q, "SELECT 1", "Null"); err != nil {
		return err
	}
	x.session = q.Session
	return x.endOfStream()
}

func (x *exchange) useDatabase() error {
	name := strings.TrimSpace(string(x.q.SQL[len("USE"):]))
	name = strings.TrimSpace(strings.TrimSuffix(name, ";"))
	if n := len(name); n > 1 && (name[0] == '`' || name[0] == '"') && name[n-1] == name[0] {
		name = name[1 : n-1]
	}
	if err := x.use(name); err != nil {
		return err
	}
	return x.endOfStream()
}

// answer runs a statement whose rows go to the client.
func (x *exchange) answer() error {
	ctx, end := x.watch(x.server.base)
	stop := x.tick(ctx)
	stats, err := x.stream(ctx)
	stop()
	if end() {
		return x.endOfStream()
	}
	if err != nil {
		return err
	}
	return x.finish(stats)
}

func (x *exchange) stream(ctx context.Context) (stats libchdb.Stats, err error) {
	x.source = bytes.NewReader(nil)
	x.toClient = newCopier(x.source, engineRevision, &x.block, x.revision)
	if x.q.IsSelect() && (x.q.Stmt.Totals || wantsExtremes(x.q)) {
		parts, err := x.server.queries.Sections(ctx, x.q)
		if err != nil {
			return stats, err
		}
		return stats, x.sections(ctx, parts)
	}
	if stats, err = x.server.queries.Run(ctx, x.q, writer(x.data)); err != nil {
		return stats, err
	}
	return stats, x.headOnly(ctx)
}

func wantsExtremes(q *chquery.Query) bool {
	return slices.ContainsFunc(q.Settings, func(s chquery.Setting) bool {
		return s.Name == "extremes" && (s.Value == "1" || strings.EqualFold(s.Value, "true"))
	})
}

func (x *exchange) sections(ctx context.Context, parts chquery.Sections) error {
	if err := x.blocks(proto.ServerCodeData, parts.Data); err != nil {
		return err
	}
	if err := x.headOnly(ctx); err != nil {
		return err
	}
	if err := x.blocks(proto.ServerCodeTotals, parts.Totals); err != nil {
		return err
	}
	return x.blocks(proto.ServerCodeExtremes, parts.Extremes)
}

// headOnly sends the columns of an answer without rows.
func (x *exchange) headOnly(ctx context.Context) error {
	if x.columns != nil {
		return nil
	}
	columns, err := x.server.queries.Columns(ctx, x.q)
	if err != nil || len(columns) == 0 {
		return err
	}
	return x.head(columns)
}

// head sends a block without rows, which announces the columns.
func (x *exchange) head(columns []chquery.Column) error {
	x.columns = columns
	var b proto.Buffer
	emptyBlock(&b, columns, x.revision)
	return x.packet(proto.ServerCodeData, b.Buf)
}

// data takes whole blocks of the engine's output.
func (x *exchange) data(native []byte) (int, error) {
	return len(native), x.blocks(proto.ServerCodeData, native)
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// blocks sends the engine's blocks as packets of a kind.
func (x *exchange) blocks(code proto.ServerCode, native []byte) error {
	x.source.Reset(native)
	x.toClient.in.Reset(x.source)
	for {
		x.block.Reset()
		columns, rows, err := x.toClient.block(func(int, int) bool { return true })
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if code == proto.ServerCodeData {
			if x.columns == nil {
				if err := x.head(columns); err != nil {
					return err
				}
			}
			x.rows, x.blockCount, x.bytes = x.rows+uint64(rows), x.blockCount+1, x.bytes+uint64(x.block.Len())
		}
		if rows > 0 {
			if err := x.packet(code, x.block.Bytes()); err != nil {
				return err
			}
		}
	}
}

// packet sends a block as a packet.
func (x *exchange) packet(code proto.ServerCode, block []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.net.SetWriteDeadline(time.Now().Add(exchangeTimeout))
	x.buf.Reset()
	code.Encode(&x.buf)
	proto.ClientData{}.EncodeAware(&x.buf, x.revision) // the name of a temporary table: none
	if _, err := x.out.Write(x.buf.Buf); err != nil {
		return err
	}
	if !x.compressed {
		if _, err := x.out.Write(block); err != nil {
			return err
		}
		return x.out.Flush()
	}
	frames := chquery.NewFrameWriter(x.out, x.method)
	if _, err := frames.Write(block); err != nil {
		return err
	}
	if err := frames.Flush(); err != nil {
		return err
	}
	return x.out.Flush()
}

// tickEvery is how often a waiting client is sent progress.
const tickEvery = time.Second

// tick sends empty progress while ctx lives, so that the query outlives the client's read
// timeout.
func (x *exchange) tick(ctx context.Context) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(tickEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
				if x.progress(proto.Progress{}) != nil {
					return // the answer reports it
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func (x *exchange) progress(p proto.Progress) error {
	p.ElapsedNs = uint64(time.Since(x.begun).Nanoseconds())
	return x.send(func(b *proto.Buffer) {
		proto.ServerCodeProgress.Encode(b)
		p.EncodeAware(b, x.revision)
	})
}

// finish ends an answer with rows in a server's order: profile, progress, an
// empty block.
func (x *exchange) finish(s libchdb.Stats) error {
	if x.columns == nil {
		return x.endOfStream()
	}
	err := x.send(func(b *proto.Buffer) {
		// Otherwise clickhouse-client calculates the rows before the limit itself,
		// from streams that it does not have.
		proto.Profile{Rows: x.rows, Blocks: x.blockCount, Bytes: x.bytes,
			CalculatedRowsBeforeLimit: true}.EncodeAware(b, x.revision)
	})
	if err == nil {
		err = x.progress(proto.Progress{Rows: s.ReadRows, Bytes: s.ReadBytes})
	}
	if err == nil {
		var b proto.Buffer
		emptyBlock(&b, nil, x.revision)
		err = x.packet(proto.ServerCodeData, b.Buf)
	}
	if err != nil {
		return err
	}
	return x.endOfStream()
}

// end sends what an INSERT wrote, to clients that know that, and ends the answer, or
// returns err.
func (x *exchange) end(s libchdb.Stats, err error) error {
	if err == nil && has(proto.FeatureClientWriteInfo, x.revision) {
		err = x.progress(proto.Progress{WroteRows: s.WrittenRows, WroteBytes: s.WrittenBytes})
	}
	if err != nil {
		return err
	}
	return x.endOfStream()
}

func (x *exchange) endOfStream() error {
	return x.send(func(b *proto.Buffer) { proto.ServerCodeEndOfStream.Encode(b) })
}

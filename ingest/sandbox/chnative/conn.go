package chnative

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
)

// How long a client may take for one read or write during an exchange, and for its
// handshake.
const (
	exchangeTimeout  = 300 * time.Second
	handshakeTimeout = 10 * time.Second
)

// conn is one client's connection. Its queries run one after the other.
type conn struct {
	server *Server
	net    net.Conn
	in     *bufio.Reader
	log    *slog.Logger

	revision int // the lower of the client's and the server's
	database string
	session  []string // SET statements so far

	copier *copier       // client to engine
	frames *bufio.Reader // what the client sends, decompressed
	spool  *bufio.Writer // what an INSERT's rows go through

	peeked chan error // of a watcher's look at the next packet; nil when none runs

	mu      sync.Mutex // the packets that go out, idle and closing
	out     *bufio.Writer
	buf     proto.Buffer
	idle    bool // waits for a query
	closing bool
}

func newConn(s *Server, nc net.Conn) *conn {
	return &conn{
		server: s, net: nc, log: s.log,
		in:     bufio.NewReaderSize(nc, 64<<10),
		out:    bufio.NewWriterSize(nc, 64<<10),
		copier: &copier{to: engineRevision, types: map[string]*layout{}},
	}
}

// serve answers one client until it leaves.
func (c *conn) serve() {
	defer func() { _ = c.net.Close() }()
	err := c.handshake()
	for err == nil {
		err = c.next()
	}
	if c.peeked != nil {
		_ = c.net.Close()
		<-c.peeked
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.log.Debug("native connection ends", "remote", c.net.RemoteAddr().String(), "err", err)
	}
}

func (c *conn) handshake() error {
	_ = c.net.SetDeadline(time.Now().Add(handshakeTimeout))
	defer func() { _ = c.net.SetDeadline(time.Time{}) }()
	w := wire{in: c.in}
	code := w.byte()
	if w.err != nil {
		return w.err
	}
	if code != byte(proto.ClientCodeHello) {
		return c.notThisProtocol(code)
	}
	hello := w.hello()
	if w.err != nil {
		return c.refuse(fmt.Errorf("handshake: %w", w.err))
	}
	c.revision = min(hello.revision, revision)
	if err := c.server.users.Check(hello.user, hello.password); err != nil {
		return c.refuse(err)
	}
	if err := c.use(hello.database); err != nil {
		return c.refuse(err)
	}
	if err := c.send(func(b *proto.Buffer) { c.server.hello.EncodeAware(b, c.revision) }); err != nil {
		return err
	}
	if has(proto.FeatureAddendum, c.revision) {
		w.text("quota key", maxName)
	}
	return w.err
}

// use sets the database of the connection's queries, if it exists.
func (c *conn) use(database string) error {
	if database == "" || database == c.database {
		return nil
	}
	q := &chquery.Query{ID: chquery.NewID(), Database: database, Session: c.session}
	if _, err := c.server.queries.Ask(c.server.base, q, "SELECT 1", "Null"); err != nil {
		return err
	}
	c.database = database
	return nil
}

// notThisProtocol answers a client that speaks another protocol.
func (c *conn) notThisProtocol(first byte) error {
	switch first {
	case 'G', 'P', 'H', 'O', 'D': // GET, POST, HEAD, OPTIONS, DELETE
		const text = "This port speaks ClickHouse's native protocol; use the port of the HTTP interface for HTTP.\n"
		_, err := fmt.Fprintf(c.net,
			"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		return errors.Join(errors.New("a client speaks HTTP to the native port"), err)
	case 0x16: // a TLS record of a handshake
		return errors.New("a client speaks TLS to the native port, which has none: use secure=false")
	}
	return fmt.Errorf("packet %d: got it first; want %d, hello", first, proto.ClientCodeHello)
}

// refuse sends err and returns it.
func (c *conn) refuse(err error) error {
	return errors.Join(err, c.exception(err))
}

// next serves one packet and what belongs to it.
func (c *conn) next() error {
	if !c.setIdle(true) {
		return net.ErrClosed
	}
	err := c.awaitPacket()
	if !c.setIdle(false) || err != nil {
		return errors.Join(err, net.ErrClosed)
	}
	_ = c.net.SetReadDeadline(time.Now().Add(exchangeTimeout))
	defer func() { _ = c.net.SetReadDeadline(time.Time{}) }()
	w := wire{in: c.in}
	code := w.uvarint()
	if w.err != nil {
		return w.err
	}
	switch proto.ClientCode(code) {
	case proto.ClientCodePing:
		return c.send(func(b *proto.Buffer) { proto.ServerCodePong.Encode(b) })
	case proto.ClientCodeCancel:
		return nil // it crossed the end of its query
	case proto.ClientCodeQuery:
		return c.query()
	}
	return c.refuse(chquery.Exception{Code: 101, Name: "UNEXPECTED_PACKET_FROM_CLIENT",
		Text: fmt.Sprintf("Unexpected packet %d from client", code)})
}

// awaitPacket waits for the first byte of a packet.
func (c *conn) awaitPacket() error {
	if c.peeked != nil {
		err := <-c.peeked
		c.peeked = nil
		return err
	}
	_, err := c.in.Peek(1)
	return err
}

// watch reads what the client sends while its query runs: ctx ends when the client cancels
// or leaves. end stops that and reports whether it has cancelled.
func (c *conn) watch(ctx context.Context) (_ context.Context, end func() (cancelled bool)) {
	ctx, cancel := context.WithCancelCause(ctx)
	peeked := make(chan error, 1)
	errCancelled := errors.New("cancelled by the client")
	_ = c.net.SetReadDeadline(time.Time{})
	go func() {
		b, err := c.in.Peek(1)
		switch {
		case err != nil:
			cancel(fmt.Errorf("the client is gone: %w", err))
		case b[0] == byte(proto.ClientCodeCancel):
			_, _ = c.in.Discard(1)
			cancel(errCancelled)
			_, err = c.in.Peek(1) // of the next packet
		}
		peeked <- err
	}()
	c.peeked = peeked
	return ctx, func() bool {
		cancelled := context.Cause(ctx) == errCancelled
		cancel(nil)
		return cancelled
	}
}

// setIdle notes whether the connection waits for a query. It returns false
// when the server closes and the connection must end.
func (c *conn) setIdle(idle bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = idle
	return !c.closing
}

// closeWhenIdle ends the connection at once when no query runs, else after it.
func (c *conn) closeWhenIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if c.idle {
		_ = c.net.Close()
	}
}

// send writes one packet and flushes.
func (c *conn) send(encode func(b *proto.Buffer)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Reset()
	encode(&c.buf)
	_ = c.net.SetWriteDeadline(time.Now().Add(exchangeTimeout))
	if _, err := c.out.Write(c.buf.Buf); err != nil {
		return err
	}
	return c.out.Flush()
}

// exception sends an error as ClickHouse's exception.
func (c *conn) exception(cause error) error {
	e := proto.Exception{Code: proto.Error(chquery.CodeOf(cause)), Name: "DB::Exception"}
	if e.Code == 0 {
		e.Code = 1002 // UNKNOWN_EXCEPTION
	}
	e.Message = "DB::Exception: " + cause.Error()
	if _, text, ok := strings.Cut(cause.Error(), "DB::Exception: "); ok {
		e.Message = "DB::Exception: " + text
	}
	e.Stack = "no stack trace is kept by the embedded engine"
	return c.send(func(b *proto.Buffer) {
		proto.ServerCodeException.Encode(b)
		e.EncodeAware(b, c.revision)
	})
}

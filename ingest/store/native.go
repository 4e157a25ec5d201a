package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// native sends INSERTs over ClickHouse's native protocol. clickhouse-go could,
// but it keeps every column of an INSERT three times: as values, in the form of
// the protocol, and compressed; here a block is the one that goes over HTTP.
// The packets and the errors are clickhouse-go's, so that Classify reads them
// alike.
type native struct {
	turn
	addrs          []string
	dial           func(ctx context.Context, network, addr string) (net.Conn, error)
	user, password string
	dialTimeout    time.Duration
	lifetime       time.Duration // of a connection
	compressed     bool
	end            []byte        // the packet that ends data: a block without columns
	slots          chan struct{} // one for each connection in use

	mu     sync.Mutex
	idle   []*link
	closed bool
}

// nativeRevision is the revision of the protocol that INSERTs are sent in. The
// next ones add what an INSERT would have to skip: profile events (54451), a
// byte for each column (54454), an addendum to the handshake (54458).
const nativeRevision = proto.DBMS_MIN_PROTOCOL_VERSION_WITH_INITIAL_QUERY_START_TIME

func newNative(o *clickhouse.Options, conns int, f form) (*native, error) {
	n := &native{
		turn:        turn{of: len(o.Addr)},
		addrs:       o.Addr,
		user:        cmp.Or(o.Auth.Username, "default"),
		password:    o.Auth.Password,
		dialTimeout: o.DialTimeout,
		lifetime:    cmp.Or(o.ConnMaxLifetime, time.Hour),
		compressed:  !f.plain,
		slots:       make(chan struct{}, conns),
	}
	n.dial = new(net.Dialer).DialContext
	if o.TLS != nil {
		n.dial = (&tls.Dialer{Config: o.TLS}).DialContext
	}
	var w wire
	w.begin(0, 0, f)
	frames, err := w.end()
	n.end = slices.Concat(append(body{dataPacket}, frames...)...)
	return n, err
}

// dataPacket is how a packet of rows for the table of the query begins.
var dataPacket = []byte{proto.ClientData, 0}

// close closes the connections; those in use are closed when they are returned.
func (n *native) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, l := range n.idle {
		l.close()
	}
	n.idle = nil
}

// insert implements inserter. Once rows were sent it does not retry: that is up to the
// caller.
func (n *native) insert(ctx context.Context, i insertion) error {
	select {
	case n.slots <- struct{}{}:
		defer func() { <-n.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l, err := n.begin(ctx, i)
	if err != nil {
		return err
	}
	if err = i.fence(); err == nil {
		err = l.during(ctx, func() error { return l.send(i.body, n.end) })
	}
	n.giveBack(l, err)
	return err
}

// begin makes a server wait for the rows. A connection that has died since its last
// use only costs the attempt with the next one, at last with a new one.
func (n *native) begin(ctx context.Context, i insertion) (*link, error) {
	for {
		l := n.used()
		fresh := l == nil
		if fresh {
			var err error
			if l, err = n.connect(ctx); err != nil {
				return nil, err
			}
		}
		err := l.during(ctx, func() error { return l.ask(i, n.end) })
		if err == nil {
			return l, nil
		}
		l.close()
		var said *clickhouse.Exception
		if fresh || errors.As(err, &said) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// used is an idle connection, nil if there is none.
func (n *native) used() *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.idle) > 0 {
		l := n.idle[len(n.idle)-1]
		n.idle = n.idle[:len(n.idle)-1]
		if time.Since(l.born) < n.lifetime {
			return l
		}
		l.close()
	}
	return nil
}

// giveBack keeps a connection for its next use, or closes one whose use ended with an
// error.
func (n *native) giveBack(l *link, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil || n.closed {
		l.close()
		return
	}
	n.idle = append(n.idle, l)
}

// connect makes a connection. It skips hosts that cannot be reached.
func (n *native) connect(ctx context.Context) (l *link, err error) {
	err = n.reach(ctx, func(host int) error {
		ctx, cancel := context.WithTimeoutCause(ctx, n.dialTimeout, fmt.Errorf("no handshake within %s", n.dialTimeout))
		defer cancel()
		conn, err := n.dial(ctx, "tcp", n.addrs[host])
		if err != nil {
			return cause(ctx, err)
		}
		l = &link{conn: conn, in: chproto.NewReader(conn), born: time.Now(), compressed: n.compressed}
		if err = l.during(ctx, func() error { return l.greet(n.user, n.password) }); err != nil {
			l.close()
		}
		return cause(ctx, err)
	})
	return l, err
}

// link is one connection.
type link struct {
	conn       net.Conn
	in         *chproto.Reader
	out        chproto.Buffer
	revision   uint64
	born       time.Time
	compressed bool
}

func (l *link) close() { _ = l.conn.Close() }

// during runs an exchange of packets, which ends with ctx; after an error the
// connection cannot be used any more.
func (l *link) during(ctx context.Context, exchange func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(0, 1)) })
	err := exchange()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("ask %s: %w", l.conn.RemoteAddr(), err)
	}
	return nil
}

// greet shakes hands. It names no database: statements do, and the server would refuse
// a connection to a database that does not exist yet.
func (l *link) greet(user, password string) error {
	l.out.PutByte(proto.ClientHello)
	proto.ClientHandshake{ClientName: clientName, ProtocolVersion: nativeRevision}.Encode(&l.out)
	l.out.PutString("")
	l.out.PutString(user)
	l.out.PutString(password)
	if err := l.write(); err != nil {
		return err
	}
	packet, err := l.in.ReadByte()
	switch {
	case err != nil:
		return err
	case packet == proto.ServerException:
		return l.skip(packet)
	case packet != proto.ServerHello:
		return unexpected(packet)
	}
	var server proto.ServerHandshake
	if err := server.Decode(l.in); err != nil {
		return err
	}
	if server.Revision < proto.DBMS_MIN_REVISION_WITH_CLIENT_INFO {
		return clickhouse.ErrUnsupportedServerRevision
	}
	l.revision = min(nativeRevision, server.Revision)
	return nil
}

// ask sends the query, and waits until the server has told its columns: it
// converts what comes to them, so they are not looked at.
func (l *link) ask(i insertion, end []byte) error {
	q := proto.Query{ClientName: clientName, ClientTCPProtocolVersion: nativeRevision, Body: i.statement,
		Compression: l.compressed, InitialAddress: l.conn.LocalAddr().String()}
	for k, v := range i.settings {
		q.Settings = append(q.Settings, proto.Setting{Key: k, Value: v, Important: true})
	}
	l.out.PutByte(proto.ClientQuery)
	if err := q.Encode(&l.out, l.revision); err != nil {
		return err
	}
	l.out.PutRaw(end) // of temporary tables
	if err := l.write(); err != nil {
		return err
	}
	return l.until(proto.ServerData)
}

// send sends the rows and waits for the answer.
func (l *link) send(rows body, end []byte) error {
	packets := net.Buffers(slices.Concat(body{dataPacket}, rows, body{end}))
	_, err := packets.WriteTo(l.conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if err != nil { // a server that refuses rows may say why and close before it has read them all
		_ = l.conn.SetReadDeadline(time.Now().Add(time.Second))
	}
	said := l.until(proto.ServerEndOfStream)
	var e *clickhouse.Exception
	if err == nil || errors.As(said, &e) {
		return said
	}
	return err
}

func (l *link) write() error {
	_, err := l.conn.Write(l.out.Buf)
	l.out.Reset()
	return err
}

// until reads packets up to the first of a kind.
func (l *link) until(want byte) error {
	for {
		packet, err := l.in.ReadByte()
		if err == nil {
			err = l.skip(packet)
		}
		switch {
		case err != nil || packet == want:
			return err
		case packet == proto.ServerEndOfStream:
			return unexpected(packet)
		}
	}
}

// skip reads a packet after its code; an exception is an error.
func (l *link) skip(packet byte) error {
	switch packet {
	case proto.ServerException:
		var e clickhouse.Exception
		if err := e.Decode(l.in); err != nil {
			return err
		}
		return &e
	case proto.ServerData:
		return l.skipBlock(l.compressed)
	case proto.ServerLog, proto.ServerProfileEvents:
		return l.skipBlock(false)
	case proto.ServerProgress:
		return new(proto.Progress).Decode(l.in, l.revision)
	case proto.ServerProfileInfo:
		return new(proto.ProfileInfo).Decode(l.in, l.revision)
	case proto.ServerTableColumns:
		return new(proto.TableColumns).Decode(l.in, l.revision)
	case proto.ServerEndOfStream:
		return nil
	}
	return unexpected(packet)
}

func (l *link) skipBlock(compressed bool) error {
	if _, err := l.in.Str(); err != nil { // of a temporary table
		return err
	}
	if compressed {
		l.in.EnableCompression()
		defer l.in.DisableCompression()
	}
	return proto.NewBlock().Decode(l.in, l.revision)
}

func unexpected(packet byte) error {
	return fmt.Errorf("got packet %d, which does not belong here", packet)
}

package sandbox

import (
	"encoding/binary"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// joiningListener makes the broker expire a group member that dies while it
// joins, as Apache Kafka does.
//
// kfake starts a member's session when it has passed the answer to JoinGroup to the
// member's connection. If that connection is gone by then, no session starts, and the
// member keeps its partitions forever. So the end of a connection that waits for the
// answer to a JoinGroup is hidden from the broker until the answer is written; the session
// then starts, and expires like that of any silent member.
type joiningListener struct{ net.Listener }

// Accept implements net.Listener.
func (l joiningListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &joiningConn{Conn: c, closed: make(chan struct{})}, nil
}

// joiningConn is a connection that the broker reads from in one goroutine,
// request by request, and answers in another.
type joiningConn struct {
	net.Conn
	request requestKey // of the reading goroutine only

	mu       sync.Mutex
	answered chan struct{} // closed by the answer to the JoinGroup on its way; nil when there is none

	once   sync.Once
	closed chan struct{}
}

// Read implements net.Conn.
func (c *joiningConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.request.follow(p[:n]) && c.request.key == kmsg.JoinGroup {
		c.mu.Lock()
		c.answered = make(chan struct{})
		c.mu.Unlock()
	}
	if err == nil {
		return n, nil
	}
	c.mu.Lock()
	answered := c.answered
	c.mu.Unlock()
	if answered != nil {
		select {
		case <-answered:
		case <-c.closed:
		}
	}
	return n, err
}

// Write implements net.Conn. The broker answers one request at a time, so what
// it writes while a JoinGroup waits is the answer to that.
func (c *joiningConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered != nil {
		close(c.answered)
		c.answered = nil
	}
	return n, err
}

// Close implements net.Conn.
func (c *joiningConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// requestKey follows a stream of requests, each of which begins with four
// bytes of length and two of the API's key.
type requestKey struct {
	key  kmsg.Key // of the request being read
	head [6]byte
	have int    // bytes of head
	left uint32 // bytes of the request that come after head
}

// follow reads the stream's next bytes and reports whether they complete a key.
func (r *requestKey) follow(p []byte) (known bool) {
	for len(p) > 0 {
		if r.have == len(r.head) {
			n := min(r.left, uint32(len(p)))
			p, r.left = p[n:], r.left-n
			if r.left == 0 {
				r.have = 0
			}
			continue
		}
		n := copy(r.head[r.have:], p)
		p, r.have = p[n:], r.have+n
		if r.have < len(r.head) {
			continue
		}
		known = true
		r.key = kmsg.Key(binary.BigEndian.Uint16(r.head[4:]))
		r.left = max(binary.BigEndian.Uint32(r.head[:4]), 2) - 2
		if r.left == 0 {
			r.have = 0
		}
	}
	return known
}

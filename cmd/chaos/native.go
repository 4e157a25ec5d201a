package main

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"regexp"
	"sync"
	"time"
)

// nativeEndpoint opens a port of ClickHouse's native protocol for one instance
// and returns its address.
func (p *proxy) nativeEndpoint(client int) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	p.listeners = append(p.listeners, l)
	p.mu.Unlock()
	p.relays.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.relays.Go(func() { p.relay(client, conn) })
		}
	})
	return "clickhouse://" + l.Addr().String(), nil
}

// phase is how far an INSERT has come on a connection. A client waits for each answer, so
// what it sends between two answers is one request, and the direction of the traffic tells
// the phase.
type phase int

const (
	idle    phase = iota
	asked         // the INSERT's text is sent
	told          // the server has told the columns
	sending       // the rows are on their way; the next answer comes after the commit
)

// relay is one connection between an instance and the engine's native port.
type relay struct {
	proxy          *proxy
	number         int
	client, server net.Conn
	replied        chan struct{} // the server has spoken since the last request; holds at most one

	mu     sync.Mutex
	phase  phase
	table  string
	inside bool // the engine has a request and has not answered
	drop   bool // the next answer is lost
}

func (p *proxy) relay(client int, conn net.Conn) {
	server, err := net.Dial("tcp", p.native)
	if err != nil {
		_ = conn.Close()
		return
	}
	r := &relay{proxy: p, number: client, client: conn, server: server, replied: make(chan struct{}, 1)}
	p.track(conn, server)
	var both sync.WaitGroup
	both.Go(r.answers)
	both.Go(r.requests)
	both.Wait()
	p.untrack(conn, server)
}

// answers passes on the server's answers.
func (r *relay) answers() {
	defer r.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := r.server.Read(buf)
		if n > 0 {
			if r.answered() {
				return
			}
			if _, werr := r.client.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// answered notes that the server has spoken; true when its answer is lost.
func (r *relay) answered() (lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
	switch r.phase {
	case asked:
		r.phase = told
	case sending:
		r.phase = idle
		select {
		case r.replied <- struct{}{}:
		default:
		}
		return r.drop
	}
	return false
}

func (r *relay) leave() {
	if r.inside {
		r.inside = false
		r.proxy.inside.Add(-1)
	}
}

// nativeInsert finds the table of an INSERT in a query packet.
var nativeInsert = regexp.MustCompile("INSERT INTO `?[a-z_0-9]+`?\\.`?([a-z_]+)`? ")

// requests passes on the client's requests, under the current rule.
func (r *relay) requests() {
	defer r.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := r.client.Read(buf)
		if n > 0 && !r.request(buf[:n]) {
			return
		}
		if err != nil {
			r.awaitLateAnswer()
			return
		}
	}
}

// request passes on a part of a request; false ends the connection.
func (r *relay) request(part []byte) bool {
	r.mu.Lock()
	begins := !r.inside
	if begins {
		r.inside = true
		r.proxy.inside.Add(1)
		r.drop = false
		r.next(part)
	}
	table := ""
	if r.phase == sending {
		table = r.table
	}
	r.mu.Unlock()
	if begins {
		if rule := r.proxy.match(r.number, table); rule != nil {
			return r.obey(rule, part)
		}
	}
	_, err := r.server.Write(part)
	return err == nil
}

// next finds out what a new request is.
func (r *relay) next(part []byte) {
	const query = 1
	switch {
	case r.phase == told:
		r.phase = sending
	case part[0] == query:
		r.phase = idle
		if m := nativeInsert.FindSubmatch(part); m != nil {
			r.phase, r.table = asked, string(m[1])
		}
	default:
		r.phase = idle
	}
}

// obey applies a rule to a request; false ends the connection.
func (r *relay) obey(rule *rule, part []byte) bool {
	switch rule.mode {
	case neverAnswer:
		<-rule.lifted
		return false
	case answerError:
		_, _ = r.client.Write(exceptionPacket(rule.status))
		return false
	case answerSlow:
		pause := time.NewTimer(rule.delay)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-rule.lifted:
		}
	case dropAfter:
		r.mu.Lock()
		r.drop = true
		r.mu.Unlock()
	case holdBack:
		return r.hold(rule, part)
	default:
		return false
	}
	_, err := r.server.Write(part)
	return err == nil
}

// hold reads the whole request, which ends when its client pauses, and sends it when the rule
// is lifted, even if nobody waits any more.
func (r *relay) hold(rule *rule, part []byte) bool {
	r.proxy.held.Add(1)
	defer r.proxy.held.Done()
	r.mu.Lock()
	r.leave() // the engine does not have it
	r.mu.Unlock()
	whole := append([]byte(nil), part...)
	buf := make([]byte, 64<<10)
	for {
		_ = r.client.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := r.client.Read(buf)
		whole = append(whole, buf[:n]...)
		if err != nil {
			break
		}
	}
	_ = r.client.SetReadDeadline(time.Time{})
	<-rule.lifted
	r.mu.Lock()
	r.inside = true
	r.proxy.inside.Add(1)
	r.mu.Unlock()
	_, err := r.server.Write(whole)
	return err == nil
}

// awaitLateAnswer lets the engine finish rows that a dead client has sent.
func (r *relay) awaitLateAnswer() {
	r.mu.Lock()
	waits := r.phase == sending && r.inside
	r.mu.Unlock()
	if waits {
		select {
		case <-r.replied:
		case <-time.After(10 * time.Second):
		}
	}
}

func (r *relay) close() {
	_ = r.client.Close()
	_ = r.server.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
}

// exceptionPacket is the exception of the native protocol that means what an
// HTTP status means.
func exceptionPacket(status int) []byte {
	code := map[int]int32{500: 1002, 502: 210, 503: 202, 504: 159}[status]
	b := binary.LittleEndian.AppendUint32([]byte{2}, uint32(code))
	for _, text := range []string{"DB::Exception", "DB::Exception: chaos", ""} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return append(b, 0)
}

func (p *proxy) track(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
}

func (p *proxy) untrack(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// closeNative ends the native ports and what goes through them.
func (p *proxy) closeNative() error {
	p.mu.Lock()
	var err error
	for _, l := range p.listeners {
		err = errors.Join(err, l.Close())
	}
	for c := range p.conns {
		if cerr := c.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) && !errors.Is(cerr, os.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}
	p.mu.Unlock()
	p.relays.Wait()
	return err
}

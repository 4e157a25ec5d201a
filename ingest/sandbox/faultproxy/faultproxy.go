// Package faultproxy stands between a client and a server and does what networks
// and servers do at times: drop a connection, answer late, never or by half, or
// with an error. Over HTTP it knows the statement of each request, so that a fault
// can concern one kind; over plain TCP it concerns connections.
//
// One rule holds at a time, from Impose to Lift; without one everything passes.
package faultproxy

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is what happens to a request, or over TCP to a connection.
type Fault int

const (
	// Pass passes it on; with Rule.Settings changed.
	Pass Fault = iota
	// Drop closes the connection and passes nothing on.
	Drop
	// Delay passes it on after Rule.Delay.
	Delay
	// Hang passes nothing on and answers nothing until the rule is lifted, and
	// closes the connection then.
	Hang
	// Cut passes it on, and of the answer Rule.Bytes, and closes the connection.
	Cut
	// Answer passes nothing on and answers Rule.Status and Rule.Text (HTTP).
	Answer
)

// Rule says what happens, and to what.
type Rule struct {
	Fault Fault
	// Statement is what the statement of a request contains, in the query or
	// the body; empty for every request and connection.
	Statement string
	// Times is how many are concerned; 0 is all.
	Times int64

	Delay  time.Duration
	Bytes  int64
	Status int
	Text   string
	// Settings are added to the query where it does not have them: what a user's
	// profile sets.
	Settings url.Values
}

// Proxy is a proxy at work.
type Proxy struct {
	target   string
	listener net.Listener
	server   *http.Server // nil over TCP
	forward  *http.Transport

	mu     sync.Mutex
	rule   *imposed
	conns  map[net.Conn]struct{} // over TCP
	closed bool
	tasks  sync.WaitGroup
}

// imposed is the rule in force.
type imposed struct {
	Rule
	hits   atomic.Int64
	lifted chan struct{}
}

// HTTP stands before an HTTP server at host:port, or at the address of a URL.
func HTTP(target string) (*Proxy, error) {
	p, err := listen(strings.TrimPrefix(target, "http://"))
	if err != nil {
		return nil, err
	}
	p.forward = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ErrorLog: log.New(io.Discard, "", 0)}
	p.tasks.Go(func() { _ = p.server.Serve(p.listener) }) // ends with ErrServerClosed
	return p, nil
}

// TCP stands before any server at host:port.
func TCP(target string) (*Proxy, error) {
	p, err := listen(target)
	if err != nil {
		return nil, err
	}
	p.tasks.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.relay(conn) })
		}
	})
	return p, nil
}

func listen(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Proxy{target: target, listener: l, conns: map[net.Conn]struct{}{}}, nil
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is the proxy's address over HTTP.
func (p *Proxy) URL() string { return "http://" + p.Addr() }

// Impose makes r the rule, for connections that are open too.
func (p *Proxy) Impose(r Rule) {
	p.Lift()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = &imposed{Rule: r, lifted: make(chan struct{})}
	if r.Fault == Drop {
		p.closeAll()
	}
}

// Lift ends the rule.
func (p *Proxy) Lift() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rule != nil {
		close(p.rule.lifted)
		p.rule = nil
	}
}

// Hits is how many requests or connections the rule in force has concerned.
func (p *Proxy) Hits() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rule == nil {
		return 0
	}
	if n := p.rule.hits.Load(); p.rule.Times == 0 || n < p.rule.Times {
		return n
	}
	return p.rule.Times
}

// Close ends the proxy and every connection.
func (p *Proxy) Close() error {
	p.Lift()
	err := p.listener.Close()
	if p.server != nil {
		err = p.server.Close()
	}
	p.mu.Lock()
	p.closed = true
	p.closeAll()
	p.mu.Unlock()
	p.tasks.Wait()
	if p.forward != nil {
		p.forward.CloseIdleConnections()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) closeAll() {
	for c := range p.conns {
		_ = c.Close()
	}
}

// match is the rule for a statement, nil when it just passes.
func (p *Proxy) match(statement string) *imposed {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rule
	if r == nil || !strings.Contains(statement, r.Statement) {
		return nil
	}
	if n := r.hits.Add(1); r.Times > 0 && n > r.Times {
		return nil
	}
	return r
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	query := r.URL.Query()
	statement := query.Get("query")
	if statement == "" {
		statement = string(body)
	}
	rule := p.match(statement)
	if rule == nil {
		rule = &imposed{}
	}
	for k, v := range rule.Settings {
		if !query.Has(k) {
			query[k] = v
		}
	}
	switch rule.Fault {
	case Drop:
		panic(http.ErrAbortHandler)
	case Hang:
		select {
		case <-rule.lifted:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case Answer:
		http.Error(w, rule.Text, rule.Status)
		return
	case Delay:
		wait(rule)
	}
	out := r.Clone(r.Context())
	out.URL = &url.URL{Scheme: "http", Host: p.target, Path: r.URL.Path, RawQuery: query.Encode()}
	out.RequestURI, out.Body, out.ContentLength = "", io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer, err := p.forward.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || rule.Fault == Cut && rule.Bytes == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range answer.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.StatusCode)
	if rule.Fault == Cut {
		_, _ = w.Write(text[:min(rule.Bytes, int64(len(text)))])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text) // nobody may be there any more
}

func wait(rule *imposed) {
	t := time.NewTimer(rule.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-rule.lifted:
	}
}

// hold remembers a connection so that it can be closed; false when the proxy is.
func (p *Proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}

// relay passes a connection on, both ways, chunk by chunk under the rule of the
// moment.
func (p *Proxy) relay(client net.Conn) {
	defer p.drop(client)
	if !p.hold(client) {
		return
	}
	if r := p.match(""); r != nil && r.Fault == Drop {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.hold(server) {
		return
	}
	var both sync.WaitGroup
	for _, way := range []struct {
		from, to net.Conn
		answer   bool
	}{{client, server, false}, {server, client, true}} {
		both.Go(func() {
			defer way.to.Close()
			defer way.from.Close()
			p.pipe(way.from, way.to, way.answer)
		})
	}
	both.Wait()
}

func (p *Proxy) pipe(from, to net.Conn, answer bool) {
	buf := make([]byte, 32<<10)
	passed := int64(0)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		rule := p.rule
		p.mu.Unlock()
		switch {
		case rule == nil || rule.Statement != "":
		case rule.Fault == Drop:
			return
		case rule.Fault == Hang:
			<-rule.lifted
			return
		case rule.Fault == Delay:
			wait(rule)
		case rule.Fault == Cut && answer:
			n = int(min(int64(n), rule.Bytes-passed))
			if passed += int64(n); passed >= rule.Bytes {
				_, _ = to.Write(buf[:max(n, 0)])
				return
			}
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

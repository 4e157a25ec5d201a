// Package faultproxy stands between a client and an HTTP server and does what
// networks and servers do at times: drop a connection, never answer, or answer with
// an error. It knows the statement of each request, so that a fault can concern one kind.
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
)

// Fault is what happens to a request.
type Fault int

// Without a fault the request passes, with Rule.Settings.
const (
	// Drop closes the connection and passes nothing on.
	Drop Fault = 1 + iota
	// Hang passes nothing on, and closes the connection when the rule is lifted.
	Hang
	// Cut passes it on, and closes the connection without the answer.
	Cut
	// Answer passes nothing on and answers Rule.Status and Rule.Text.
	Answer
)

// Rule says what happens, and to what.
type Rule struct {
	Fault Fault
	// Statement is what the statement of a request contains, in the query or
	// the body; empty for every request.
	Statement string
	Status    int
	Text      string
	// Settings are added to the query unless it has them, as a user's profile does.
	Settings url.Values
}

// Proxy is a proxy at work.
type Proxy struct {
	target   string
	listener net.Listener
	server   *http.Server
	forward  *http.Transport

	mu    sync.Mutex
	rule  *imposed
	tasks sync.WaitGroup
}

// imposed is the rule in force.
type imposed struct {
	Rule
	lifted chan struct{}
}

// HTTP stands before an HTTP server at host:port, or at the address of a URL.
func HTTP(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: strings.TrimPrefix(target, "http://"), listener: l,
		forward: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ErrorLog: log.New(io.Discard, "", 0)}
	p.tasks.Go(func() { _ = p.server.Serve(p.listener) }) // ends with ErrServerClosed
	return p, nil
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

// Close ends the proxy and every connection.
func (p *Proxy) Close() error {
	p.Lift()
	err := p.server.Close()
	p.tasks.Wait()
	p.forward.CloseIdleConnections()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// match is the rule for a statement, nil when it just passes.
func (p *Proxy) match(statement string) *imposed {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rule
	if r == nil || !strings.Contains(statement, r.Statement) {
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
	if err != nil || rule.Fault == Cut {
		panic(http.ErrAbortHandler)
	}
	for k, v := range answer.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text) // nobody may be there any more
}

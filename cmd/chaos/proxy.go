package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// mode is what the proxy does to a request.
type mode int

const (
	pass        mode = iota
	dropBefore       // drop the connection, forward nothing
	neverAnswer      // forward nothing and answer nothing until the rule is lifted
	answerError      // answer a 5xx, forward nothing
	answerSlow       // forward after a while
	dropAfter        // forward, read the whole answer, drop the connection
	holdBack         // forward when the rule is lifted, whoever still waits
)

// rule is what happens now. hit is closed at the first request that it
// concerned, lifted when it is over.
type rule struct {
	mode   mode
	table  string // inserts into this table only; "" is every request
	client int    // of this instance only; -1 is all
	once   bool   // the first such request only
	status int
	delay  time.Duration

	hit, lifted chan struct{}
	struck      bool
}

// proxy stands between the instances and ClickHouse's two ports.
type proxy struct {
	target, native string // the engine's ports
	transport      *http.Transport

	mu        sync.Mutex
	rule      *rule
	servers   []*http.Server
	listeners []net.Listener        // of the native protocol
	conns     map[net.Conn]struct{} // of the native protocol
	relays    sync.WaitGroup
	held      sync.WaitGroup
	inside    atomic.Int64 // requests that the engine has and has not answered
}

func newProxy(target, native string) *proxy {
	return &proxy{target: target, native: native, conns: map[net.Conn]struct{}{},
		transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
}

// endpoint opens a port of the HTTP interface for one instance and returns its
// address.
func (p *proxy) endpoint(client int) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(client, w, r) }),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.mu.Lock()
	p.servers = append(p.servers, s)
	p.mu.Unlock()
	go func() { _ = s.Serve(l) }() // ends with ErrServerClosed
	return "http://" + l.Addr().String(), nil
}

func (p *proxy) close() error {
	p.lift()
	err := p.closeNative()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.servers {
		err = errors.Join(err, s.Close())
	}
	p.held.Wait()
	p.transport.CloseIdleConnections()
	return err
}

// impose makes r the rule until it is lifted.
func (p *proxy) impose(r rule) *rule {
	r.hit, r.lifted = make(chan struct{}), make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = &r
	return &r
}

func (p *proxy) lift() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rule != nil {
		close(p.rule.lifted)
		p.rule = nil
	}
}

// drain holds every new request back and waits until the engine has answered
// the others; false when that takes too long.
func (p *proxy) drain(ctx context.Context) bool {
	p.impose(rule{mode: holdBack, client: -1})
	for range 600 {
		if p.inside.Load() == 0 {
			return true
		}
		if !sleep(ctx, 20*time.Millisecond) {
			break
		}
	}
	return false
}

// match is the rule for a request, nil when it just passes.
func (p *proxy) match(client int, table string) *rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rule
	if r == nil || r.table != "" && r.table != table || r.client >= 0 && r.client != client || r.once && r.struck {
		return nil
	}
	if !r.struck {
		r.struck = true
		close(r.hit)
	}
	return r
}

var insertInto = regexp.MustCompile("^INSERT INTO `?[a-z_0-9]+`?\\.`?([a-z_]+)`?")

func (p *proxy) serve(client int, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	table := ""
	if m := insertInto.FindStringSubmatch(r.URL.Query().Get("query")); m != nil {
		table = m[1]
	}
	rule := p.match(client, table)
	if rule == nil {
		p.forward(r.Context(), w, r, body)
		return
	}
	switch rule.mode {
	case neverAnswer:
		wait(r.Context(), rule.lifted)
		panic(http.ErrAbortHandler)
	case answerError:
		http.Error(w, "chaos", rule.status)
	case answerSlow:
		pause := time.NewTimer(rule.delay)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-rule.lifted:
		}
		p.forward(r.Context(), w, r, body)
	case dropAfter:
		p.forward(r.Context(), nil, r, body)
		panic(http.ErrAbortHandler)
	case holdBack:
		p.held.Add(1)
		defer p.held.Done()
		<-rule.lifted
		p.forward(context.WithoutCancel(r.Context()), w, r, body)
	default:
		panic(http.ErrAbortHandler)
	}
}

func wait(ctx context.Context, ch <-chan struct{}) {
	select {
	case <-ch:
	case <-ctx.Done():
	}
}

// forward asks the engine and passes its answer on; w is nil when nobody gets
// it.
func (p *proxy) forward(ctx context.Context, w http.ResponseWriter, r *http.Request, body []byte) {
	out := r.Clone(ctx)
	out.URL = &url.URL{Scheme: "http", Host: p.target, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	out.RequestURI, out.Body, out.ContentLength = "", io.NopCloser(bytes.NewReader(body)), int64(len(body))
	p.inside.Add(1)
	defer p.inside.Add(-1)
	answer, err := p.transport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if w == nil {
		return
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text) // nobody may be there any more
}

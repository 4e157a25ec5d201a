package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// poster sends INSERTs to ClickHouse's HTTP interface. clickhouse-go could,
// but it keeps every column twice, plain and compressed, for as long as a
// connection lives; here a body is built in buffers that are used again.
// Errors are clickhouse-go's own, so that Classify reads them alike.
type poster struct {
	transport *http.Transport
	client    http.Client
	turn
	targets    []url.URL
	header     http.Header
	compressed bool
}

// clientName is what servers know us by.
const clientName = "statline"

func newPoster(o *clickhouse.Options, conns int, f form) *poster {
	p := &poster{turn: turn{of: len(o.Addr)}, compressed: !f.plain}
	p.header = http.Header{"User-Agent": {clientName}, "Content-Type": {"application/octet-stream"}}
	scheme := "http"
	if o.TLS != nil {
		scheme = "https"
	}
	for _, host := range o.Addr {
		p.targets = append(p.targets, url.URL{Scheme: scheme, Host: host,
			Path: "/" + strings.TrimPrefix(o.HttpUrlPath, "/")})
	}
	for k, v := range o.HttpHeaders {
		p.header.Set(k, v)
	}
	if o.Auth.Username != "" {
		p.header.Set("X-ClickHouse-User", o.Auth.Username)
		p.header.Set("X-ClickHouse-Key", o.Auth.Password)
		if o.Auth.Password == "" && o.TLS != nil {
			p.header.Set("X-ClickHouse-SSL-Certificate-Auth", "on")
		}
	}
	proxy := http.ProxyFromEnvironment
	if o.HTTPProxyURL != nil {
		proxy = http.ProxyURL(o.HTTPProxyURL)
	}
	p.transport = &http.Transport{
		Proxy:               proxy,
		DialContext:         (&net.Dialer{Timeout: o.DialTimeout}).DialContext,
		TLSClientConfig:     o.TLS,
		TLSHandshakeTimeout: o.DialTimeout,
		MaxConnsPerHost:     conns,
		MaxIdleConnsPerHost: conns,
		IdleConnTimeout:     o.ConnMaxLifetime,
		DisableCompression:  true,
	}
	p.client.Transport = p.transport
	return p
}

func (p *poster) close() { p.transport.CloseIdleConnections() }

// insert implements inserter. Once bytes were sent it does not retry: that is up to
// the caller.
func (p *poster) insert(ctx context.Context, i insertion) error {
	query := url.Values{"query": {i.statement}}
	if p.compressed {
		query.Set("decompress", "1")
	}
	for k, v := range i.settings {
		query.Set(k, fmt.Sprint(v))
	}
	if err := i.fence(); err != nil {
		return err
	}
	return p.reach(ctx, func(host int) error { return p.send(ctx, p.targets[host], query, i.body) })
}

// turn says which of several hosts is in use.
type turn struct {
	of      int
	current atomic.Uint32
}

// reach calls f with the host in use, and with the next ones as long as none can be
// reached.
func (t *turn) reach(ctx context.Context, f func(host int) error) error {
	first := int(t.current.Load())
	var err error
	for i := range t.of {
		host := (first + i) % t.of
		if err = f(host); !unreachable(err) || ctx.Err() != nil {
			t.current.Store(uint32(host))
			return err
		}
	}
	return err
}

// unreachable reports that no connection was made.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func (p *poster) send(ctx context.Context, target url.URL, query url.Values, b body) error {
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), b.reader())
	if err != nil {
		return err
	}
	request.ContentLength = b.len()
	request.GetBody = func() (io.ReadCloser, error) { return b.reader(), nil }
	request.Header = p.header
	if host := p.header.Get("Host"); host != "" {
		request.Host = host
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return notQuoted(target, err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("answer of %s: %w", target.Host, err)
	}
	return verdict(answer, said)
}

// maxAnswer bounds how much of an answer is read: it is empty or an error.
const maxAnswer = 64 << 10

var exceptionCode = regexp.MustCompile(`Code: (\d+)\. DB::Exception: `)

// verdict is the error in an answer. An INSERT has no result, so an exception in the
// body of a 200 answer is an error too.
func verdict(answer *http.Response, said []byte) error {
	text := strings.TrimSpace(string(said))
	if m := exceptionCode.FindStringSubmatchIndex(text); m != nil {
		code, _ := strconv.ParseInt(text[m[2]:m[3]], 10, 32)
		return &clickhouse.HTTPError{StatusCode: answer.StatusCode,
			Err: &clickhouse.Exception{Code: int32(code), Message: text[m[1]:]}}
	}
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	if code, err := strconv.ParseInt(answer.Header.Get("X-ClickHouse-Exception-Code"), 10, 32); err == nil {
		return &clickhouse.HTTPError{StatusCode: answer.StatusCode,
			Err: &clickhouse.Exception{Code: int32(code), Message: text}}
	}
	return &clickhouse.HTTPError{StatusCode: answer.StatusCode, Err: fmt.Errorf("answer: %q", text)}
}

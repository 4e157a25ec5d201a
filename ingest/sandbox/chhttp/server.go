// Package chhttp serves an embedded ClickHouse engine over ClickHouse's own
// HTTP interface, well enough for clickhouse-go, curl and Grafana's plugin.
//
// It supports query texts, settings, parameters, rows of an INSERT, deduplication tokens,
// compression, exceptions (typed, and in the middle of an answer), cancellation and
// read-only GET.
//
// What it does not do: sessions, external tables, progress headers, Native
// revisions above 0.
package chhttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// Server is the HTTP interface of one engine.
type Server struct {
	queries *chquery.Runner
	users   chquery.Users
	log     *slog.Logger
	http    *http.Server
	// Of the engine; set by Serve.
	version, zone string

	running sync.WaitGroup
	stop    context.CancelFunc
}

// New returns a server that runs its queries by q, for users. It does nothing
// until Serve.
func New(q *chquery.Runner, users chquery.Users, log *slog.Logger) *Server {
	s := &Server{queries: q, users: users, log: log}
	base, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve answers on ln until Close.
func (s *Server) Serve(ln net.Listener) error {
	var err error
	if s.version, s.zone, err = s.queries.Server(context.Background()); err != nil {
		return err
	}
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve ClickHouse's HTTP interface on %s: %w", ln.Addr(), err)
	}
	return nil
}

// Close refuses new requests, gives running ones the time that ctx leaves,
// then cancels them. It returns an error when a query would not end; the
// engine must not be closed then.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		s.stop()
		_ = s.http.Close()
	}
	s.stop()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		return errors.New("close ClickHouse's HTTP interface: a query does not end")
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !trusted(r) {
		http.Error(w, "requests from web pages of other origins are refused", http.StatusForbidden)
		return
	}
	switch r.URL.Path {
	case "/":
	case "/ping", "/replicas_status":
		answerOK(w)
		return
	default:
		http.NotFound(w, r)
		return
	}
	bodyless := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case bodyless && r.URL.Query().Get("query") == "":
		answerOK(w)
		return
	case !bodyless && r.Method != http.MethodPost && r.Method != http.MethodPut:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	s.running.Add(1)
	defer s.running.Done()
	s.query(w, r)
}

func answerOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	_, _ = w.Write([]byte("Ok.\n"))
}

func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	req, err := parseRequest(r)
	if err == nil {
		err = s.users.Check(credentials(r))
	}
	if err != nil {
		req = &request{Query: chquery.Query{ID: chquery.NewID(), Format: "TabSeparated"}}
		s.refuse(w, r, req, err)
		return
	}
	resp := s.newResponse(w, req)
	stats, err := s.run(r.Context(), req, resp)
	if err != nil {
		err = resp.fail(err)
	} else {
		err = resp.finish(stats)
	}
	if err != nil {
		// The client is gone.
		s.log.Debug("answer not delivered", "query_id", req.ID, "err", err)
	}
	s.log.Debug("query", "query_id", req.ID, "verb", req.Stmt.Verb, "took", time.Since(begun))
}

// credentials are a request's, from the first place that has them: basic
// authentication, ClickHouse's own headers, the URL.
func credentials(r *http.Request) (user, password string) {
	if user, password, ok := r.BasicAuth(); ok {
		return user, password
	}
	values := r.URL.Query()
	return cmp.Or(r.Header.Get("X-ClickHouse-User"), values.Get("user"), "default"),
		cmp.Or(r.Header.Get("X-ClickHouse-Key"), values.Get("password"))
}

func (s *Server) run(ctx context.Context, req *request, out io.Writer) (libchdb.Stats, error) {
	if req.isHello() {
		_, err := out.Write(encodeHello(s.version, s.zone, int(req.revision)))
		return libchdb.Stats{}, err
	}
	return s.queries.Run(ctx, &req.Query, out)
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, req *request, cause error) {
	if err := s.newResponse(w, req).fail(cause); err != nil {
		s.log.Debug("answer not delivered", "remote", r.RemoteAddr, "err", err)
	}
}

// trusted reports whether a request may be served. There may be no passwords, so no web
// page may reach the engine through its visitor's browser: neither from another origin
// nor through a host name that points at the loopback address.
func trusted(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			return false
		}
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "" || strings.EqualFold(host, "localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil
}

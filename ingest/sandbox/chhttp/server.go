// Package chhttp serves an embedded ClickHouse engine over ClickHouse's own
// HTTP interface, well enough for clickhouse-go, curl and Grafana's plugin.
//
// What a server does with query texts, settings, parameters, rows of an
// INSERT, deduplication tokens, compression, exceptions (typed, and in the
// midst of an answer), cancellation and read-only GET holds here too.
//
// What it does not do: users and passwords (every name is accepted), sessions,
// external tables, progress headers, Native revisions above 0.
package chhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"statline/ingest/sandbox/libchdb"
)

// displayName is what the server calls itself.
const displayName = "statline"

// Server is the HTTP interface of one engine.
type Server struct {
	engine *libchdb.Engine
	log    *slog.Logger
	http   *http.Server
	zone   string // the engine's time zone, known since Serve
	spools spools

	running sync.WaitGroup
	stop    context.CancelFunc
}

// New returns a server for engine. It does nothing until Serve.
func New(engine *libchdb.Engine, log *slog.Logger) *Server {
	s := &Server{engine: engine, log: log}
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
	if err := s.readZone(); err != nil {
		return fmt.Errorf("ask the engine for its time zone: %w", err)
	}
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve ClickHouse's HTTP interface on %s: %w", ln.Addr(), err)
	}
	return nil
}

func (s *Server) readZone() error {
	conn, err := s.engine.Conn()
	if err != nil {
		return err
	}
	defer conn.Close()
	res, err := conn.Query([]byte("SELECT timezone()"), "TabSeparatedRaw", nil)
	if err != nil {
		return err
	}
	defer res.Free()
	s.zone = strings.TrimSpace(string(res.Bytes()))
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
	s.spools.close()
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
	if err != nil {
		req = &request{id: newID(), format: "TabSeparated"}
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
		// The client is gone; there is no one to tell.
		s.log.Debug("answer not delivered", "query_id", req.id, "error", err)
	}
	s.log.Debug("query", "query_id", req.id, "verb", req.stmt.verb, "elapsed", time.Since(begun))
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, req *request, cause error) {
	if err := s.newResponse(w, req).fail(cause); err != nil {
		s.log.Debug("answer not delivered", "remote", r.RemoteAddr, "error", err)
	}
}

// trusted says whether a request may be served. There are no passwords, so a
// web page must not be able to reach the engine through its visitor's browser:
// not from another origin, and not through a host name that was pointed at the
// loopback address.
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

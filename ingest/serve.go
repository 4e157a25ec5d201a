package ingest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Readiness says whether the daemon does its work, and if not, why.
type Readiness interface {
	Ready() (ok bool, detail any)
}

// Health says whether the process works at all, whether or not servers answer it. An
// error means that only a restart helps.
type Health interface {
	Healthy() error
}

// Control controls a running daemon.
type Control interface {
	// Reload reads the configuration again and returns what has changed. An error
	// changes nothing.
	Reload(ctx context.Context) (done any, err error)
	// Show is the configuration in force, without secrets.
	Show() any
	// SetLogLevel logs from this level on (debug, info, warn or error) for a while;
	// with 0, until it is set again or the configuration is reloaded.
	SetLogLevel(level string, while time.Duration) (done any, err error)
}

// ErrStarting says that the daemon cannot reload yet.
var ErrStarting = errors.New("the daemon is still starting; reload again when it is ready")

// Listening says where a Server listens, and to whom.
type Listening struct {
	Address   string
	Cert, Key string // PEM files, read at each connection; empty: no TLS
	// Token returns the token that clients must send, "" for none. It is called for
	// each request; an error admits nobody. Nil means no token.
	Token func() (string, error)
}

// Server serves /metrics, /healthz, /readyz, /-/ for control, /debug/pprof/ for this
// machine alone, and the console.
type Server struct {
	Listening Listening
	Registry  *prometheus.Registry
	Ready     Readiness
	Health    Health
	Control   Control
	Console   http.Handler // every other path; nil: there is nothing there
	Log       *slog.Logger
}

// Serve serves until wait is called. The listener is open when Serve returns, so that
// a port in use is an error at the start.
func (s *Server) Serve() (wait func() error, err error) {
	s.Registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	listener, err := s.Listening.Open()
	if err != nil {
		return nil, err
	}
	s.Log.Info("listening", "address", listener.Addr().String(), "tls", s.Listening.Cert != "")
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout: time.Minute,
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)}
	return ServeOn(listener, server), nil
}

// ServeOn serves on a listener until wait is called. Requests under way then get a
// second; a slow client delays nothing.
func ServeOn(listener net.Listener, server *http.Server) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return func() error {
		stop, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := server.Shutdown(stop)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}

func (s *Server) handler() http.Handler {
	g := guard{s.Listening}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", g.reading(promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{Registry: s.Registry})))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Health.Healthy(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		ok, detail := s.Ready.Ready()
		status := http.StatusOK
		if !ok {
			status = http.StatusServiceUnavailable
		}
		s.answer(w, status, detail)
	})
	mux.Handle("GET /-/config", g.control(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.answer(w, http.StatusOK, s.Control.Show())
	})))
	mux.Handle("POST /-/reload", g.control(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done, err := s.Control.Reload(r.Context())
		switch {
		case errors.Is(err, ErrStarting):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		default:
			s.answer(w, http.StatusOK, done)
		}
	})))
	mux.Handle("POST /-/log-level", g.control(http.HandlerFunc(s.setLogLevel)))
	for path, profile := range map[string]http.HandlerFunc{"": pprof.Index, "profile": pprof.Profile,
		"symbol": pprof.Symbol, "trace": pprof.Trace} {
		mux.Handle("GET /debug/pprof/"+path, g.local(profile)) // not cmdline: it may hold a password
	}
	if s.Console != nil {
		mux.Handle("/", s.Console)
	}
	return mux
}

func (s *Server) setLogLevel(w http.ResponseWriter, r *http.Request) {
	var while time.Duration
	if text := r.FormValue("for"); text != "" {
		var err error
		if while, err = time.ParseDuration(text); err != nil || while <= 0 {
			http.Error(w, fmt.Sprintf("for: got %q; want a duration such as 10m", text), http.StatusUnprocessableEntity)
			return
		}
	}
	done, err := s.Control.SetLogLevel(r.FormValue("level"), while)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	s.answer(w, http.StatusOK, done)
}

// answer writes v as JSON.
func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.Log.Debug("answer a request", "err", err)
	}
}

// Open opens the listener, with TLS when there is a certificate.
func (c Listening) Open() (net.Listener, error) {
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if c.Cert == "" {
		return listener, nil
	}
	certificate := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		return &pair, err
	}
	if _, err := certificate(nil); err != nil {
		return nil, errors.Join(fmt.Errorf("listen-cert: %w", err), listener.Close())
	}
	return tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate,
		NextProtos: []string{"http/1.1"}}), nil
}

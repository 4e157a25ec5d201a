package chnative

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
)

// revision is the protocol's revision that this server offers; see the
// package's comment.
const revision = 54460

// Server is the native protocol's port of one engine.
type Server struct {
	queries *chquery.Runner
	users   chquery.Users
	log     *slog.Logger
	hello   proto.ServerHello // known since Serve

	base context.Context // ends when running queries are cancelled
	stop context.CancelFunc

	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
	closing  bool
	running  sync.WaitGroup // connections
}

// New returns a server that runs its queries by q, for users. It does nothing
// until Serve.
func New(q *chquery.Runner, users chquery.Users, log *slog.Logger) *Server {
	s := &Server{queries: q, users: users, log: log, conns: map[*conn]struct{}{}}
	s.base, s.stop = context.WithCancel(context.Background())
	return s
}

// Serve answers on ln until Close.
func (s *Server) Serve(ln net.Listener) error {
	version, zone, err := s.queries.Server(context.Background())
	if err != nil {
		return err
	}
	s.hello = hello(version, zone)
	s.mu.Lock()
	s.listener = ln
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return ln.Close()
	}
	for {
		nc, err := ln.Accept()
		if err != nil {
			if s.isClosing() {
				return nil
			}
			var again interface{ Temporary() bool }
			if errors.As(err, &again) && again.Temporary() { // out of descriptors, say
				s.log.Warn("accept a native connection", "err", err)
				time.Sleep(100 * time.Millisecond)
				continue
			}
			return fmt.Errorf("serve ClickHouse's native protocol on %s: %w", ln.Addr(), err)
		}
		s.start(nc)
	}
}

// hello is the server's part of a handshake.
func hello(version, zone string) proto.ServerHello {
	h := proto.ServerHello{Name: "ClickHouse", Revision: revision, Timezone: zone, DisplayName: chquery.DisplayName}
	parts := strings.SplitN(version, ".", 4)
	for i, to := range []*int{&h.Major, &h.Minor, &h.Patch} {
		if i < len(parts) {
			*to, _ = strconv.Atoi(parts[i]) // 0 when it is no number
		}
	}
	return h
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) start(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.running.Go(func() {
		c.serve()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	})
}

// Close refuses new connections and queries, gives running queries the time
// that ctx leaves, then cancels them. It returns an error when a query would
// not end; the engine must not be closed then.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	ln := s.listener
	for c := range s.conns {
		c.closeWhenIdle()
	}
	s.mu.Unlock()
	if ln != nil {
		_ = ln.Close()
	}
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.stop()
		return nil
	case <-ctx.Done():
	}
	s.stop()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.net.Close()
	}
	s.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("close ClickHouse's native port: a query does not end")
	}
}

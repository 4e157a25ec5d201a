package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"golang.org/x/sync/errgroup"

	"statline/ingest/sandbox/chhttp"
	"statline/ingest/sandbox/libchdb"
)

// Config says what to run. The zero value runs nothing.
type Config struct {
	Kafka      string   // listen address of the broker, "127.0.0.1:0" for any port; "" = no broker
	ClickHouse string   // listen address of the engine's HTTP port; "" = no engine
	Data       string   // directory that keeps the data; "" = a temporary one, removed by Close
	Topics     []string // made when missing
	Partitions int      // of new topics; 0 = 4
	AutoCreate bool     // let clients make topics by asking for them
	Engine     string   // path of libchdb or of a directory with it; "" = search, see FindEngine
	Log        *slog.Logger
}

// Sandbox is a running broker, a running engine, or both.
type Sandbox struct {
	lock   *dirLock
	temp   string // to remove
	broker *kfake.Cluster
	engine *libchdb.Engine
	server *chhttp.Server
	serve  errgroup.Group
	url    string
}

// Start starts what cfg names. ctx bounds the start only; the sandbox runs
// until Close. Another sandbox on the same data directory, in any process, is
// an error that wraps ErrLocked.
func Start(ctx context.Context, cfg Config) (_ *Sandbox, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Partitions == 0 {
		cfg.Partitions = 4
	}
	s := &Sandbox{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	dir, err := s.openDir(cfg.Data)
	if err != nil {
		return nil, err
	}
	if cfg.ClickHouse != "" {
		if err := s.startEngine(cfg, filepath.Join(dir, "clickhouse")); err != nil {
			return nil, err
		}
	}
	if cfg.Kafka != "" {
		s.broker, err = startBroker(cfg, filepath.Join(dir, "kafka"))
		if err != nil {
			return nil, err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	return s, nil
}

// openDir makes and locks the data directory, or makes a temporary one.
func (s *Sandbox) openDir(dir string) (string, error) {
	if dir == "" {
		temp, err := os.MkdirTemp("", "statline-sandbox-")
		if err != nil {
			return "", fmt.Errorf("make the sandbox's temporary directory: %w", err)
		}
		s.temp = temp
		return temp, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("sandbox data %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make sandbox data: %w", err)
	}
	s.lock, err = lockDir(dir)
	return dir, err
}

func (s *Sandbox) startEngine(cfg Config, dir string) error {
	path, err := FindEngine(cfg.Engine)
	if err != nil {
		return err
	}
	// The port first: it is what most often cannot be had.
	ln, err := net.Listen("tcp", cfg.ClickHouse)
	if err != nil {
		return fmt.Errorf("listen for ClickHouse's HTTP interface: %w", err)
	}
	lib, err := libchdb.Load(path)
	if err == nil {
		s.engine, err = lib.Open(dir)
	}
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	s.server = chhttp.New(s.engine, cfg.Log)
	s.url = "http://" + ln.Addr().String()
	s.serve.Go(func() error { return s.server.Serve(ln) })
	return nil
}

// Brokers are the broker's addresses, nil without a broker.
func (s *Sandbox) Brokers() []string {
	if s.broker == nil {
		return nil
	}
	return s.broker.ListenAddrs()
}

// ClickHouseURL is the address of the engine's HTTP interface,
// http://host:port, "" without an engine. It is a DSN for clickhouse-go too.
func (s *Sandbox) ClickHouseURL() string { return s.url }

// closeGrace is how long running queries may go on when the sandbox closes.
const closeGrace = 2 * time.Second

// Close ends everything: it lets running queries finish for two seconds and
// cancels the rest, closes broker and engine with their data on disk, and
// removes a temporary directory. It is safe to call twice.
func (s *Sandbox) Close() error {
	var errs []error
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		err := s.server.Close(ctx)
		errs = append(errs, err, s.serve.Wait())
		if err != nil {
			// A query still runs inside the engine: closing it would crash.
			s.engine = nil
		}
		s.server = nil
	}
	if s.engine != nil {
		s.engine.Close()
		s.engine = nil
	}
	if s.broker != nil {
		s.broker.Close()
		s.broker = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
		s.lock = nil
	}
	if s.temp != "" {
		if err := os.RemoveAll(s.temp); err != nil {
			errs = append(errs, fmt.Errorf("remove the sandbox's temporary directory: %w", err))
		}
		s.temp = ""
	}
	return errors.Join(errs...)
}

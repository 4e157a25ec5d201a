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
	"statline/ingest/sandbox/chnative"
	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// Config says what to run. The zero value runs nothing.
type Config struct {
	Kafka      string // listen address of the broker, "127.0.0.1:0" for any port; "" = no broker
	ClickHouse string // listen address of the engine's HTTP port; "" = no engine
	Native     string // listen address of the engine's native port as well; "" = none
	// Users are names and passwords of the engine's ports; nil lets everyone in.
	Users      map[string]string
	Data       string   // directory that keeps the data; "" = a temporary one, removed by Close
	Topics     []string // made when missing
	Partitions int      // of new topics; 0 = 4
	Engine     string   // path of libchdb or of a directory with it; "" = search, see FindEngine
	EngineConf string   // file with a ClickHouse server's configuration for the engine; "" = none
	Log        *slog.Logger
}

// Sandbox is a running broker, a running engine, or both.
type Sandbox struct {
	lock   *dirLock
	temp   string // to remove
	broker *kfake.Cluster
	engine *libchdb.Engine
	ports  []port         // of the engine
	unused []net.Listener // of the ports that do not serve yet
	query  *chquery.Runner
	serve  errgroup.Group
	url    string
	native string
}

// port is one of the engine's.
type port interface {
	Serve(ln net.Listener) error
	Close(ctx context.Context) error
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
	if cfg.ClickHouse != "" || cfg.Native != "" {
		if err := s.startEngine(cfg, filepath.Join(dir, "clickhouse")); err != nil {
			return nil, err
		}
	}
	if s.lock != nil && s.url != "" {
		if err := s.lock.serves(s.url); err != nil {
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
	// The ports first: they are what most often cannot be had.
	http, err := s.listen(cfg.ClickHouse, "HTTP interface")
	if err != nil {
		return err
	}
	native, err := s.listen(cfg.Native, "native protocol")
	if err != nil {
		return err
	}
	lib, err := libchdb.Load(path)
	if err != nil {
		return err
	}
	if s.engine, err = lib.Open(dir, cfg.EngineConf); err != nil {
		return err
	}
	s.query, s.unused = chquery.New(s.engine, cfg.Log), nil
	if http != nil {
		s.url = "http://" + http.Addr().String()
		s.open(chhttp.New(s.query, cfg.Users, cfg.Log), http)
	}
	if native != nil {
		s.native = "clickhouse://" + native.Addr().String()
		s.open(chnative.New(s.query, cfg.Users, cfg.Log), native)
	}
	return nil
}

func (s *Sandbox) open(p port, ln net.Listener) {
	s.ports = append(s.ports, p)
	s.serve.Go(func() error { return p.Serve(ln) })
}

// listen returns nil for an empty address.
func (s *Sandbox) listen(address, what string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for ClickHouse's %s: %w", what, err)
	}
	s.unused = append(s.unused, ln)
	return ln, nil
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

// NativeURL is the address of the engine's native port,
// clickhouse://host:port, "" without one. It is a DSN for clickhouse-go too.
func (s *Sandbox) NativeURL() string { return s.native }

// closeGrace is how long running queries may go on when the sandbox closes.
const closeGrace = 2 * time.Second

// Close ends everything: it lets running queries finish for two seconds and
// cancels the rest, closes broker and engine with their data on disk, and
// removes a temporary directory. It is safe to call twice.
func (s *Sandbox) Close() error {
	var errs []error
	for _, ln := range s.unused {
		errs = append(errs, ln.Close())
	}
	s.unused = nil
	if len(s.ports) > 0 {
		errs = append(errs, s.closePorts())
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

// closePorts ends the engine's ports and their queries.
func (s *Sandbox) closePorts() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	var closing errgroup.Group
	for _, p := range s.ports {
		closing.Go(func() error { return p.Close(ctx) })
	}
	err := closing.Wait()
	if err != nil {
		// A query still runs inside the engine: closing it would crash.
		s.engine = nil
	} else {
		s.query.Close()
	}
	s.ports = nil
	return errors.Join(err, s.serve.Wait())
}

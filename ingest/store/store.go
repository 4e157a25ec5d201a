package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/schema"
)

// Config says which ClickHouse, and how patiently.
type Config struct {
	// URL is http://host:8123, https://host:8443 or clickhouse://host:9000,
	// with user:password@, several hosts and ?secure=true as clickhouse-go
	// reads them.
	URL string
	// Username and Password, when set, win over the URL's; PasswordFile holds
	// the password instead, read when connections are opened (see Renew).
	Username, Password, PasswordFile string
	// CA is a PEM file of the authority that signed the server's certificate,
	// read like PasswordFile. Cert and Key are PEM files of the client's own
	// certificate, read at each connection. Either turns TLS on for clickhouse://
	// too.
	CA, Cert, Key string
	// Database holds the tables. Empty takes the URL's, else "statline".
	Database string
	// DialTimeout bounds a connection attempt, InsertTimeout one INSERT (on
	// the server too), QueryTimeout one query.
	DialTimeout, InsertTimeout, QueryTimeout time.Duration
	// MaxConns bounds the connections.
	MaxConns int
	// Rollups are the tables of counts; nil takes aggregate.Rollups.
	Rollups []aggregate.Rollup
	// Plain sends the rows of INSERTs without compression: for a server
	// in this process, where LZ4 costs more than it saves.
	Plain bool
	// Parallel is how many tables of one block are written at a time.
	Parallel int
}

// DefaultConfig is complete but for the URL.
func DefaultConfig() Config {
	return Config{
		DialTimeout:   5 * time.Second,
		InsertTimeout: 60 * time.Second,
		QueryTimeout:  60 * time.Second,
		MaxConns:      16,
		Parallel:      2,
	}
}

// MinServer is the oldest supported server version; tests run on 26.5.
const MinServer = "24.8"

// DefaultDatabase is the database when none is named.
const DefaultDatabase = "statline"

// Store is a connection pool to one database.
type Store struct {
	pool     atomic.Pointer[pool]
	config   Config
	rollups  []aggregate.Rollup
	database string
	hosts    string
	version  string
	encoders encoders
	// known is the result of layout, nil until there is one.
	known atomic.Pointer[schema.Layout]
	// profile are the settings to send with an INSERT because of the user's profile.
	profile clickhouse.Settings
}

var _ block.Store = (*Store)(nil)

// Open connects and checks the server's version; the database need not exist
// yet. The error says which host and what to do; whether to try again is
// retry.ClassOf's answer.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := connect(c)
	if err != nil {
		return nil, err
	}
	if err := s.checkServer(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// DatabaseName is the database that holds the tables: Database, else the one in the
// URL, else DefaultDatabase. Two different names are an error.
func (c Config) DatabaseName() (string, error) {
	o, err := c.parse()
	if err != nil {
		return "", err
	}
	return c.databaseOf(o)
}

func (c Config) databaseOf(o *clickhouse.Options) (string, error) {
	named := o.Auth.Database
	switch {
	case c.Database == "" && named == "":
		return DefaultDatabase, nil
	case c.Database == "":
		return named, nil
	case named != "" && named != c.Database:
		return "", fmt.Errorf("database: got %q, and %q in the address; want one of them", c.Database, named)
	}
	return c.Database, nil
}

// parse reads the URL; its errors never hold a password.
func (c Config) parse() (*clickhouse.Options, error) {
	if c.URL == "" {
		return nil, errors.New("url: got an empty one; want http://host:8123 or clickhouse://host:9000")
	}
	o, err := clickhouse.ParseDSN(withPort(c.URL))
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	return o, nil
}

// checkServer refuses servers that are too old, and profiles that would make the
// tokens useless.
func (s *Store) checkServer(ctx context.Context) error {
	v, err := s.conn().ServerVersion()
	if err != nil {
		// The errors of the driver before this one tell nothing more.
		var refused *clickhouse.Exception
		var away *net.OpError
		if errors.As(err, &refused) {
			err = refused
		}
		if err = Classify(err); retry.ClassOf(err) == retry.Transient {
			if errors.As(err, &away) {
				err = away
			}
			err = fmt.Errorf("%w; is ClickHouse running there, and is this its HTTP port (8123), or with clickhouse:// its native "+
				"one (9000)?", err)
		}
		return fmt.Errorf("open store %s: %w", s.hosts, err)
	}
	if err := s.checkVersion(v.Version.Major, v.Version.Minor, v.Version.Patch); err != nil {
		return err
	}
	if err := s.checkProfile(ctx); err != nil {
		return fmt.Errorf("open store %s: %w", s.hosts, err)
	}
	return nil
}

func (s *Store) checkVersion(major, minor, patch uint64) error {
	s.version = fmt.Sprintf("%d.%d.%d", major, minor, patch)
	if major < 24 || major == 24 && minor < 8 {
		return fmt.Errorf("open store %s: %w: ClickHouse %s is too old; want %s or newer", s.hosts, retry.ErrPermanent,
			s.version, MinServer)
	}
	return nil
}

// Conn is the connection, for statements of other packages.
func (s *Store) Conn() driver.Conn { return s.conn() }

// Rollups are the tables of counts, in the order in which they are written.
func (s *Store) Rollups() []aggregate.Rollup { return s.rollups }

// Database is the database that holds the tables.
func (s *Store) Database() string { return s.database }

// ServerVersion is the server's version, as of Open.
func (s *Store) ServerVersion() string { return s.version }

// Table is the qualified and quoted name of a table.
func (s *Store) Table(t schema.Table) string { return schema.Qualified(s.database, t) }

// Ping asks the server whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.conn().Ping(ctx); err != nil {
		return fmt.Errorf("ping %s: %w", s.hosts, Classify(err))
	}
	return nil
}

// Close closes the connections.
func (s *Store) Close() error {
	return s.pool.Load().close()
}

// encoders holds the buffers of past inserts for the next ones.
type encoders struct {
	mu   sync.Mutex
	free []*scratch
}

func (e *encoders) get() *scratch {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.free); n > 0 {
		s := e.free[n-1]
		e.free = e.free[:n-1]
		return s
	}
	return new(scratch)
}

func (e *encoders) put(s *scratch) {
	s.forget()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, s)
}

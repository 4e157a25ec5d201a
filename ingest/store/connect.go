package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"statline/classify/aggregate"
	"statline/ingest/retry"
)

// pool is the connections under one set of credentials.
type pool struct {
	driver   driver.Conn
	inserts  inserter
	post     *poster // inserts, and Print's connection; nil over the native protocol
	form     form
	settings clickhouse.Settings // of the address
}

// inserter sends INSERTs.
type inserter interface {
	// insert runs an INSERT, on the next host when one cannot be reached. Of
	// an error it is not known whether the rows are stored.
	insert(ctx context.Context, i insertion) error
	close()
}

// insertion is an INSERT ready to be sent: fence is called right before its
// rows are.
type insertion struct {
	statement string
	settings  clickhouse.Settings
	body      body
	fence     func() error
}

func (p *pool) close() error {
	p.inserts.close()
	return p.driver.Close()
}

// conn is the connections in use now.
func (s *Store) conn() driver.Conn { return s.pool.Load().driver }

// connect makes the store without talking to the server.
func connect(c Config) (*Store, error) {
	o, err := c.options()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{config: c, rollups: c.Rollups, hosts: strings.Join(o.Addr, ",")}
	if s.rollups == nil {
		s.rollups = aggregate.Rollups()
	}
	if s.database, err = c.databaseOf(o); err != nil {
		return nil, fmt.Errorf("open store %s: %w: %w", s.hosts, retry.ErrPermanent, err)
	}
	p, err := newPool(c, o)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", s.hosts, err)
	}
	s.pool.Store(p)
	return s, nil
}

func newPool(c Config, o *clickhouse.Options) (*pool, error) {
	p := &pool{form: form{plain: c.Plain, info: o.Protocol == clickhouse.Native}, settings: o.Settings}
	var err error
	if o.Protocol == clickhouse.HTTP {
		p.post = newPoster(o, c.MaxConns, p.form)
		p.inserts = p.post
	} else if p.inserts, err = newNative(o, c.MaxConns, p.form); err != nil {
		return nil, err
	}
	// Statements name their database: a connection to one that does not exist
	// yet is refused, and Migrate makes it.
	o.Auth.Database = ""
	p.driver, err = clickhouse.Open(o)
	return p, err
}

// Renew opens connections with c's credentials, read again from its files, and uses
// them from then on if the server accepts them. Statements under way finish on the old
// connections. An error changes nothing.
func (s *Store) Renew(ctx context.Context, c Config) error {
	o, err := c.options()
	if err != nil {
		return fmt.Errorf("renew the connections to %s: %w", s.hosts, err)
	}
	p, err := newPool(c, o)
	if err != nil {
		return fmt.Errorf("renew the connections to %s: %w", s.hosts, err)
	}
	if err := p.driver.Ping(ctx); err != nil {
		return errors.Join(fmt.Errorf("renew the connections to %s: %w", s.hosts, Classify(err)), p.close())
	}
	return s.pool.Swap(p).close()
}

// errNoPassword says that the password's file does not exist yet.
var errNoPassword = errors.New("read clickhouse password file")

// options are the driver's. A missing password may appear later; other errors are
// permanent.
func (c Config) options() (*clickhouse.Options, error) {
	o, err := c.parse()
	if err == nil {
		err = c.authenticate(o)
	}
	if err != nil {
		if errors.Is(err, errNoPassword) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", retry.ErrPermanent, err)
	}
	o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	o.DialTimeout = c.DialTimeout
	// A read waits at most for the longest statement; contexts end earlier.
	o.ReadTimeout = max(c.InsertTimeout, c.QueryTimeout) + 5*time.Second
	o.MaxOpenConns, o.MaxIdleConns = c.MaxConns, c.MaxConns
	o.Logger = slog.New(slog.DiscardHandler)
	return o, nil
}

// authenticate sets the credentials and the trusted authorities.
func (c Config) authenticate(o *clickhouse.Options) error {
	if c.Username != "" {
		o.Auth.Username = c.Username
	}
	if c.Password != "" {
		o.Auth.Password = c.Password
	}
	if c.PasswordFile != "" {
		b, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return fmt.Errorf("%w: %w", errNoPassword, err)
		}
		o.Auth.Password = strings.TrimRight(string(b), "\r\n")
	}
	if c.CA == "" && c.Cert == "" {
		return nil
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		o.TLS.RootCAs = x509.NewCertPool()
		if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca %s: no PEM certificate in it", c.CA)
		}
	}
	if c.Cert == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
		return fmt.Errorf("client certificate %s: %w", c.Cert, err)
	}
	o.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		return &pair, err
	}
	return nil
}

// withPort makes "https://" enough to use TLS, for which clickhouse-go wants a
// parameter.
func withPort(url string) string {
	if !strings.HasPrefix(url, "https://") || strings.Contains(url, "secure=") {
		return url
	}
	if strings.Contains(url, "?") {
		return url + "&secure=true"
	}
	return url + "?secure=true"
}

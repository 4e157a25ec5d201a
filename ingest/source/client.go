package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// metadataTTL bounds how old the Transport's list of brokers may be, and with
// it how long a broker that came back on another address stays unreachable.
// One topic's metadata is asked for, so this costs next to nothing.
const metadataTTL = 2 * time.Second

// dialTimeout includes the TLS handshake and the negotiation of versions.
const dialTimeout = 5 * time.Second

// Client speaks to one Kafka cluster about one topic. It is safe for
// concurrent use. All its requests share one pool of connections; a
// connection carries one request at a time, so a fetch that waits for data
// never delays a heartbeat or a commit.
type Client struct {
	cfg     Config
	addr    net.Addr
	log     *slog.Logger
	connect func() (*kafka.Transport, error) // reads the CA and password files once
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	fetchBytes atomic.Int64
	stats      counters
	joinError  atomic.Pointer[error]

	mu           sync.Mutex
	leaders      map[int32]int32  // partition -> broker id
	coordinators map[string]int32 // group -> broker id
}

// New checks the configuration and returns a client that has touched neither
// files nor the network.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		cfg:          cfg,
		addr:         kafka.TCP(cfg.Brokers...),
		log:          log.With("topic", cfg.Topic),
		dial:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		coordinators: make(map[string]int32),
	}
	c.fetchBytes.Store(int64(cfg.FetchBytes))
	c.connect = sync.OnceValues(c.transport)
	return c, nil
}

// Topic is the topic this client reads.
func (c *Client) Topic() string { return c.cfg.Topic }

// Group is the consumer group, empty when there is none.
func (c *Client) Group() string { return c.cfg.Group }

// From is where a partition starts that nobody has committed: earliest or
// latest.
func (c *Client) From() string { return c.cfg.From }

// SessionTimeout is how long after its last good heartbeat a member may trust
// that its partitions are still its own.
func (c *Client) SessionTimeout() time.Duration { return c.cfg.SessionTimeout }

// SetFetchBytes changes what each following fetch asks for, for a caller that
// shares a memory budget out among partitions. Values outside
// [4 KiB, FetchLimit] are brought into it.
func (c *Client) SetFetchBytes(n int) {
	c.fetchBytes.Store(int64(min(max(n, 4<<10), c.cfg.FetchLimit)))
}

// Close closes idle connections; those in use close when their request ends.
// The client must not be used afterwards.
func (c *Client) Close() error {
	t, err := c.connect()
	if err != nil {
		return nil // never connected: the error has been returned to a caller that asked for something
	}
	t.CloseIdleConnections()
	return nil
}

func (c *Client) transport() (*kafka.Transport, error) {
	cfg := &c.cfg
	t := &kafka.Transport{
		Dial:           c.dial,
		DialTimeout:    dialTimeout,
		IdleTimeout:    30 * time.Second,
		MetadataTTL:    metadataTTL,
		MetadataTopics: []string{cfg.Topic},
		ClientID:       cfg.ClientID,
	}
	if cfg.TLS.Enabled {
		conf, err := tlsConfig(cfg.TLS)
		if err != nil {
			return nil, err
		}
		t.TLS = conf
	}
	mechanism, err := saslMechanism(cfg.SASL)
	if err != nil {
		return nil, err
	}
	t.SASL = mechanism
	return t, nil
}

func tlsConfig(cfg TLS) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.ServerName}
	if cfg.CA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(cfg.CA)
	if err != nil {
		return nil, &configError{fmt.Errorf("read kafka CA: %w", err)}
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, &configError{fmt.Errorf("read kafka CA %s: no certificate in it", cfg.CA)}
	}
	return conf, nil
}

func saslMechanism(cfg SASL) (sasl.Mechanism, error) {
	if cfg.Mechanism == "" {
		return nil, nil
	}
	password := cfg.Password
	if cfg.PasswordFile != "" {
		raw, err := os.ReadFile(cfg.PasswordFile)
		if err != nil {
			return nil, &configError{fmt.Errorf("read kafka password file: %w", err)}
		}
		password = strings.TrimRight(string(raw), "\r\n")
	}
	switch cfg.Mechanism {
	case "plain":
		return plain.Mechanism{Username: cfg.User, Password: password}, nil
	case "scram-sha-256":
		return scramMechanism(scram.SHA256, cfg.User, password)
	default:
		return scramMechanism(scram.SHA512, cfg.User, password)
	}
}

func scramMechanism(algorithm scram.Algorithm, user, password string) (sasl.Mechanism, error) {
	m, err := scram.Mechanism(algorithm, user, password)
	if err != nil {
		// The library's error may quote what it refused.
		return nil, &configError{fmt.Errorf("kafka password of user %q: not usable with %s", user, algorithm.Name())}
	}
	return m, nil
}

// sleep waits for d or until ctx ends, and says whether d has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

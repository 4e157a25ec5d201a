package source

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"statline/ingest/retry"
)

// metadataTTL bounds how old the Transport's list of brokers may be, and so for how
// long a broker with a new address cannot be reached. The metadata is of one topic, so
// it costs little.
const metadataTTL = 2 * time.Second

// dialTimeout includes the TLS handshake and the negotiation of versions.
const dialTimeout = 5 * time.Second

// noTopic is the topic in requests that are about brokers and not about topics:
// without a name a broker would list every topic. Kafka keeps its groups in it.
const noTopic = "__consumer_offsets"

// names is what a client's requests for metadata are about.
func (c *Client) names() []string {
	if c.cfg.Topic == "" {
		return []string{noTopic}
	}
	return []string{c.cfg.Topic}
}

// Client speaks to one Kafka cluster about one topic. It is safe for concurrent use.
// All its requests share one pool of connections; a connection carries one request at
// a time, so a fetch that waits for data never delays a heartbeat or a commit.
type Client struct {
	cfg     Config
	addr    net.Addr
	log     *slog.Logger
	connect func() *kafka.Transport
	access  atomic.Pointer[access]
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	group      *Group // whose membership RunGroup takes part in; nil: one of its own
	fetchBytes atomic.Int64
	stats      counters
	joinError  atomic.Pointer[error]
	limiter    retry.LogLimiter
	admission  admission
	answered   atomic.Bool // a broker has answered a request

	mu           sync.Mutex
	leaders      map[int32]int32         // partition -> broker id
	topicID      topicID                 // as told with leaders
	versions     map[string]handVersions // of the broker at an address
	asking       *flight                 // a running request for the topic's id
	coordinators map[string]int32        // group -> broker id
}

// New checks the configuration and returns a client that has touched neither
// files nor the network.
func New(cfg Config) (*Client, error) {
	if cfg.Topic == "" {
		return nil, errors.New("kafka: got no topic")
	}
	return newClient(cfg)
}

// newClient is New; without a topic the client is a Group's.
func newClient(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.Topic != "" {
		log = log.With("topic", cfg.Topic)
	}
	c := &Client{
		cfg:          cfg,
		addr:         kafka.TCP(cfg.Brokers...),
		log:          log,
		dial:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		coordinators: make(map[string]int32),
		versions:     make(map[string]handVersions),
	}
	c.fetchBytes.Store(int64(cfg.FetchBytes))
	c.connect = sync.OnceValue(c.transport)
	c.SetAccess(Access{TLS: cfg.TLS, SASL: cfg.SASL})
	return c, nil
}

// Group is the consumer group, empty when there is none.
func (c *Client) Group() string { return c.cfg.Group }

// From is where a partition without a commit starts: earliest or latest.
func (c *Client) From() string { return c.cfg.From }

// SessionTimeout is how long after its last good heartbeat a member may trust
// that its partitions are still its own.
func (c *Client) SessionTimeout() time.Duration { return c.cfg.SessionTimeout }

// LogLimiter bounds what is logged about a group that cannot be joined, under the kind
// "log"; others may use it for their lines about Kafka.
func (c *Client) LogLimiter() *retry.LogLimiter {
	if c.group != nil {
		return c.group.c.LogLimiter()
	}
	return &c.limiter
}

// SetFetchBytes changes what each later fetch asks for, for a caller that divides a
// memory budget among partitions. Values are clamped to [4 KiB, FetchLimit].
func (c *Client) SetFetchBytes(n int) {
	c.fetchBytes.Store(int64(min(max(n, 4<<10), c.cfg.FetchLimit)))
}

// Close closes idle connections; those in use close when their request ends.
// The client must not be used afterwards.
func (c *Client) Close() error {
	if c.group != nil {
		c.group.closed(c)
	}
	c.connect().CloseIdleConnections()
	return nil
}

func (c *Client) transport() *kafka.Transport {
	t := &kafka.Transport{
		Dial:           c.open,
		DialTimeout:    dialTimeout,
		IdleTimeout:    30 * time.Second,
		MetadataTTL:    metadataTTL,
		MetadataTopics: c.names(),
		ClientID:       c.cfg.ClientID,
	}
	if c.cfg.SASL.Mechanism != "" {
		t.SASL = mechanism{c}
	}
	return t
}

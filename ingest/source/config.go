package source

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"statline/ingest/block"
)

// Config says which topic is read, and how. The zero value is not usable:
// start from DefaultConfig.
type Config struct {
	Brokers  []string // host:port of the brokers to start from
	Topic    string
	Group    string // consumer group; may be empty when only ranges are read
	From     string // earliest or latest: where a partition starts that nobody has committed
	ClientID string // the name brokers log requests under

	TLS  TLS
	SASL SASL

	// SessionTimeout is how long the group waits for a silent member before it
	// gives its partitions away.
	SessionTimeout time.Duration
	// HeartbeatInterval is the time between two heartbeats, and therefore how
	// late a member learns of a rebalance.
	HeartbeatInterval time.Duration
	// RebalanceTimeout is how long the group waits for members to hand back
	// their partitions. It must not be shorter than SessionTimeout: a member
	// trusts its partitions for one session timeout after a good heartbeat.
	RebalanceTimeout time.Duration
	// JoinBackoff is the pause before joining again after an error.
	JoinBackoff time.Duration
	// MetadataInterval is how often the group's leader looks for new partitions.
	MetadataInterval time.Duration
	// RequestTimeout limits a request, beyond the time the broker may wait.
	RequestTimeout time.Duration

	// FetchBytes is what one fetch of one partition asks for. A single batch
	// that is larger is fetched whole, up to FetchLimit.
	FetchBytes int
	// FetchLimit is the largest response that is taken whole, in bytes.
	FetchLimit int
	// RecordLimit is the largest value of a record that is returned, in bytes; of a
	// larger one only the size is (block.TooLarge). A batch that decompresses to more
	// is read in parts.
	RecordLimit int
	// BatchBytes is how many decompressed bytes one Fetch returns; the rest of the
	// response waits, compressed, for the next call.
	BatchBytes int
	// BatchRecords is the most records that one Fetch returns.
	BatchRecords int

	// Logger receives rebalances and retries; nil discards them.
	Logger *slog.Logger
}

// TLS secures the connections to the brokers.
type TLS struct {
	Enabled    bool
	CA         string // PEM file of the authorities to trust; empty: the system's
	ServerName string // empty: the host name of each broker
	Cert, Key  string // PEM files of the client's certificate; empty: none
}

// SASL names the credentials. A password in a file is read at each connection,
// so that a new one, or a file that appears late, needs no restart.
type SASL struct {
	Mechanism    string // one of Mechanisms; empty: none
	User         string
	Password     string
	PasswordFile string // holds the password instead
	// TokenURL and Scopes are for oauthbearer, whose User is the client's id and
	// whose password is its secret.
	TokenURL string
	Scopes   []string
	// Region is for aws-msk-iam; empty: what the AWS SDK finds.
	Region string
}

// DefaultConfig is Config with every value that has a sensible default. After
// a member is killed, its partitions move within SessionTimeout plus about
// two heartbeats.
func DefaultConfig() Config {
	return Config{
		From:              "earliest",
		ClientID:          "statline",
		SessionTimeout:    10 * time.Second,
		HeartbeatInterval: 2 * time.Second,
		RebalanceTimeout:  20 * time.Second,
		JoinBackoff:       time.Second,
		MetadataInterval:  5 * time.Second,
		RequestTimeout:    10 * time.Second,
		FetchBytes:        1 << 20,
		FetchLimit:        128 << 20,
		RecordLimit:       block.DefaultRecordLimit,
		BatchBytes:        2 << 20,
		BatchRecords:      16384,
	}
}

func (c *Config) validate() error {
	if len(c.Brokers) == 0 {
		return errors.New("kafka: got no brokers; want at least one host:port")
	}
	if c.From != "earliest" && c.From != "latest" {
		return fmt.Errorf("kafka: got from %q; want earliest or latest", c.From)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return fmt.Errorf("kafka: got client certificate %q and key %q; want both or none", c.TLS.Cert, c.TLS.Key)
	}
	if m := c.SASL.Mechanism; m != "" && !slices.Contains(Mechanisms(), m) {
		return fmt.Errorf("kafka: got SASL mechanism %q; want one of %s", m, strings.Join(Mechanisms(), ", "))
	}
	if c.HeartbeatInterval <= 0 || c.HeartbeatInterval*3 > c.SessionTimeout {
		return fmt.Errorf("kafka: got heartbeat interval %v; want at most a third of the session timeout %v",
			c.HeartbeatInterval, c.SessionTimeout)
	}
	if c.RebalanceTimeout < c.SessionTimeout {
		return fmt.Errorf("kafka: got rebalance timeout %v; want at least the session timeout %v", c.RebalanceTimeout,
			c.SessionTimeout)
	}
	for _, v := range []struct {
		name string
		n    int
	}{
		{"fetch bytes", c.FetchBytes}, {"fetch limit", c.FetchLimit}, {"record limit", c.RecordLimit},
		{"batch bytes", c.BatchBytes}, {"batch records", c.BatchRecords},
		{"request timeout", int(c.RequestTimeout)}, {"join backoff", int(c.JoinBackoff)}, {"metadata interval", int(c.MetadataInterval)},
	} {
		if v.n <= 0 {
			return fmt.Errorf("kafka: got %s %d; want more than 0", v.name, v.n)
		}
	}
	if c.FetchLimit < c.FetchBytes || c.FetchLimit > 1<<30 {
		return fmt.Errorf("kafka: got fetch limit %d; want between fetch bytes (%d) and 1 GiB", c.FetchLimit,
			c.FetchBytes)
	}
	return nil
}

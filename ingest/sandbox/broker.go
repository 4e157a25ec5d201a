package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

// startBroker starts a broker of one node whose log lives in dir.
func startBroker(cfg Config, dir string) (*kfake.Cluster, error) {
	host, port, err := splitAddr(cfg.Kafka)
	if err != nil {
		return nil, fmt.Errorf("kafka address %q: %w", cfg.Kafka, err)
	}
	opts := []kfake.Opt{
		kfake.Ports(port),
		kfake.ListenFn(func(network, addr string) (net.Listener, error) {
			_, p, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			l, err := net.Listen(network, net.JoinHostPort(host, p))
			if err != nil {
				return nil, err
			}
			return joiningListener{l}, nil
		}),
		// The data directory keeps it. A new directory is another cluster, whose
		// offsets must not be taken for those of an earlier one.
		kfake.ClusterID(newClusterID()),
		kfake.DataDir(dir),
		kfake.DefaultNumPartitions(cfg.Partitions),
		kfake.BrokerConfigs(map[string]string{
			// Kafka's default of 6 s makes tests of a lost member slow.
			"group.min.session.timeout.ms": "500",
		}),
		kfake.WithLogger(brokerLog{cfg.Log}),
	}
	if cfg.Data != "" {
		opts = append(opts, kfake.SyncWrites())
	}
	broker, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start broker on %s: %w", cfg.Kafka, err)
	}
	for _, topic := range cfg.Topics {
		if broker.TopicInfo(topic) != nil {
			continue
		}
		if err := broker.CreateTopic(topic, int32(cfg.Partitions), nil); err != nil {
			broker.Close()
			return nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return broker, nil
}

// splitAddr reads host:port. Clients must be able to dial the host, which is in the
// cluster's metadata.
func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "", 0, fmt.Errorf("got host %q; want one that clients can connect to", host)
	}
	port, err = strconv.Atoi(p)
	return host, port, err
}

// newClusterID is a random id in Kafka's form, 16 bytes in base64url.
func newClusterID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // so that it does not begin with a dash
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// brokerLog passes the broker's warnings and errors on.
type brokerLog struct{ log *slog.Logger }

// Logf implements kfake.Logger.
func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("broker", "message", fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn("broker", "message", fmt.Sprintf(format, args...))
	}
}

package config

import (
	"fmt"
	"time"

	"statline/ingest/source"
)

// Kafka says where the broker is and who we are there.
type Kafka struct {
	Brokers                      []string
	Topic                        string // one, or several with commas between them; "" with a pattern
	TopicPattern                 string
	Group                        string
	TLS                          bool
	CA                           string
	SASL, User                   string
	Cert, Key                    string
	Password, PasswordFile       string
	TokenURL                     string
	Scopes                       []string
	Region                       string
	SessionTimeout, HeartbeatGap time.Duration
	RecordLimit                  int
}

func defaultKafka() Kafka {
	d := source.DefaultConfig()
	return Kafka{Topic: "access", Group: "statline", SessionTimeout: d.SessionTimeout,
		HeartbeatGap: d.HeartbeatInterval,
		RecordLimit:  d.RecordLimit}
}

func kafkaOptions(c *Config) []Option {
	return []Option{
		{Name: "brokers", Set: SetTopic, Type: "addresses", Example: "127.0.0.1:9092",
			Help:  "Kafka brokers to start from: host:port,host:port",
			value: list{&c.Kafka.Brokers}},
		{Name: "topic", Set: SetTopic, Help: "Kafka topic, or several: access,edge",
			value: topicNames{&c.Kafka.Topic}},
		{Name: "topic-pattern", Set: SetGroup,
			Help:  `topics instead by a regular expression, such as ^access\..+; those that appear later are found within a minute`,
			value: pattern{&c.Kafka.TopicPattern}},
		{Name: "group", Set: SetGroup, Type: "name",
			Help:  "Kafka consumer group; instances of one group share the partitions",
			value: text{&c.Kafka.Group}},
		{Name: "kafka-tls", Set: SetKafka, Help: "use TLS to Kafka",
			value: flag{&c.Kafka.TLS}},
		{Name: "kafka-ca", Set: SetKafka, Type: "file", Reload: true,
			Help:  "certificate authority of Kafka's TLS (turns TLS on), read at each connection",
			value: text{&c.Kafka.CA}},
		{Name: "kafka-cert", Set: SetKafka, Type: "file", Reload: true,
			Help:  "client certificate for Kafka (turns TLS on), read at each connection",
			value: text{&c.Kafka.Cert}},
		{Name: "kafka-key", Set: SetKafka, Type: "file", Reload: true, Help: "private key of that certificate",
			value: text{&c.Kafka.Key}},
		{Name: "kafka-sasl", Set: SetKafka, Help: "SASL mechanism; none when empty",
			value: choice{&c.Kafka.SASL, source.Mechanisms()}},
		{Name: "kafka-user", Set: SetKafka, Type: "name", Reload: true,
			Help:  "SASL user; for oauthbearer the client's id",
			value: text{&c.Kafka.User}},
		{Name: "kafka-password", Set: SetKafka,
			Help: "SASL password; for oauthbearer the client's secret", NoFlag: true, Mask: maskAll, Reload: true,
			value: text{&c.Kafka.Password}},
		{Name: "kafka-password-file", Set: SetKafka, Type: "file", Reload: true,
			Help:  "file that holds the SASL password, read at each connection",
			value: text{&c.Kafka.PasswordFile}},
		{Name: "kafka-token-url", Set: SetKafka, Type: "URL", Reload: true, Mask: maskUser,
			Help:  "where oauthbearer fetches its token by client credentials",
			value: text{&c.Kafka.TokenURL}},
		{Name: "kafka-scopes", Set: SetKafka, Type: "names", Reload: true, Help: "scopes of that token",
			value: list{&c.Kafka.Scopes}},
		{Name: "kafka-region", Set: SetKafka, Type: "name", Reload: true,
			Help:  "AWS region of aws-msk-iam, whose credentials the AWS SDK finds; AWS_REGION when empty",
			value: text{&c.Kafka.Region}},
		{Name: "kafka-record-limit", Set: SetKafka,
			Help:  "largest record that is read, decompressed; a larger one is a reject (too_large)",
			value: size{&c.Kafka.RecordLimit}},
	}
}

func checkKafka(c *Config) error {
	k := &c.Kafka
	keep, err := c.oneOf("kafka-password", "kafka-password-file")
	if err != nil {
		return err
	}
	switch keep {
	case "kafka-password":
		k.PasswordFile = ""
	case "kafka-password-file":
		k.Password = ""
	}
	switch keep, err := c.oneOf("topic", "topic-pattern"); {
	case err != nil:
		return err
	case keep == "topic":
		k.TopicPattern = ""
	case k.TopicPattern != "":
		k.Topic = ""
	}
	switch {
	case k.Topic == "" && k.TopicPattern == "":
		return fmt.Errorf("topic: got an empty one; want the topic's name")
	case k.Group == "":
		return fmt.Errorf("group: got an empty one; want the consumer group's name")
	case (k.Cert == "") != (k.Key == ""):
		return fmt.Errorf("kafka-cert: got certificate %q and key %q; want both or none", k.Cert, k.Key)
	case k.SASL == "oauthbearer" && k.TokenURL == "":
		return fmt.Errorf("kafka-sasl: got oauthbearer without a token server; set kafka-token-url")
	case k.SASL != "" && k.SASL != "aws-msk-iam" && k.User == "":
		return fmt.Errorf("kafka-sasl: got %s without a user; set kafka-user", k.SASL)
	case k.SASL != "" && k.SASL != "aws-msk-iam" && k.Password == "" && k.PasswordFile == "":
		return fmt.Errorf("kafka-sasl: got %s without a password; set kafka-password-file, or STATLINE_KAFKA_PASSWORD",
			k.SASL)
	case k.SASL == "" && (k.User != "" || keep != ""):
		return fmt.Errorf("kafka-sasl: got none, but a user or a password; want %s",
			choice{&k.SASL, source.Mechanisms()}.kind())
	case k.RecordLimit < leastRecordLimit || k.RecordLimit > mostRecordLimit:
		return fmt.Errorf("kafka-record-limit: got %s; want 1MiB to 1GiB", size{&k.RecordLimit})
	case k.SessionTimeout <= 0:
		return fmt.Errorf("kafka-session-timeout: got %s; want for example 10s", k.SessionTimeout)
	case k.HeartbeatGap <= 0 || 3*k.HeartbeatGap > k.SessionTimeout:
		return fmt.Errorf("kafka-heartbeat: got %s; want at most a third of kafka-session-timeout (%s)", k.HeartbeatGap,
			k.SessionTimeout)
	}
	return nil
}

const (
	leastRecordLimit = 1 << 20
	mostRecordLimit  = 1 << 30
)

// Source is the configuration of a client; from is where a partition starts
// that nobody has read.
func (k *Kafka) Source(from string) source.Config {
	cfg := source.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Group, cfg.From = k.Brokers, k.Topic, k.Group, from
	access := k.Access()
	cfg.TLS, cfg.SASL = access.TLS, access.SASL
	cfg.SessionTimeout, cfg.HeartbeatInterval = k.SessionTimeout, k.HeartbeatGap
	cfg.RebalanceTimeout = 2 * cfg.SessionTimeout
	cfg.RecordLimit = k.RecordLimit
	cfg.FetchLimit = max(cfg.FetchLimit, cfg.RecordLimit)
	return cfg
}

// Access is how a client proves who it is and whom it trusts.
func (k *Kafka) Access() source.Access {
	return source.Access{
		TLS: source.TLS{Enabled: k.TLS || k.CA != "" || k.Cert != "", CA: k.CA, Cert: k.Cert, Key: k.Key},
		SASL: source.SASL{Mechanism: k.SASL, User: k.User, Password: k.Password, PasswordFile: k.PasswordFile,
			TokenURL: k.TokenURL, Scopes: k.Scopes, Region: k.Region},
	}
}

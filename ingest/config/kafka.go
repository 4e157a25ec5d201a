package config

import (
	"fmt"
	"strings"
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
			Help:  "Kafka bootstrap servers, separated by commas: kafka-1:9092,kafka-2:9092",
			value: list{&c.Kafka.Brokers}},
		{Name: "topic", Set: SetTopic, Help: "Kafka topic, or several separated by commas: access,edge",
			value: topicNames{&c.Kafka.Topic}},
		{Name: "topic-pattern", Set: SetGroup,
			Help:  `read every topic whose name matches this regular expression, such as ^access\..+, instead of --topic; new topics are found within a minute`,
			value: pattern{&c.Kafka.TopicPattern}},
		{Name: "group", Set: SetGroup, Type: "name",
			Help:  "Kafka consumer group; instances of the same group share the partitions",
			value: text{&c.Kafka.Group}},
		{Name: "kafka-tls", Set: SetKafka, Help: "connect to Kafka with TLS",
			value: flag{&c.Kafka.TLS}},
		{Name: "kafka-ca", Set: SetKafka, Type: "file", Reload: true,
			Help:  "PEM file of the CA certificates that Kafka's brokers are verified with; turns TLS on; reread at each connection",
			value: text{&c.Kafka.CA}},
		{Name: "kafka-cert", Set: SetKafka, Type: "file", Reload: true,
			Help:  "PEM file of the client certificate for Kafka (mutual TLS); turns TLS on; reread at each connection",
			value: text{&c.Kafka.Cert}},
		{Name: "kafka-key", Set: SetKafka, Type: "file", Reload: true, Help: "PEM file of the private key of --kafka-cert",
			value: text{&c.Kafka.Key}},
		{Name: "kafka-sasl", Set: SetKafka, Type: "mechanism",
			Help:  "SASL mechanism: " + strings.Join(source.Mechanisms(), ", ") + "; empty: no SASL",
			value: choice{&c.Kafka.SASL, source.Mechanisms()}},
		{Name: "kafka-user", Set: SetKafka, Type: "name", Reload: true,
			Help:  "SASL user name; for oauthbearer the OAuth client id",
			value: text{&c.Kafka.User}},
		{Name: "kafka-password", Set: SetKafka,
			Help: "SASL password; for oauthbearer the OAuth client secret", NoFlag: true, Mask: maskAll, Reload: true,
			value: text{&c.Kafka.Password}},
		{Name: "kafka-password-file", Set: SetKafka, Type: "file", Reload: true,
			Help:  "file that holds the SASL password; reread at each connection",
			value: text{&c.Kafka.PasswordFile}},
		{Name: "kafka-token-url", Set: SetKafka, Type: "URL", Reload: true, Mask: maskUser,
			Help:  "OAuth token endpoint for oauthbearer (client credentials grant)",
			value: text{&c.Kafka.TokenURL}},
		{Name: "kafka-scopes", Set: SetKafka, Type: "names", Reload: true, Help: "OAuth scopes to request for oauthbearer",
			value: list{&c.Kafka.Scopes}},
		{Name: "kafka-region", Set: SetKafka, Type: "name", Reload: true,
			Help:  "AWS region for aws-msk-iam; empty: AWS_REGION; the AWS SDK finds the credentials",
			value: text{&c.Kafka.Region}},
		{Name: "kafka-record-limit", Set: SetKafka,
			Help:  "largest record that is read, after decompression; a larger one becomes a reject (too_large)",
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
		return fmt.Errorf("topic: got an empty name; want a topic such as access")
	case k.Group == "":
		return fmt.Errorf("group: got an empty name; want a consumer group such as statline")
	case (k.Cert == "") != (k.Key == ""):
		return fmt.Errorf("kafka-cert: got certificate %q and key %q; want both or none", k.Cert, k.Key)
	case k.SASL == "oauthbearer" && k.TokenURL == "":
		return fmt.Errorf("kafka-sasl: got oauthbearer without a token endpoint; set kafka-token-url")
	case k.SASL != "" && k.SASL != "aws-msk-iam" && k.User == "":
		return fmt.Errorf("kafka-sasl: got %s without a user; set kafka-user", k.SASL)
	case k.SASL != "" && k.SASL != "aws-msk-iam" && k.Password == "" && k.PasswordFile == "":
		return fmt.Errorf("kafka-sasl: got %s without a password; set kafka-password-file, or STATLINE_KAFKA_PASSWORD",
			k.SASL)
	case k.SASL == "" && (k.User != "" || keep != ""):
		return fmt.Errorf("kafka-sasl: got a user or a password but no mechanism; want one of %s",
			strings.Join(source.Mechanisms(), ", "))
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

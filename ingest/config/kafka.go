package config

import (
	"fmt"
	"time"

	"statline/ingest/source"
)

// Kafka says where the broker is and who we are there.
type Kafka struct {
	Brokers                      []string
	Topic, Group                 string
	TLS                          bool
	CA                           string
	SASL, User                   string
	Password, PasswordFile       string
	SessionTimeout, HeartbeatGap time.Duration
}

func defaultKafka() Kafka {
	d := source.DefaultConfig()
	return Kafka{Topic: "access", Group: "statline", SessionTimeout: d.SessionTimeout, HeartbeatGap: d.HeartbeatInterval}
}

func kafkaOptions() []Option {
	return []Option{
		{Name: "brokers", Set: SetTopic, Type: "addresses", Example: "127.0.0.1:9092", Help: "Kafka brokers to start from: host:port,host:port",
			value: func(c *Config) Value { return list{&c.Kafka.Brokers} }},
		{Name: "topic", Set: SetTopic, Type: "name", Help: "Kafka topic",
			value: func(c *Config) Value { return text{&c.Kafka.Topic} }},
		{Name: "group", Set: SetGroup, Type: "name", Help: "Kafka consumer group; instances of one group share the partitions",
			value: func(c *Config) Value { return text{&c.Kafka.Group} }},
		{Name: "kafka-tls", Set: SetKafka, Help: "use TLS to Kafka",
			value: func(c *Config) Value { return flag{&c.Kafka.TLS} }},
		{Name: "kafka-ca", Set: SetKafka, Type: "file", Help: "certificate authority of Kafka's TLS (turns TLS on)",
			value: func(c *Config) Value { return text{&c.Kafka.CA} }},
		{Name: "kafka-sasl", Set: SetKafka, Help: "SASL mechanism; none when empty",
			value: func(c *Config) Value { return choice{&c.Kafka.SASL, source.Mechanisms()} }},
		{Name: "kafka-user", Set: SetKafka, Type: "name", Help: "SASL user",
			value: func(c *Config) Value { return text{&c.Kafka.User} }},
		{Name: "kafka-password", Set: SetKafka, Help: "SASL password", NoFlag: true, Mask: maskAll, Reload: true,
			value: func(c *Config) Value { return text{&c.Kafka.Password} }},
		{Name: "kafka-password-file", Set: SetKafka, Type: "file", Reload: true, Help: "file that holds the SASL password, read at each connection",
			value: func(c *Config) Value { return text{&c.Kafka.PasswordFile} }},
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
	switch {
	case k.Topic == "":
		return fmt.Errorf("topic: got an empty one; want the topic's name")
	case k.Group == "":
		return fmt.Errorf("group: got an empty one; want the consumer group's name")
	case k.SASL != "" && k.User == "":
		return fmt.Errorf("kafka-sasl: got %s without a user; set kafka-user", k.SASL)
	case k.SASL != "" && k.Password == "" && k.PasswordFile == "":
		return fmt.Errorf("kafka-sasl: got %s without a password; set kafka-password-file, or STATLINE_KAFKA_PASSWORD", k.SASL)
	case k.SASL == "" && (k.User != "" || keep != ""):
		return fmt.Errorf("kafka-sasl: got none, but a user or a password; want %s", choice{&k.SASL, source.Mechanisms()}.kind())
	case k.SessionTimeout <= 0:
		return fmt.Errorf("kafka-session-timeout: got %s; want for example 10s", k.SessionTimeout)
	case k.HeartbeatGap <= 0 || 3*k.HeartbeatGap > k.SessionTimeout:
		return fmt.Errorf("kafka-heartbeat: got %s; want at most a third of kafka-session-timeout (%s)", k.HeartbeatGap, k.SessionTimeout)
	}
	return nil
}

// Source is the configuration of a client; from is where a partition starts
// that nobody has read.
func (k *Kafka) Source(from string) source.Config {
	cfg := source.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Group, cfg.From = k.Brokers, k.Topic, k.Group, from
	cfg.TLS = source.TLS{Enabled: k.TLS || k.CA != "", CA: k.CA}
	cfg.SASL = source.SASL{Mechanism: k.SASL, User: k.User, Password: k.Password, PasswordFile: k.PasswordFile}
	cfg.SessionTimeout, cfg.HeartbeatInterval = k.SessionTimeout, k.HeartbeatGap
	cfg.RebalanceTimeout = 2 * cfg.SessionTimeout
	return cfg
}

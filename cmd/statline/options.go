package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/ingest/decode"
	"statline/ingest/source"
	"statline/ingest/store"
)

// storeFlags say where ClickHouse is.
type storeFlags struct {
	url                   storeURL
	ca, database, cluster string
	temporary             bool // the store ends with this process
}

func (f *storeFlags) bind(c *cobra.Command, required bool) {
	c.Flags().Var(&f.url, "clickhouse", "ClickHouse: http://host:8123 or clickhouse://user:pass@host:9000/db")
	c.Flags().StringVar(&f.ca, "clickhouse-ca", "", "`file` with the certificate authority of ClickHouse's TLS")
	c.Flags().StringVar(&f.database, "database", "statline", "ClickHouse database")
	c.Flags().StringVar(&f.cluster, "cluster", "", "ClickHouse cluster `name` on whose nodes the tables are made: ON CLUSTER, Replicated engines, Distributed tables; tables that are there tell themselves")
	if required {
		_ = c.MarkFlagRequired("clickhouse") // fails only for a flag that does not exist
	}
}

func (f *storeFlags) config() store.Config {
	cfg := store.DefaultConfig()
	cfg.URL, cfg.CA, cfg.Database = string(f.url), f.ca, f.database
	return cfg
}

// kafkaFlags say where Kafka is and who we are there.
type kafkaFlags struct {
	brokers                 []string
	topic, group            string
	tls                     bool
	ca, sasl, user, pwdFile string
	session, heartbeat      spanValue // 0: the default
}

func (f *kafkaFlags) bind(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.brokers, "brokers", nil, "Kafka bootstrap `addresses`, host:port,host:port")
	c.Flags().StringVar(&f.topic, "topic", "access", "Kafka topic")
	f.bindSecurity(c)
}

func (f *kafkaFlags) bindSecurity(c *cobra.Command) {
	c.Flags().BoolVar(&f.tls, "kafka-tls", false, "use TLS to Kafka")
	c.Flags().StringVar(&f.ca, "kafka-ca", "", "`file` with the certificate authority of Kafka's TLS (turns TLS on)")
	c.Flags().Var(choiceValue{&f.sasl, []string{"plain", "scram-sha-256", "scram-sha-512"}}, "kafka-sasl", "SASL mechanism")
	c.Flags().StringVar(&f.user, "kafka-user", "", "SASL user")
	c.Flags().StringVar(&f.pwdFile, "kafka-password-file", "", "`file` with the SASL password (STATLINE_KAFKA_PASSWORD holds the password itself)")
}

// bindTiming adds flags for tests, which cannot wait for ordinary timeouts.
func (f *kafkaFlags) bindTiming(c *cobra.Command) {
	for name, value := range map[string]*spanValue{"kafka-session-timeout": &f.session, "kafka-heartbeat": &f.heartbeat} {
		c.Flags().Var(value, name, "timing of the consumer group (0: the default)")
		_ = c.Flags().MarkHidden(name) // fails only for a flag that does not exist
	}
}

func (f *kafkaFlags) config() (source.Config, error) {
	cfg := source.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Group = f.brokers, f.topic, f.group
	cfg.TLS = source.TLS{Enabled: f.tls || f.ca != "", CA: f.ca}
	cfg.SASL = source.SASL{Mechanism: f.sasl, User: f.user, PasswordFile: f.pwdFile}
	if f.session > 0 {
		cfg.SessionTimeout = time.Duration(f.session)
		cfg.RebalanceTimeout = 2 * cfg.SessionTimeout // as by default
	}
	if f.heartbeat > 0 {
		cfg.HeartbeatInterval = time.Duration(f.heartbeat)
	}
	return cfg, nil
}

// decodeFlags say how lines are read and classified.
type decodeFlags struct {
	format, service, zone, catalogue, routeFrom string
	keyNames                                    []string
	secret                                      secretFlags
	config                                      *string // path of the config file, for its sections
}

func (f *decodeFlags) bind(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "format", "auto", "log format; statline formats lists them")
	c.Flags().StringVar(&f.service, "service", "", "service `name` of lines that name none")
	c.Flags().StringVar(&f.zone, "zone", "UTC", "time `zone` of timestamps without one, such as Europe/Berlin")
	c.Flags().StringVar(&f.catalogue, "catalogue", "", "YAML `file` with another API's status codes (default: the built-in 34)")
	f.routeFrom = "auto"
	c.Flags().Var(choiceValue{&f.routeFrom, []string{"auto", "path", "gateway"}}, "route-from", "where routes come from: the record's endpoint or else the path, always the path, or also the gateway's rule names")
	c.Flags().StringSliceVar(&f.keyNames, "key-names", nil, "further `names` of headers and query parameters that carry an API key")
	f.secret.bind(c)
	f.config = new(string)
	c.PreRunE = func(cmd *cobra.Command, _ []string) error {
		*f.config = configPath(cmd)
		return nil
	}
}

// open reads what the flags name. data is the directory of an embedded store,
// "" when there is none.
func (f *decodeFlags) open(data string) (decode.Config, *classify.Catalogue, error) {
	var cfg decode.Config
	catalogue, err := openCatalogue(f.catalogue)
	if err != nil {
		return cfg, nil, err
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return cfg, nil, fmt.Errorf("--zone: got %q; want UTC, Local or a name such as Europe/Berlin: %w", f.zone, err)
	}
	secret, err := f.secret.open(data)
	if err != nil {
		return cfg, nil, err
	}
	cfg.RouteFrom, cfg.KeyNames = f.routeFrom, f.keyNames
	if f.config != nil && *f.config != "" {
		if err := configSection(*f.config, "routes", &cfg.Routes); err != nil {
			return cfg, nil, err
		}
		if err := configSection(*f.config, "mapping", &cfg.Mapping); err != nil {
			return cfg, nil, err
		}
	}
	cfg.Format, cfg.Service, cfg.Location, cfg.Secret = f.format, f.service, zone, secret
	if _, err := decode.New(cfg); err != nil { // say now what is wrong, not in a worker
		return cfg, nil, err
	}
	return cfg, catalogue, nil
}

// logFlags set up the log.
type logFlags struct {
	level, format string
}

func (f *logFlags) bind(c *cobra.Command, level string) {
	f.level, f.format = level, "text"
	c.Flags().Var(choiceValue{&f.level, []string{"debug", "info", "warn", "error"}}, "log-level", "least level that is logged")
	c.Flags().Var(choiceValue{&f.format, []string{"text", "json"}}, "log-format", "form of the log on standard error")
}

func (f *logFlags) logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.level)) // one of four words, checked by the flag
	options := &slog.HandlerOptions{Level: level}
	if f.format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// instanceName tells processes of one group apart in the ledger.
func instanceName() string {
	host, err := os.Hostname()
	if err != nil {
		host = runtime.GOOS
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

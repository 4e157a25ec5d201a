package config

import (
	"fmt"
	"net/url"

	"statline/ingest/store"
)

// ClickHouse says where ClickHouse is. After Load, Database is the name to use,
// whether the option or the address gave it.
type ClickHouse struct {
	URL, CA, Database, Cluster string
	Cert, Key                  string
	Password, PasswordFile     string
}

func defaultClickHouse() ClickHouse { return ClickHouse{Database: store.DefaultDatabase} }

func clickHouseOptions(c *Config) []Option {
	return []Option{
		{Name: "clickhouse", Set: SetClickHouse, Example: "http://127.0.0.1:8123", Mask: maskServer,
			Help:  "ClickHouse URL: http://host:8123 or clickhouse://user:pass@host:9000/db",
			value: server{&c.ClickHouse.URL}},
		{Name: "clickhouse-ca", Set: SetServer, Type: "file", Reload: true,
			Help:  "PEM file of the CA certificates that ClickHouse is verified with; turns TLS on; reread at each reload",
			value: text{&c.ClickHouse.CA}},
		{Name: "clickhouse-cert", Set: SetServer, Type: "file", Reload: true,
			Help:  "PEM file of the client certificate for ClickHouse (mutual TLS); turns TLS on; reread at each connection",
			value: text{&c.ClickHouse.Cert}},
		{Name: "clickhouse-key", Set: SetServer, Type: "file", Reload: true, Help: "PEM file of the private key of --clickhouse-cert",
			value: text{&c.ClickHouse.Key}},
		{Name: "clickhouse-password", Set: SetServer, NoFlag: true, Mask: maskAll, Reload: true,
			Help:  "password of the user in the ClickHouse URL",
			value: text{&c.ClickHouse.Password}},
		{Name: "clickhouse-password-file", Set: SetServer, Type: "file", Reload: true,
			Help:  "file that holds the password of the user in the ClickHouse URL; reread at each reload",
			value: text{&c.ClickHouse.PasswordFile}},
		{Name: "database", Set: SetClickHouse, Type: "name",
			Help:  "ClickHouse database; the ClickHouse URL may name it instead",
			value: text{&c.ClickHouse.Database}},
		{Name: "cluster", Set: SetClickHouse, Type: "name",
			Help:  "ClickHouse cluster to create the tables on (ON CLUSTER, Replicated and Distributed tables); not needed once they exist",
			value: text{&c.ClickHouse.Cluster}},
	}
}

// checkClickHouse settles which database is meant: the option's, or the one
// that the address names. Two different ones are an error, whichever layers
// they came from: rows in a database that nobody looks at help nobody.
func checkClickHouse(c *Config) error {
	h := &c.ClickHouse
	keep, err := c.oneOf("clickhouse-password", "clickhouse-password-file")
	switch {
	case err != nil:
		return err
	case keep == "clickhouse-password":
		h.PasswordFile = ""
	case keep == "clickhouse-password-file":
		h.Password = ""
	}
	if (h.Cert == "") != (h.Key == "") {
		return fmt.Errorf("clickhouse-cert: got certificate %q and key %q; want both or none", h.Cert, h.Key)
	}
	if u, err := url.Parse(h.URL); err == nil && keep != "" {
		if _, given := u.User.Password(); given {
			return fmt.Errorf("%s: got a password in the address too; want one of them", keep)
		}
	}
	cfg := h.Store()
	if !c.given("database") {
		cfg.Database = ""
	} else if h.Database == "" {
		return fmt.Errorf("database: got an empty name; want a database such as statline")
	}
	if h.URL == "" {
		return nil
	}
	name, err := cfg.DatabaseName()
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	if name != h.Database {
		h.Database, c.origins["database"] = name, c.origins["clickhouse"]
	}
	return nil
}

// Store is the configuration of a connection.
func (h *ClickHouse) Store() store.Config {
	cfg := store.DefaultConfig()
	cfg.URL, cfg.CA, cfg.Cert, cfg.Key, cfg.Database = h.URL, h.CA, h.Cert, h.Key, h.Database
	cfg.Password, cfg.PasswordFile = h.Password, h.PasswordFile
	return cfg
}

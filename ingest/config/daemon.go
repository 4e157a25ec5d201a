package config

import (
	"fmt"
	"time"

	"statline/ingest"
	"statline/ingest/block"
)

// Daemon configures how run works.
type Daemon struct {
	Listen                        string
	ListenCert, ListenKey         string
	Token, TokenFile              string
	MemoryBudget                  int
	Migrate, Watch                bool
	UntilCaughtUp, AllowCompacted bool
	FlushInterval                 time.Duration
	From, ResumeAt, OnGap         string
	Takeover                      bool
	Epoch                         uint32
	StopTimeout                   time.Duration
	TransactionAge                time.Duration
}

func defaultDaemon() Daemon {
	return Daemon{Listen: "127.0.0.1:8080", MemoryBudget: ingest.DefaultConfig().MemoryBudget, Migrate: true,
		Watch: true,
		From:  string(block.Earliest), OnGap: string(block.Fail), StopTimeout: 4 * time.Second,
		TransactionAge: ingest.DefaultConfig().TransactionAge}
}

func daemonOptions(c *Config) []Option {
	words := func(all ...string) []string { return all }
	return []Option{
		{Name: "listen", Set: SetDaemon, Type: "address", Empty: true,
			Help:  "address that serves /metrics, /healthz, /readyz and the console; empty: none",
			value: text{&c.Daemon.Listen}},
		{Name: "listen-cert", Set: SetTLS, Type: "file",
			Help:  "PEM file of the TLS certificate for --listen; turns TLS on; reread at each connection",
			value: text{&c.Daemon.ListenCert}},
		{Name: "listen-key", Set: SetTLS, Type: "file", Help: "PEM file of the private key of --listen-cert",
			value: text{&c.Daemon.ListenKey}},
		{Name: "listen-token", Set: SetDaemon, NoFlag: true, Mask: maskAll, Reload: true,
			Help:  "bearer token required for /metrics and /-/; /healthz and /readyz need none",
			value: text{&c.Daemon.Token}},
		{Name: "listen-token-file", Set: SetDaemon, Type: "file", Reload: true,
			Help:  "file that holds the bearer token required for /metrics and /-/; reread at each request",
			value: text{&c.Daemon.TokenFile}},
		{Name: "memory-budget", Set: SetDaemon,
			Help:  "memory for fetched records, blocks in flight and their rows, for all partitions together",
			value: size{&c.Daemon.MemoryBudget}},
		{Name: "migrate", Set: SetDaemon, Help: "create or upgrade the tables at the start; to leave that to statline migrate: --migrate=false",
			value: flag{&c.Daemon.Migrate}},
		{Name: "watch", Set: SetDaemon, Help: "run the detectors and write incidents; off: --watch=false",
			value: flag{&c.Daemon.Watch}},
		{Name: "until-caught-up", Set: SetDaemon,
			Help:  "exit when everything that the topics held at the start is committed",
			value: flag{&c.Daemon.UntilCaughtUp}},
		{Name: "allow-compacted", Set: SetDaemon,
			Help:  "read a compacted topic, although its blocks cannot be reread exactly after a crash",
			value: flag{&c.Daemon.AllowCompacted}},
		{Name: "flush-interval", Set: SetDaemon,
			Help:  "how long a block waits for more records once its partition has caught up; 0s: depends on the number of partitions",
			value: span{&c.Daemon.FlushInterval}},
		{Name: "from", Set: SetDaemon,
			Help:  "where to start a partition that was never read; latest: at its end as of the first start, or at the beginning if it was added later",
			value: choice{&c.Daemon.From, words("earliest", "latest")}},
		{Name: "resume-at", Set: SetDaemon,
			Help:  "where to resume when the committed offset is ahead of the ledger (a restored backup); ledger: read the records in between again; group: skip them; empty: stop",
			value: choice{&c.Daemon.ResumeAt, words("ledger", "group")}},
		{Name: "on-gap", Set: SetDaemon, Help: "what to do when Kafka deleted records before they were read; fail: stop the partition; skip: record the gap and go on",
			value: choice{&c.Daemon.OnGap, words("fail", "skip")}},
		{Name: "takeover", Set: SetDaemon, Help: "continue partitions that another group wrote to this database recently; stop that group first",
			value: flag{&c.Daemon.Takeover}},
		{Name: "epoch", Set: SetDaemon,
			Help:  "number of the topic's log (0: the newest known); raise it after the topic was deleted and created again; partitions whose log is unchanged stay where they are",
			value: number{&c.Daemon.Epoch}},
		{Name: "stop-timeout", Set: SetDaemon, Help: "time after SIGTERM to finish the blocks that are being stored",
			value: span{&c.Daemon.StopTimeout}},
		{Name: "transaction-age", Set: SetDaemon,
			Help:  "how long an open Kafka transaction may hold records back before /readyz turns red",
			value: span{&c.Daemon.TransactionAge}},
		{Name: "kafka-session-timeout", Set: SetDaemon, Help: "time without a heartbeat after which the group gives an instance's partitions to others",
			value: span{&c.Kafka.SessionTimeout}},
		{Name: "kafka-heartbeat", Set: SetDaemon,
			Help:  "interval of heartbeats to the group; at most a third of --kafka-session-timeout",
			value: span{&c.Kafka.HeartbeatGap}},
	}
}

func checkDaemon(c *Config) error {
	keep, err := c.oneOf("listen-token", "listen-token-file")
	d := &c.Daemon
	switch {
	case err != nil:
		return err
	case keep == "listen-token":
		d.TokenFile = ""
	case keep == "listen-token-file":
		d.Token = ""
	}
	switch {
	case (d.ListenCert == "") != (d.ListenKey == ""):
		return fmt.Errorf("listen-cert: got certificate %q and key %q; want both or none", d.ListenCert, d.ListenKey)
	case d.Token != "" && len(d.Token) < leastToken:
		return fmt.Errorf("listen-token: got %d characters; want at least %d", len(d.Token), leastToken)
	}
	each := c.Pipeline("", "")
	each.Block.Topic = "each"
	return each.Validate()
}

// leastToken is the least length of a bearer token.
const leastToken = 16

// BearerToken is the token that clients need, "" for none. A file is read again each
// time.
func (d *Daemon) BearerToken() (string, error) {
	return readToken("listen-token-file", d.Token, d.TokenFile)
}

// Pipeline is the pipeline's configuration for an instance of a version; of several
// topics that of each.
func (c *Config) Pipeline(instance, version string) ingest.Config {
	d := &c.Daemon
	cfg := ingest.DefaultConfig()
	cfg.MemoryBudget, cfg.FlushInterval = d.MemoryBudget, d.FlushInterval
	cfg.TransactionAge = d.TransactionAge
	cfg.UntilCaughtUp, cfg.AllowCompacted = d.UntilCaughtUp, d.AllowCompacted
	b := &cfg.Block
	b.Topic, b.Group, b.Instance, b.Version = c.Kafka.Topic, c.Kafka.Group, instance, version
	b.From, b.ResumeAt, b.OnGap = block.From(d.From), block.ResumeAt(d.ResumeAt), block.OnGap(d.OnGap)
	b.Takeover, b.Epoch, b.StopTimeout = d.Takeover, d.Epoch, d.StopTimeout
	return cfg
}

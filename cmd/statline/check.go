package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
)

func checkCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
	)
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and the connections before you start run",
		Long: `check reads the same flags, environment and config file as run, connects to Kafka
and ClickHouse, and reports whether each part works and whether the ledger has
everything that the consumer group has committed. It writes nothing. The exit status
is 1 when a check fails.`,
		Example: `  statline check --config statline.yaml
  statline check --brokers kafka:9092 --topic access --clickhouse http://127.0.0.1:8123`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			r := checker{out: io.Discard, style: newStyle(cmd.OutOrStdout())}
			if out.forPeople() {
				r.out = cmd.OutOrStdout() // printed at once: a check may take a while
			}
			r.all(ctx, st.Config)
			shown := checkShown{OK: !r.failed, Parts: r.parts}
			err := out.print(cmd, func(io.Writer) {}, shown, shown.Parts)
			if err == nil && r.failed {
				return exitCode(exitFailed)
			}
			return err
		},
	}
	st = takeSettings(c, "check")
	out = takeOutput(c, answer.Of[checkShown](answer.RowsOf[checkedPart]("part")), answer.JSON)
	return c
}

// checkConfig reads the files that the configuration names. It returns the ledger's
// config_hash: two instances with the same hash write the same rows.
func checkConfig(c *config.Config) (detail string, err error) {
	secret, path, err := c.FindHMAC()
	if err != nil {
		return "", err
	}
	folding, err := c.Fold(secret)
	if err != nil {
		return "", err
	}
	detail = fmt.Sprintf("format %s, %d status codes, zone %s", c.Lines.Format, len(folding.Catalogue.Entries()),
		c.Lines.Zone)
	if secret == nil {
		return detail + ", an HMAC secret will be made in " + path, nil
	}
	if c.Kafka.Several() { // each has its own
		return detail, nil
	}
	if folding, err = c.FoldOf(c.Kafka.Topic, secret); err != nil {
		return "", err
	}
	return detail + ", config_hash " + store.ConfigHash(folding.Hash()), nil
}

// hashOf is the end of the line about one of several topics.
func hashOf(c *config.Config, topic string) (string, error) {
	secret, _, err := c.FindHMAC()
	if err != nil || secret == nil {
		return "", err
	}
	folding, err := c.FoldOf(topic, secret)
	return ", format " + folding.Decode.Format + ", config_hash " + store.ConfigHash(folding.Hash()), err
}

// checkShown is what check found.
type checkShown struct {
	OK    bool          `json:"ok"`
	Parts []checkedPart `json:"parts"`
}

type checkedPart struct {
	Part   string `json:"part"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// checker prints a line for each check.
type checker struct {
	out    io.Writer
	style  style
	failed bool
	parts  []checkedPart
}

// all checks everything that run needs.
func (r *checker) all(ctx context.Context, c *config.Config) {
	r.part("configuration", func() (string, error) { return checkConfig(c) })
	if path := c.Keys.Labels; path != "" {
		r.part("key labels", func() (string, error) {
			n, err := checkLabels(path)
			return fmt.Sprintf("%s names %d keys", path, n), err
		})
	}
	if path := c.Keys.Limits; path != "" {
		r.part("limits", func() (string, error) {
			l, err := readLimits(path)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%s names %d customers and keys", path, len(l.inForce().Who())), nil
		})
	}
	r.part("clickhouse", func() (string, error) { return checkStore(ctx, c) })
	r.kafka(ctx, c)
	if !r.failed {
		r.part("group", func() (string, error) { return checkGroup(ctx, c) })
	}
}

// kafka checks each topic.
func (r *checker) kafka(ctx context.Context, c *config.Config) {
	if !c.Kafka.Several() {
		r.part("kafka", func() (string, error) {
			return checkKafka(ctx, c.Kafka.Source(c.Daemon.From), c.Daemon.AllowCompacted)
		})
		return
	}
	names, err := topicNames(ctx, c)
	if err != nil {
		r.part("kafka", func() (string, error) { return "", err })
		return
	}
	for _, name := range names {
		r.part("kafka "+name, func() (string, error) {
			detail, err := checkKafka(ctx, kafkaOf(c, name), c.Daemon.AllowCompacted)
			if err != nil {
				return "", err
			}
			hash, err := hashOf(c, name)
			return detail + hash, err
		})
	}
}

func (r *checker) part(name string, check func() (string, error)) {
	detail, err := check()
	mark := r.style.good.Render("ok  ")
	if err != nil {
		r.failed = true
		mark, detail = r.style.bad.Render("FAIL"), advised(err)
	}
	r.parts = append(r.parts, checkedPart{name, err == nil, detail})
	sentence(r.out, fmt.Sprintf("%s %-14s %s", mark, name, detail))
}

func checkStore(ctx context.Context, c *config.Config) (detail string, err error) {
	secret, _, err := c.FindHMAC()
	if err != nil {
		return "", err
	}
	id := "" // one will be made
	if secret != nil {
		id = decode.SecretID(secret)
	}
	s, err := store.Open(ctx, c.ClickHouse.Store())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := schema.Fits(ctx, s.Conn(), s.Database(), id); err != nil {
		return "", store.Classify(err)
	}
	return fmt.Sprintf("server %s, database %s", s.ServerVersion(), s.Database()), nil
}

func checkKafka(ctx context.Context, cfg source.Config, compacted bool) (detail string, err error) {
	client, err := source.New(cfg)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	partitions, err := client.Partitions(ctx)
	if away := (*net.OpError)(nil); errors.As(err, &away) && away.Op == "dial" {
		return "", noBroker{err}
	}
	if err != nil {
		return "", err
	}
	if err := client.CheckRights(ctx, !compacted); err != nil {
		return "", err
	}
	return fmt.Sprintf("topic %s, %d partitions", cfg.Topic, len(partitions)), nil
}

// checkGroup compares what the group has committed with what is stored.
func checkGroup(ctx context.Context, c *config.Config) (detail string, err error) {
	s, err := store.Open(ctx, c.ClickHouse.Store())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := readGroup(ctx, c, s)
	if err != nil {
		return "", err
	}
	if len(g.missing) > 0 {
		says := make([]string, len(g.missing))
		for i, m := range g.missing {
			says[i] = m.String()
		}
		return "", errors.New(strings.Join(says, "\n"))
	}
	var behind, held int64
	for _, p := range g.partitions {
		behind, held = behind+p.LagRecords, held+p.LagHighWatermark-p.LagRecords
	}
	detail = fmt.Sprintf("%s is %d records behind, and the ledger has all that it has committed", c.Kafka.Group, behind)
	if held > 0 {
		detail += fmt.Sprintf("; open transactions hold back %d offsets more", held)
	}
	return detail, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"statline/ingest/source"
	"statline/ingest/store"
)

func checkCommand() *cobra.Command {
	var (
		st     storeFlags
		kafka  kafkaFlags
		decode decodeFlags
		labels labelFlags
	)
	c := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration and reach the servers, before run does",
		Long: `check reads the same flags, environment and config file as run, connects to Kafka
and ClickHouse and says of each part whether it works. It writes nothing. The
exit status is 1 when something does not.`,
		Example: `  statline check --config statline.yaml
  statline check --brokers kafka:9092 --topic access --clickhouse http://127.0.0.1:8123`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			r := checker{out: cmd.OutOrStdout(), style: newStyle(cmd.OutOrStdout())}
			r.part("configuration", func() (string, error) {
				_, catalogue, err := decode.open("")
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("format %s, %d status codes, zone %s", decode.format, len(catalogue.Entries()), decode.zone), nil
			})
			if labels.path != "" {
				r.part("key labels", func() (string, error) {
					n, err := labels.check()
					return fmt.Sprintf("%s names %d keys", labels.path, n), err
				})
			}
			r.part("clickhouse", func() (string, error) { return checkStore(ctx, st) })
			r.part("kafka", func() (string, error) { return checkKafka(ctx, kafka) })
			if r.failed {
				return exitCode(1)
			}
			return nil
		},
	}
	kafka.bind(c)
	c.Flags().StringVar(&kafka.group, "group", "statline", "Kafka consumer group")
	st.bind(c, true)
	_ = c.MarkFlagRequired("brokers") // fails only for a flag that does not exist
	decode.bind(c)
	labels.bind(c)
	return c
}

// checker prints one line a part.
type checker struct {
	out    io.Writer
	style  style
	failed bool
}

func (r *checker) part(name string, check func() (string, error)) {
	detail, err := check()
	mark := r.style.good.Render("ok  ")
	if err != nil {
		r.failed = true
		mark, detail = r.style.bad.Render("FAIL"), err.Error()
	}
	fmt.Fprintf(r.out, "%s %-14s %s\n", mark, name, detail)
}

func checkStore(ctx context.Context, st storeFlags) (detail string, err error) {
	s, err := store.Open(ctx, st.config())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fmt.Sprintf("server %s, database %s", s.ServerVersion(), s.Database()), nil
}

func checkKafka(ctx context.Context, flags kafkaFlags) (detail string, err error) {
	cfg, err := flags.config()
	if err != nil {
		return "", err
	}
	client, err := source.New(cfg)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	partitions, err := client.Partitions(ctx)
	if err != nil {
		return "", err
	}
	lag, err := client.Lag(ctx, cfg.Group)
	if err != nil {
		return "", err
	}
	var behind int64
	for _, n := range lag {
		behind += n
	}
	return fmt.Sprintf("topic %s, %d partitions, group %s is %d records behind", cfg.Topic, len(partitions), cfg.Group, behind), nil
}

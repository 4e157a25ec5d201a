package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"statline/ingest/sandbox"
)

func sandboxCommand() *cobra.Command {
	cfg := sandbox.Config{Kafka: "127.0.0.1:19092", ClickHouse: "127.0.0.1:18123", Partitions: 4}
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a Kafka-protocol broker and the real ClickHouse engine on loopback, to try run against",
		Example: `  statline sandbox --data ./sandbox &
  statline generate --to kafka --brokers 127.0.0.1:19092 --count 100000
  statline run --brokers 127.0.0.1:19092 --clickhouse http://127.0.0.1:18123 --until-caught-up
  statline report --clickhouse http://127.0.0.1:18123`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := sandbox.Start(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "kafka %v, clickhouse %s\n", s.Brokers(), s.ClickHouseURL())
			fmt.Fprintln(cmd.OutOrStdout(), "ready")
			<-cmd.Context().Done()
			return s.Close()
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Kafka, "kafka", cfg.Kafka, "`address` of the broker; empty for none")
	f.StringVar(&cfg.ClickHouse, "clickhouse", cfg.ClickHouse, "`address` of ClickHouse's HTTP interface; empty for none")
	f.StringVar(&cfg.Data, "data", "", "`directory` that keeps both; a temporary one when empty")
	f.IntVar(&cfg.Partitions, "partitions", cfg.Partitions, "partitions of the topics that are created")
	f.StringSliceVar(&cfg.Topics, "topics", []string{"access"}, "`topics` created at the start")
	f.StringVar(&cfg.Engine, "engine", "", "`file` of the engine library libchdb (default: where make engine puts it)")
	return c
}

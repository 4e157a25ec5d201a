package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"statline/ingest/sandbox"
)

func sandboxCommand() *cobra.Command {
	var st *settings
	cfg := sandbox.Config{Kafka: "127.0.0.1:19092", ClickHouse: "127.0.0.1:18123", Partitions: 4}
	var users string
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a local Kafka broker and ClickHouse engine, to try run against",
		Example: `  statline sandbox --data ./sandbox &
  statline generate --to kafka --brokers 127.0.0.1:19092 --count 100000
  statline run --brokers 127.0.0.1:19092 --clickhouse http://127.0.0.1:18123 --until-caught-up
  statline report --clickhouse http://127.0.0.1:18123
  statline sandbox --native 127.0.0.1:9000 --data ./sandbox    # clickhouse://127.0.0.1:9000 as well`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Users, err = readUsers(users); err != nil {
				return err
			}
			cfg.Data, cfg.Engine = serversIn(st.Local.Data), st.Local.Engine
			s, err := sandbox.Start(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			sentence(cmd.ErrOrStderr(), fmt.Sprintf("kafka %v, clickhouse %s", s.Brokers(),
				strings.TrimSpace(s.ClickHouseURL()+" "+s.NativeURL())))
			fmt.Fprintln(cmd.OutOrStdout(), "ready")
			<-cmd.Context().Done()
			return s.Close()
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Kafka, "kafka", cfg.Kafka, "`address` of the broker; empty for none")
	f.StringVar(&cfg.ClickHouse, "clickhouse", cfg.ClickHouse,
		"`address` of ClickHouse's HTTP interface; empty for none")
	f.StringVar(&cfg.Native, "native", "",
		"`address` of ClickHouse's native protocol as well, for example 127.0.0.1:9000")
	f.StringVar(&users, "users", "",
		"`file` with a line name:password for each user of ClickHouse's ports; without it everyone is let in")
	f.StringVar(&cfg.EngineConf, "engine-config", "", "`file` with a ClickHouse server's configuration for the engine")
	f.IntVar(&cfg.Partitions, "partitions", cfg.Partitions, "partitions of the topics that are created")
	f.StringSliceVar(&cfg.Topics, "topics", []string{"access"}, "`topics` created at the start")
	st = takeSettings(c, "sandbox")
	return c
}

// readUsers reads a file of name:password lines; without a file nobody needs a
// password.
func readUsers(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	defer f.Close()
	users := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("users %s, line %d: want name:password", path, n)
		}
		users[name] = password
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("users %s: %w", path, err)
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("users %s: it names none", path)
	}
	return users, nil
}

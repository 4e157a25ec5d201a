package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"statline/ingest/watch"
)

func notifyCommand() *cobra.Command {
	c := &cobra.Command{Use: "notify", Short: "Test how people are notified of incidents"}
	c.AddCommand(notifyTestCommand())
	return c
}

func notifyTestCommand() *cobra.Command {
	var st *settings
	c := &cobra.Command{
		Use:   "test",
		Short: "Send a test notice, and its end",
		Example: `  statline notify test --webhook https://hooks.slack.com/services/T0/B0/x --webhook-format slack
  statline notify test --alertmanager http://127.0.0.1:9093`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := st.Notify.Watch()
			if err != nil {
				return err
			}
			if cfg.Webhook == "" && cfg.Alertmanager == "" {
				return errors.New("notify test: there is no receiver; set --webhook or --alertmanager")
			}
			if err := watch.SendTest(cmd.Context(), cfg); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "sent: a test notice, and its end")
			return nil
		},
	}
	st = takeSettings(c, "notify test")
	return c
}

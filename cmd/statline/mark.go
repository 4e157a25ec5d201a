package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/watch"
)

// markCommand says what happened that no log tells.
func markCommand() *cobra.Command {
	c := &cobra.Command{Use: "mark", Short: "Say what happened that no log tells"}
	c.AddCommand(markDeployCommand())
	return c
}

func markDeployCommand() *cobra.Command {
	var (
		st *settings
		d  watch.Deploy
		at moment
	)
	c := &cobra.Command{
		Use: "deploy", Short: "Say that a version of a service was deployed",
		Long: `deploy notes that a version of a service was brought out. The dashboards show it
on their time axes, and an error that comes within a day after it and did not in the
week before is an incident (new_error). What is noted stays: whatever deploys best
says so itself, when it is done. Where log lines tell the version of the service
(OpenTelemetry's service.version) a change of it is noted without this; what is
noted here for the same version within an hour is the same deploy.`,
		Example: `  statline mark deploy --clickhouse http://127.0.0.1:8123 --service movies --version 1.8.0
  statline mark deploy --data ./store --service movies --version 1.8.0 --at 2026-01-31T12:00`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.Service == "" || d.Version == "" {
				return usage("got --service %q, --version %q; want both", d.Service, d.Version)
			}
			if d.Author == detect.SeenDeploy {
				return usage("got --by %s; want another name: this is who says so of what requests tell", d.Author)
			}
			now := time.Now()
			if d.At = now; at.given() {
				d.At = at.in(now)
			}
			s, err := openAsked(cmd.Context(), st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := watch.NewSQL(s.Store, classify.Builtin()).Mark(cmd.Context(), d); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s: deployed at %s\n", printable(d.Service), printable(d.Version),
				d.At.UTC().Format(time.RFC3339))
			return nil
		},
	}
	st = takeSettings(c, "mark deploy")
	f := c.Flags()
	f.StringVar(&d.Service, "service", "", "`name` of the service")
	f.StringVar(&d.Version, "version", "", "`version` that was brought out")
	f.Var(&at, "at", "when: a date, RFC 3339, or 30m, 1h ago (default: now)")
	f.StringVar(&d.Author, "by", os.Getenv("USER"), "`name` of whoever says so")
	return c
}

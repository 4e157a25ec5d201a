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
	c := &cobra.Command{Use: "mark", Short: "Record an event that the logs do not show"}
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
		Use: "deploy", Short: "Record that a version of a service was deployed",
		Long: `deploy records the deploy of a version of a service. The dashboards show it on their
time axes, and an error that occurs within a day after it but not in the week before
is an incident (new_error). A record cannot be taken back, so call this from your
deploy job once it is done. Where log lines have the version of the service
(OpenTelemetry's service.version), a change is recorded without this command; a
record for the same version within an hour is the same deploy.`,
		Example: `  statline mark deploy --clickhouse http://127.0.0.1:8123 --service movies --version 1.8.0
  statline mark deploy --data ./store --service movies --version 1.8.0 --at 2026-01-31T12:00`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.Service == "" || d.Version == "" {
				return usage("got --service %q and --version %q; want both", d.Service, d.Version)
			}
			if d.Author == detect.SeenDeploy {
				return usage("got --by %s; want another name: this one marks deploys that were seen in requests", d.Author)
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
	f.StringVar(&d.Version, "version", "", "`version` that was deployed")
	f.Var(&at, "at", "when: a date, RFC 3339, or 30m, 1h ago (default: now)")
	f.StringVar(&d.Author, "by", os.Getenv("USER"), "`name` of whoever says so")
	return c
}

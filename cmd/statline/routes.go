package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/decode"
)

func routesCommand() *cobra.Command {
	c := &cobra.Command{Use: "routes", Short: "Work with route templates"}
	c.AddCommand(routesSuggestCommand())
	return c
}

func routesSuggestCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
	)
	c := &cobra.Command{
		Use:   "suggest",
		Short: "Propose rules that fold the stored routes further",
		Long: `suggest looks at the stored routes and sample paths and, where many routes differ in
one segment only, prints rules for the section routes of the config file. It changes
nothing by itself: a rule takes effect once it is in the file and the daemon has
reloaded it (SIGHUP) or restarted.`,
		Example: `  statline routes suggest --clickhouse http://127.0.0.1:8123 >> statline.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			paths, err := report.Routes(ctx, s)
			if err != nil {
				return err
			}
			rules := decode.Suggest(paths)
			if len(rules) == 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d routes stored; nothing to fold\n", len(paths))
			}
			return out.print(cmd, func(to io.Writer) { printRules(to, rules) }, nil, rules)
		},
	}
	st = takeSettings(c, "routes suggest")
	out = takeOutput(c, answer.List[decode.RouteRule]("routes"), answer.JSON)
	return c
}

// printRules writes rules as the configuration file has them.
func printRules(out io.Writer, rules []decode.RouteRule) {
	if len(rules) > 0 {
		fmt.Fprintln(out, "routes:")
	}
	for _, r := range rules {
		if r.Route == "" || r.Route == r.Pattern {
			fmt.Fprintf(out, "  - {pattern: %q}\n", r.Pattern)
		} else {
			fmt.Fprintf(out, "  - {pattern: %q, route: %q}\n", r.Pattern, r.Route)
		}
	}
}

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/config"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Print an example config file, or the current settings"}
	c.AddCommand(configExampleCommand(), configShowCommand())
	return c
}

func configExampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Print a config file with every key, its default and what it does",
		Example: `  statline config example > statline.yaml`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return config.Example(cmd.OutOrStdout()) },
	}
}

func configShowCommand() *cobra.Command {
	var out *answers
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the current settings and where each value comes from, secrets masked",
		Long: `show reads the same flags, environment and config file as run and prints each
setting with its value and its origin: a default, a preset, a line of the file,
a variable or a flag. Passwords and other secrets are masked.`,
		Example: `  statline config show --config statline.yaml
  STATLINE_TOPIC=edge statline config show --json`,
		Args: cobra.NoArgs,
	}
	s := takeSettings(c, "config show")
	out = takeOutput(c, answer.List[config.Setting]("settings"), answer.JSON)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return out.print(cmd, func(to io.Writer) {
			rows := [][]string{{"setting", "value", "from"}}
			for _, v := range s.Show() {
				rows = append(rows, []string{v.Key, v.Value, v.Source})
			}
			table(to, "", "", rows)
			fmt.Fprintln(to)
		}, nil, s.Show())
	}
	return c
}

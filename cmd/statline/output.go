package main

import (
	"bytes"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
)

//go:generate go run . output --out OUTPUT.md

func outputCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "output [COMMAND]",
		Short: "Describe what --output prints: every field of every command, for programs",
		Long: `output prints the page that describes the JSON, CSV and Markdown of every command
that takes --output, in Markdown, or what it says of one command.`,
		Example: `  statline output
  statline output incidents`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var page bytes.Buffer
			var all []answer.Described
			for _, d := range described(cmd.Root()) {
				if name := "statline " + strings.Join(args, " "); len(args) == 0 || d.Command == name {
					all = append(all, d)
				}
			}
			if len(all) == 0 {
				return usage("output: %q takes no --output; statline output lists the commands that do",
					strings.Join(args, " "))
			}
			if err := answer.Page(&page, all); err != nil {
				return err
			}
			if path != "" {
				return os.WriteFile(path, page.Bytes(), 0o644)
			}
			_, err := cmd.OutOrStdout().Write(page.Bytes())
			return err
		},
	}
	c.Flags().StringVar(&path, "out", "", "`file` to write it to")
	return c
}

// described lists the commands with --output in the order of --help.
func described(c *cobra.Command) []answer.Described {
	var all []answer.Described
	if f := c.Flags().Lookup("output"); f != nil {
		if a, ok := f.Value.(*answers); ok {
			all = append(all, answer.Described{Command: c.CommandPath(), Shape: a.shape, Short: a.short})
		}
	}
	for _, below := range c.Commands() {
		all = append(all, described(below)...)
	}
	return all
}

package main

import "github.com/spf13/cobra"

func limitsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "limits",
		Short: "Simulate rate limits, and find the keys near theirs",
		Example: `  statline limits simulate --data ./store --limit 600/1m --since 30d
  statline limits simulate --data ./store --suggest --since 30d
  statline limits headroom --data ./store`,
	}
	c.AddCommand(limitsSimulateCommand(), limitsHeadroomCommand())
	return c
}

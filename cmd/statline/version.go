package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"statline/ingest/decode"
	"statline/ingest/schema"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of the binary, its decoder and its schema",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "statline %s (decoder %d, schema %d, %s %s/%s)\n",
				version, decode.Version, schema.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

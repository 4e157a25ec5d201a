package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/decode"
	"statline/ingest/schema"
)

// versions are those of the binary and of what it writes.
type versions struct {
	Version string `json:"version"`
	Decoder int    `json:"decoder"`
	Schema  int    `json:"schema_version" help:"of the tables in ClickHouse"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func theseVersions() versions {
	return versions{version, decode.Version, int(schema.Version()), runtime.Version(), runtime.GOOS, runtime.GOARCH}
}

func versionCommand() *cobra.Command {
	var out *answers
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of the binary, its decoder and its schema",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := theseVersions()
			return out.print(cmd, func(to io.Writer) {
				fmt.Fprintf(to, "statline %s (decoder %d, schema %d, %s %s/%s)\n", v.Version, v.Decoder, v.Schema,
					v.Go, v.OS, v.Arch)
			}, v, []versions{v})
		},
	}
	out = takeOutput(c, answer.Of[versions](answer.RowsOf[versions]("version")), answer.JSON)
	return c
}

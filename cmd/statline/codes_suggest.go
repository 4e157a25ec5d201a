package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/ingest/decode"
	"statline/ingest/file"
)

func codesSuggestCommand() *cobra.Command {
	var st *settings
	c := &cobra.Command{
		Use:   "suggest FILE|-",
		Short: "Propose a catalogue for an API from a log of its responses",
		Long: `suggest reads the failing responses of a log and prints a catalogue file: each of
the API's own names of errors or numbers once, or else its messages, with the
HTTP statuses that they came with, how often, and a guess of the outcome. Read it
and correct the guesses; then give it to the daemon with --catalogue.`,
		Example: `  statline codes suggest access.log > codes.yaml
  statline analyze --catalogue codes.yaml access.log`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := st.HMAC()
			if err != nil {
				return err
			}
			cfg, err := st.Lines.Decode(secret)
			if err != nil {
				return err
			}
			var stdin io.Reader
			if args[0] == "-" {
				stdin = standardInput(cmd, "lines of a log")
			}
			in, err := file.Open(args[0], stdin)
			if err != nil {
				return err
			}
			defer in.Close()
			entries, err := decode.SuggestCodes(cfg, in)
			if err != nil {
				return fmt.Errorf("read %s: %w", args[0], err)
			}
			if len(entries) == 0 {
				return errors.New("codes suggest: no failing response says a name, a number or a message; nothing to propose")
			}
			out, err := classify.EntriesYAML(entries)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(out)
			return err
		},
	}
	st = takeSettings(c, "codes suggest")
	return c
}

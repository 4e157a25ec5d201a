package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"statline/ingest/decode"
)

func keyIDCommand() *cobra.Command {
	var st *settings
	c := &cobra.Command{
		Use:   "key-id",
		Short: "Turn API keys on standard input into the ids that statline stores",
		Long: `key-id reads one API key a line from standard input and prints its id, so that
you can find a customer's key in the reports without the key being stored
anywhere. The first 10 characters are what reports and dashboards show. It needs
the same HMAC secret as the daemon: --data DIR reads the one kept beside an
embedded store.`,
		Example: `  printf %s "$KEY" | statline key-id
  statline key-id --hmac-secret-file /run/secrets/statline-hmac < keys.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := st.HMAC()
			if err != nil {
				return err
			}
			in := bufio.NewReader(cmd.InOrStdin())
			if f, ok := cmd.InOrStdin().(*os.File); ok && isTerminal(f) {
				fmt.Fprintln(cmd.ErrOrStderr(), "key-id: type or paste a key, then Enter; Ctrl-D ends")
			}
			for {
				line, err := in.ReadString('\n')
				if key := strings.TrimRight(line, "\r\n"); key != "" {
					fmt.Fprintln(cmd.OutOrStdout(), decode.KeyID(s, key))
				}
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return fmt.Errorf("read a key from standard input: %w", err)
				}
			}
		},
	}
	st = takeSettings(c, "key-id")
	return c
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/config"
	"statline/ingest/decode"
)

func keyIDCommand() *cobra.Command {
	var (
		st     *settings
		create bool
		out    *answers
	)
	c := &cobra.Command{
		Use:   "key-id",
		Short: "Turn API keys on standard input into the ids that statline stores",
		Long: `key-id reads one API key a line from standard input and prints its id, so that
you can find a customer's key in the reports without the key being stored
anywhere. The first 10 characters are what reports and dashboards show.

The HMAC secret turns keys into ids: one secret, one id for a key. Every command
takes the first of
  1. hmac-secret, in the environment STATLINE_HMAC_SECRET, or the file that
     --hmac-secret-file names,
  2. DIR/hmac-secret of --data DIR, for commands that have a store of their own,
  3. statline/hmac-secret in the user's configuration directory.
A file that is named and the user's are made on first use, but not by key-id;
a new store of --data DIR keeps a copy of the secret that it is filled with.
key-id takes what is there; --create makes the secret when there is none.`,
		Example: `  printf %s "$KEY" | statline key-id
  statline key-id --hmac-secret-file /run/secrets/statline-hmac < keys.txt
  statline key-id --data ./store < keys.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := keySecret(st.Config, create)
			if err != nil {
				return err
			}
			in := bufio.NewReader(standardInput(cmd, "a key"))
			ids := []keyID{}
			for {
				line, err := in.ReadString('\n')
				if key := strings.TrimRight(line, "\r\n"); key != "" {
					id := decode.KeyID(s, key)
					ids = append(ids, keyID{id.String()})
					if out.forPeople() { // at once: somebody may be typing
						fmt.Fprintln(cmd.OutOrStdout(), id)
					}
				}
				if err == io.EOF {
					return out.print(cmd, func(io.Writer) {}, nil, ids)
				}
				if err != nil {
					return fmt.Errorf("read a key from standard input: %w", err)
				}
			}
		},
	}
	st = takeSettings(c, "key-id")
	out = takeOutput(c, answer.List[keyID]("keys"), "")
	c.Flags().BoolVar(&create, "create", false, "make the secret when there is none yet")
	return c
}

// keyID is what is stored of a key.
type keyID struct {
	ID string `json:"key_id"`
}

// keySecret is the existing secret. A new one would give ids that are stored nowhere,
// so none is made unless create is set.
func keySecret(c *config.Config, create bool) ([]byte, error) {
	if create {
		return c.HMAC()
	}
	secret, path, err := c.FindHMAC()
	switch {
	case err != nil:
		return nil, err
	case path != "" && c.Keys.SecretFile == "" && c.Local.Data != "" &&
		filepath.Dir(path) != filepath.Clean(c.Local.Data):
		return nil, fmt.Errorf("--data: %s holds no HMAC secret; is it the directory of a store?", c.Local.Data)
	case secret == nil && c.Keys.SecretFile != "":
		return nil, fmt.Errorf("there is no HMAC secret: no file %s; --create makes it", path)
	case secret == nil:
		return nil, fmt.Errorf("there is no HMAC secret yet: no file %s; run, demo and analyze make it on first use, "+
			"--create makes it now; or name one with --hmac-secret-file or --data", path)
	}
	return secret, nil
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/receipt"
	"statline/dashboards/report"
)

func receiptVerifyCommand() *cobra.Command {
	var (
		st     *settings
		signer string
	)
	c := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Check a receipt's signature, and its figures against the store",
		Long: `verify checks each FILE (a receipt's .json or .md) against FILE.sig: that not one
character of it has changed since it was signed with the key that --signer names. With
--clickhouse or --data it makes the receipt of a .json file again from what is stored,
and compares every line. It exits 3 when a file does not hold.

Without statline:  ssh-keygen -Y verify -n statline-receipt -f allowed_signers -I NAME -s FILE.sig < FILE`,
		Example: `  statline receipt verify acme.json acme.md --signer receipts.pub
  statline receipt verify acme.json --clickhouse http://127.0.0.1:8123`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			dir, err := st.Asked()
			if err != nil {
				return err
			}
			stored := dir != "" || st.ClickHouse.URL != ""
			if signer == "" && !stored {
				return usage("got nothing to check against; want --signer, the public key of whoever signs receipts (such as receipts.pub), or the store: --clickhouse or --data")
			}
			var found []string
			if signer != "" {
				if found, err = checkSignatures(cmd, signer, files); err != nil {
					return err
				}
			}
			if stored {
				differences, err := checkFigures(cmd, st, files)
				if err != nil {
					return err
				}
				found = append(found, differences...)
			}
			if len(found) > 0 {
				fmt.Fprintln(cmd.OutOrStdout(), strings.Join(found, "\n"))
				return exitCode(exitDataSaysNo)
			}
			return nil
		},
	}
	st = takeSettings(c, "receipt verify")
	c.Flags().StringVar(&signer, "signer", "", "public key `file` of whoever signs receipts, one key a line")
	return c
}

// checkSignatures lists the files whose signature is not valid.
func checkSignatures(cmd *cobra.Command, signer string, files []string) (found []string, err error) {
	b, err := os.ReadFile(signer)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	known, err := receipt.Signers(signer, b)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		signature, err := os.ReadFile(file + ".sig")
		if err != nil {
			return nil, fmt.Errorf("%w; the signature stands beside the file, as receipt --sign wrote it", err)
		}
		by, err := receipt.CheckBy(known, text, signature)
		if err != nil {
			found = append(found, file+": "+err.Error())
			continue
		}
		sentence(cmd.OutOrStdout(), fmt.Sprintf("%s: as it was signed, by %s", file, by))
	}
	return found, nil
}

// checkFigures makes the receipts again and lists what differs.
func checkFigures(cmd *cobra.Command, st *settings, files []string) (found []string, err error) {
	ctx := cmd.Context()
	s, err := openAsked(ctx, st.Config)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, file := range files {
		if strings.HasSuffix(file, ".md") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text = answer.WithoutSchema(text) // --json's output is as good as a file of --write
		said, err := receipt.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		again, err := makeReceipt(ctx, s, st.Config, said.KeyID, report.TimeRange{From: said.From, To: said.To})
		if err != nil {
			return nil, refusing(fmt.Errorf("%s: make it again: %w", file, err))
		}
		want, err := again.JSON()
		if err != nil {
			return nil, err
		}
		if bytes.Equal(text, want) {
			sentence(cmd.OutOrStdout(), file+": every line is what is stored")
			continue
		}
		found = append(found, fmt.Sprintf("%s: %s", file, firstDifference(string(text), string(want))))
	}
	return found, nil
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d says %s; stored is %s", i+1, strings.TrimSpace(a[i]), strings.TrimSpace(b[i]))
		}
	}
	return fmt.Sprintf("it has %d lines; what is stored makes %d", len(a), len(b))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/file"
)

func codesSuggestCommand() *cobra.Command {
	var (
		st     *settings
		filter report.Filter
		form   *answers
	)
	c := &cobra.Command{
		Use:   "suggest [FILE|-]",
		Short: "Propose a catalogue for an API from a log of its responses, or from what is stored",
		Long: `suggest reads the failing responses of a log and prints a catalogue file: each of
the API's own names of errors or numbers once, or else its messages, with the
HTTP statuses that they came with, how often, and a guess of the outcome. Read it
and correct the guesses; then give it to the daemon with --catalogue.

Without a file it reads what is stored (--clickhouse or --data). The store keeps
every name and number, and the messages of examples only.`,
		Example: `  statline codes suggest access.log > codes.yaml
  statline analyze --catalogue codes.yaml access.log
  statline codes suggest --clickhouse http://127.0.0.1:8123 --service search > codes.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var entries []classify.Entry
			var err error
			if len(args) > 0 {
				if filter.Service != "" {
					return usage("--service: it chooses of what is stored; a log is read as a whole")
				}
				entries, err = st.codesOfLog(cmd, args[0])
			} else {
				entries, err = st.codesOfStore(cmd.Context(), filter)
			}
			if err != nil {
				return err
			}
			if len(entries) == 0 {
				return errors.New("codes suggest: no failing response says a name, a number or a message; nothing to propose")
			}
			text, err := classify.EntriesYAML(entries)
			if err != nil {
				return err
			}
			return form.print(cmd, func(to io.Writer) {
				to.Write(text)
			}, nil, statusCodes(entries))
		},
	}
	c.Flags().StringVar(&filter.Service, byService, "", "only the stored responses of this `service`")
	st = takeSettings(c, "codes suggest")
	form = takeOutput(c, answer.List[statusCode]("codes"), answer.JSON)
	return c
}

func (st *settings) codesOfLog(cmd *cobra.Command, path string) ([]classify.Entry, error) {
	secret, err := st.HMAC()
	if err != nil {
		return nil, err
	}
	cfg, err := st.Lines.Decode(secret)
	if err != nil {
		return nil, err
	}
	var stdin io.Reader
	if path == "-" {
		stdin = standardInput(cmd, "lines of a log")
	}
	in, err := file.Open(path, stdin)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	entries, err := decode.SuggestCodes(cfg, in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return entries, nil
}

func (st *settings) codesOfStore(ctx context.Context, filter report.Filter) ([]classify.Entry, error) {
	if st.ClickHouse.URL == "" && st.Local.Data == "" {
		return nil, errors.New("codes suggest needs a FILE, or what is stored: --clickhouse URL or --data DIR")
	}
	s, err := openAsked(ctx, st.Config)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if filter, err = filter.Resolve(ctx, s, config.Nearest); err != nil {
		return nil, err
	}
	return report.SuggestCodes(ctx, s, filter)
}

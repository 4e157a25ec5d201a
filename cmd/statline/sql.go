package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
)

func sqlCommand() *cobra.Command {
	var (
		st     *settings
		format string
		form   answers
	)
	c := &cobra.Command{
		Use:   "sql [QUERY]",
		Short: "Query the store in SQL: a kept one, or a server",
		Long: `sql runs a query of ClickHouse's SQL in the database of statline and prints the
answer. Nothing can be changed. Without a query it reads queries from standard
input, each ended by a semicolon at the end of a line.`,
		Example: `  statline sql --data ./store 'SELECT outcome, sum(requests) FROM responses GROUP BY outcome'
  statline sql --clickhouse http://127.0.0.1:8123 --format CSVWithNames 'SELECT * FROM incidents FINAL'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			ask := func(query string) error { return s.Print(ctx, out, query, format) }
			switch asked := cmd.Flags().Changed("output"); {
			case asked && format != "":
				return usage("got --output and --format; want one of them")
			case asked && form.form == answer.JSON:
				ask = func(query string) error {
					var lines bytes.Buffer
					if err := s.Print(ctx, &lines, query, sqlFormats[answer.Lines]); err != nil {
						return err
					}
					return answer.WriteLines(out, "rows", &lines)
				}
			case asked:
				format = sqlFormats[form.form]
			case format == "":
				format = "TSVWithNames"
				if f := terminal(out); f != nil && isTerminal(f) {
					format = sqlFormats[answer.Table]
				}
			}
			if len(args) == 1 {
				return ask(args[0])
			}
			return queries(ctx, standardInput(cmd, "queries that end with ;"), func(query string) error {
				err := ask(query)
				if err != nil && ctx.Err() == nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "statline:", err) // go on with the next one
					return nil
				}
				return err
			})
		},
	}
	st = takeSettings(c, "sql")
	form = answers{shape: answer.List[map[string]any]("rows"), form: answer.Table}
	c.Flags().VarP(&form, "output", "o", "how the answer is written; json has the rows in a list")
	c.Flags().StringVar(&format, "format", "", "`format` of ClickHouse's: TSVWithNames, CSVWithNames, JSONEachRow, "+
		"PrettyCompact, … (default: a table on a terminal, else TSVWithNames)")
	return c
}

// sqlFormats are ClickHouse's names for the forms of --output.
var sqlFormats = map[answer.Form]string{answer.Table: "PrettyCompactMonoBlock", answer.Lines: "JSONEachRow",
	answer.CSV: "CSVWithNames", answer.Markdown: "Markdown"}

// queries calls each for every query of a text. The last one needs no semicolon.
func queries(ctx context.Context, text io.Reader, each func(string) error) error {
	in := bufio.NewReader(text)
	var query strings.Builder
	for {
		line, err := in.ReadString('\n')
		query.WriteString(line)
		whole, ended := strings.CutSuffix(strings.TrimSpace(query.String()), ";")
		if (ended || errors.Is(err, io.EOF)) && whole != "" {
			query.Reset()
			if err := each(whole); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
	}
}

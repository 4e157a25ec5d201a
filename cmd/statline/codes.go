package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

func codesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "codes [N]",
		Short: "List the API's status codes, or explain one",
		Example: `  statline codes
  statline codes 25`,
		Args: cobra.MaximumNArgs(1),
	}
	settings := takeSettings(c, "codes")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		catalogue, err := settings.Lines.Catalogue()
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if len(args) == 1 {
			n, err := strconv.ParseUint(args[0], 10, 16)
			if err != nil {
				return fmt.Errorf("codes: got %q; want a number such as 25", args[0])
			}
			e, ok := catalogue.Entry(uint16(n))
			if !ok {
				return fmt.Errorf("codes: %d is not in the catalogue; statline codes lists the %d that are", n, len(catalogue.Entries()))
			}
			st := newStyle(out)
			fmt.Fprintf(out, "%s  HTTP %d  %s\n%s\n", st.bold.Render(fmt.Sprint("code ", e.Code)), e.HTTPStatus,
				st.outcome(e.Outcome.String()).Render(e.Outcome.String()), e.Message)
			if e.Hint != "" {
				fmt.Fprintf(out, "\n%s\n", e.Hint)
			}
			return nil
		}
		rows := [][]string{{"code", "HTTP", "outcome", "message"}}
		for _, e := range catalogue.Entries() {
			rows = append(rows, []string{fmt.Sprint(e.Code), fmt.Sprint(e.HTTPStatus), e.Outcome.String(), e.Message})
		}
		table(out, "", []bool{true, true}, rows)
		return nil
	}
	return c
}

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/limits"
)

func limitsHeadroomCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
		ask asking
	)
	c := &cobra.Command{
		Use:   "headroom",
		Short: "Find the keys near their limit, and when they will reach it",
		Long: `headroom lists the keys that have a limit, the nearest to it first: the median and the
peak of what they used of it day by day, how fast that grows, and when it reaches the
limit. A key's limit comes from response headers (RateLimit, X-RateLimit-…), else from
--limits-file (by customer, key or tier), else from refusals (the numbers of code 25).

Growth is shown from 11 days with requests on, when chance does not explain it.`,
		Example: `  statline limits headroom --clickhouse http://127.0.0.1:8123
  statline limits headroom --data ./store --limits-file limits.yaml --output csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := readLimits(st.Keys.Limits)
			if err != nil {
				return usage("%w", err)
			}
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			list := []limits.Headroom{}
			if stored {
				if list, err = limits.HeadroomOf(cmd.Context(), s, w, ask.filter, file.inForce()); err != nil {
					return err
				}
			}
			return out.print(cmd, func(to io.Writer) { printHeadroom(to, list) }, nil, list)
		},
	}
	st = takeSettings(c, "limits headroom")
	ask.takeTime(c, "30d")
	ask.takeFilters(c, byService, byKey)
	out = takeOutput(c, answer.List[limits.Headroom]("keys"), answer.JSON)
	return c
}

func printHeadroom(w io.Writer, list []limits.Headroom) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no key has a known limit: no response names one; give the limits with --limits-file")
		return
	}
	st := newStyle(w)
	rows := [][]string{{"key", "limit", "told by", "days", "median", "peak", "growth a day", "reaches it"}}
	for _, h := range list[:min(len(list), maxRows)] {
		growth, reaches, from := "-", "-", h.From
		if h.Tier != "" {
			from += ", " + h.Tier
		}
		if h.PerDay > 0 {
			growth = fmt.Sprintf("%.1f %%", 100*h.PerDay)
		}
		switch {
		case h.Breach != nil:
			reaches = st.warn.Render(fmt.Sprintf("%s, in %d days", h.Breach.Format(time.DateOnly), *h.DaysLeft))
		case h.DaysLeft != nil:
			reaches = st.bad.Render("now")
		}
		rows = append(rows, []string{keyName(h.Key, h.Name), h.Limit, from, fmt.Sprint(h.Days),
			fmt.Sprintf("%.0f %%", 100*h.Median),
			fmt.Sprintf("%.0f %%", 100*h.Peak), growth, reaches})
	}
	table(w, "", "lrlrrrr", rows)
	if more := len(list) - maxRows; more > 0 {
		fmt.Fprintf(w, "and %d keys more: --output csv\n", more)
	}
}

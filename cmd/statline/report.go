package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/config"
)

func reportCommand() *cobra.Command {
	var (
		st     *settings
		since  = spanValue(time.Hour)
		filter report.Filter
		out    *answers
	)
	c := &cobra.Command{
		Use:   "report",
		Short: "Say why responses fail, who causes it and since when, from what is stored",
		Long: `report reads the aggregates that the daemon stored. --since counts back from
the newest stored minute, not from now, so that a report on old logs shows them.`,
		Example: `  statline report --clickhouse http://127.0.0.1:8123 --since 1h
  statline report --clickhouse http://127.0.0.1:8123 --since 7d --service search
  statline report --clickhouse http://127.0.0.1:8123 --key k7f3q2mzpa --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			codes, err := st.Lines.Catalogue()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			began := time.Now()
			w, stored, err := report.Newest(ctx, s, time.Duration(since))
			if err != nil {
				return err
			}
			sum := &report.Report{}
			if stored {
				if filter, err = filter.Resolve(ctx, s, config.Nearest); err != nil {
					return err
				}
				if sum, err = report.Read(ctx, s, w, filter); err != nil {
					return err
				}
			}
			sum.ElapsedSeconds = time.Since(began).Seconds()
			return out.print(cmd, func(to io.Writer) error {
				if out.by != "" {
					printList(to, out.by, sum, codes)
				} else {
					printSummary(to, titleOf(w, filter), sum, codes)
				}
				return nil
			}, sum, reportRows(sum)...)
		},
	}
	st = takeSettings(c, "report")
	c.Flags().Var(&since, "since", "how far back from the newest stored minute: 30m, 1h, 7d")
	c.Flags().StringVar(&filter.Service, "service", "", "only this `service`")
	c.Flags().StringVar(&filter.Key, "key", "", "only this `key`: its id or the first characters of it")
	out = takeOutput(c, answer.Of[report.Report](reportLists()...), answer.JSON)
	return c
}

// titleOf says what a report covers.
func titleOf(w report.Window, f report.Filter) string {
	t := fmt.Sprintf("%s to %s UTC", w.From.UTC().Format("2006-01-02 15:04"), w.To.UTC().Format("2006-01-02 15:04"))
	if f.Service != "" {
		t += ", service " + f.Service
	}
	if f.Key != "" {
		t += ", key " + f.Key
	}
	return t
}

// reportLists are the lists of a report.
func reportLists() []answer.Rows {
	return []answer.Rows{answer.RowsOf[report.Why]("reason"), answer.RowsOf[report.Who]("key"),
		answer.RowsOf[report.Service]("service"), answer.RowsOf[report.Count]("outcome"), answer.RowsOf[report.Count]("code"),
		answer.RowsOf[report.Count]("http_status"), answer.RowsOf[report.Quota]("limit"),
		answer.RowsOf[report.Incident]("incident")}
}

// reportRows are the rows of reportLists, in its order.
func reportRows(r *report.Report) []any {
	return []any{r.Why, r.Who, r.Services, r.ByOutcome.Ranked(), r.ByCode.Ranked(), r.ByHTTPStatus.Ranked(), r.Quotas,
		r.Incidents}
}

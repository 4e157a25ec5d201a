package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/console"
	"statline/dashboards/report"
	"statline/ingest/store"
)

func reportCommand() *cobra.Command {
	var (
		st  *settings
		ask asking
		out *answers

		page string
	)
	c := &cobra.Command{
		Use:   "report",
		Short: "Say why responses fail, who causes it and since when, from what is stored",
		Long: `report reads the aggregates that the daemon stored. Times such as --since 1h count
back from the newest stored minute, not from now, so that a report on old logs
shows them. Keys are not stored by route: a report of one route names none.

--compare previous sets the span beside the one before it, --compare 7d beside
the same span a week earlier: what rose and what fell.

--html FILE writes the boards of the span instead, as one page that needs no
server and loads nothing: for a ticket, or for a reader without the store.`,
		Example: `  statline report --clickhouse http://127.0.0.1:8123 --since 1h
  statline report --data ./store --from 2026-01-31 --to 2026-02-01 --compare 7d
  statline report --clickhouse http://127.0.0.1:8123 --since 7d --service search --by key --output csv
  statline report --data ./store --since 24h --html report.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			codes, err := st.Lines.Catalogue()
			if err != nil {
				return err
			}
			if page != "" && ask.filter != (report.Filter{}) {
				return usage("--html: got a filter too; want none, the page has every service")
			}
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			began := time.Now()
			if page != "" {
				return writePage(cmd, s.Store, w, stored, page)
			}
			sum := &reportShown{Report: &report.Report{}}
			if stored {
				if sum, err = ask.report(cmd.Context(), s, w); err != nil {
					return err
				}
			}
			sum.ElapsedSeconds = time.Since(began).Seconds()
			sum.behind = ask.behind(cmd, w, out.forPeople())
			sum.behind.mark(sum)
			return out.print(cmd, func(to io.Writer) {
				switch {
				case !stored:
					fmt.Fprintln(to, nothingStored)
				case out.by != "":
					printList(to, out.by, sum, codes)
				default:
					printSummary(to, titleOf(w, ask.filter), sum.Report, codes, ask.limit, sum.behind)
					printChanges(to, newStyle(to), sum.Before, 12)
				}
			}, sum, reportRows(sum)...)
		},
	}
	st = takeSettings(c, "report")
	c.Flags().StringVar(&page, "html", "", "write the boards of the span to this `file`, as one page")
	ask.takeTime(c, "1h")
	ask.takeLimit(c, 0, "rows of each list (default: 10 to 50)")
	ask.takeFilters(c, byService, byRoute, byOutcome, byKey, byCode)
	ask.takeCompare(c)
	out = takeOutput(c, answer.Of[reportShown](reportLists()...), answer.JSON)
	return c
}

// nothingStored is the message about an empty store.
const nothingStored = "nothing is stored yet: statline run stores what it reads from Kafka, statline analyze --data DIR what it reads from files"

// reportShown is a report and what it is compared with.
type reportShown struct {
	*report.Report
	Before *report.Before `json:"before" help:"null without --compare"`
	behind *behind
}

// report reads the report of a time range that resolve has computed.
func (a *asking) report(ctx context.Context, s report.Store, w report.TimeRange) (*reportShown, error) {
	r, err := report.Read(ctx, s, w, a.filter)
	if err != nil {
		return nil, err
	}
	shown := &reportShown{Report: r}
	if then, ok := a.before(w); ok {
		before, err := report.Read(ctx, s, then, a.filter)
		if err != nil {
			return nil, err
		}
		shown.Before = &report.Before{From: then.From.UTC(), To: then.To.UTC(), Changes: shown.Compare(before)}
	}
	r.Why, r.Who, r.Quotas = firstOf(r.Why, a.limit), firstOf(r.Who, a.limit), firstOf(r.Quotas, a.limit)
	r.Services, r.Incidents = firstOf(r.Services, a.limit), firstOf(r.Incidents, a.limit)
	return shown, nil
}

// writePage writes the boards of a time range to a file.
func writePage(cmd *cobra.Command, s *store.Store, w report.TimeRange, stored bool, path string) (err error) {
	if !stored { // the page says so
		w = report.TimeRange{From: time.Now().Add(-time.Hour), To: time.Now()}
	}
	k, err := console.New(console.Config{Store: func() console.Store { return s }, Version: version})
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := k.WriteFile(cmd.Context(), f, w.From.UTC().Truncate(time.Minute), w.To.UTC().
		Truncate(time.Minute)); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "written", path)
	return nil
}

// printChanges prints the numbers of two time ranges side by side.
func printChanges(w io.Writer, st style, before *report.Before, most int) {
	if before == nil {
		return
	}
	st.heading(w, fmt.Sprintf("Compared with %s to %s UTC", stamp(before.From), stamp(before.To)))
	rows := [][]string{{"", "", "now", "before", "share now", "share before"}}
	for _, c := range firstOf(before.Changes, most) {
		rows = append(rows, []string{c.By, c.Name, count(c.Requests), count(c.Before),
			fmt.Sprintf("%.2f %%", 100*c.Share),
			fmt.Sprintf("%.2f %%", 100*c.ShareBefore)})
	}
	table(w, "  ", "llrrrr", rows)
}

// titleOf says what a report covers.
func titleOf(w report.TimeRange, f report.Filter) string {
	if w == (report.TimeRange{}) {
		return nothingStored
	}
	t := fmt.Sprintf("%s to %s UTC", stamp(w.From), stamp(w.To))
	if f.Service != "" {
		t += ", service " + f.Service
	}
	for _, x := range [][2]string{{"route", f.Route}, {"outcome", f.Outcome}, {"code", f.Code}, {"key", f.Key}} {
		if x[1] != "" {
			t += ", " + x[0] + " " + x[1]
		}
	}
	return t
}

// reportLists are the lists of a report.
func reportLists() []answer.Rows {
	return []answer.Rows{answer.RowsOf[report.Why]("reason"), answer.RowsOf[report.Who]("key"),
		answer.RowsOf[report.Service]("service"), answer.RowsOf[report.Count]("outcome"),
		answer.RowsOf[report.Count]("code"),
		answer.RowsOf[report.Count]("http_status"), answer.RowsOf[report.Quota]("limit"),
		answer.RowsOf[report.Incident]("incident"), answer.RowsOf[report.Change]("change")}
}

// reportRows are the rows of reportLists, in its order.
func reportRows(r *reportShown) []any {
	changes := []report.Change{}
	if r.Before != nil {
		changes = r.Before.Changes
	}
	return []any{r.Why, r.Who, r.Services, r.behind.counts(r.ByOutcome, byOutcome), r.behind.counts(r.ByCode, byCode),
		r.ByHTTPStatus.Ranked(), r.Quotas,
		r.Incidents, changes}
}

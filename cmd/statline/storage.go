package main

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/schema"
)

func storageCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
	)
	c := &cobra.Command{
		Use:   "storage",
		Short: "Show disk usage by table and by day, and what retention will free",
		Long: `storage lists the bytes on disk of each table and each day, and those that retention
will free: parts whose rows have all expired by now, or will within a day, a week and
thirty days. Expired rows of a part that stays are not included. In a cluster it shows
only the server that you connect to.`,
		Example: `  statline storage --data ./store
  statline storage --clickhouse http://127.0.0.1:8123 --by day --output csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openAsked(cmd.Context(), st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			all, err := report.ReadStorage(cmd.Context(), s)
			if err != nil {
				return err
			}
			ttl, err := schema.StoredTTL(cmd.Context(), s.Conn(), s.Database())
			if err != nil {
				return err
			}
			shown := storageShown{all, keptDays{Minutes: ttl.MinuteDays, Hours: ttl.HourDays, Samples: ttl.SampleDays}}
			return out.print(cmd, func(to io.Writer) { printStorage(to, &shown) }, shown, all.Tables,
				all.Days)
		},
	}
	st = takeSettings(c, "storage")
	out = takeOutput(c, answer.Of[storageShown](answer.RowsOf[report.StorageTable]("table"),
		answer.RowsOf[report.StorageDay]("day")), answer.JSON)
	return c
}

// storageShown is how much the database takes, and for how many days rows are kept.
type storageShown struct {
	*report.Storage
	Kept keptDays `json:"kept"`
}

// keptDays is for how many days rows are kept, by level; 0 is for ever.
type keptDays struct {
	Minutes int `json:"minute_days" help:"0: forever"`
	Hours   int `json:"hour_days"`
	Samples int `json:"sample_days" help:"of samples and rejects"`
}

func (k keptDays) String() string {
	long := func(days int) string {
		if days == 0 {
			return "forever"
		}
		return fmt.Sprintf("%d days", days)
	}
	return fmt.Sprintf("kept: minute rows %s, hour rows %s, samples and rejects %s (statline migrate --retention-minutes, -hours, -samples)",
		long(k.Minutes), long(k.Hours), long(k.Samples))
}

func printStorage(w io.Writer, all *storageShown) {
	st := newStyle(w)
	day := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.Format(time.DateOnly)
	}
	fmt.Fprintf(w, "%s  %s in %s rows; retention frees %s now\n", st.bold.Render("database "+all.Database),
		humanize.IBytes(all.Bytes),
		count(all.Rows), humanize.IBytes(all.FreedBytes))
	fmt.Fprintf(w, "%s\n\n", all.Kept)
	rows := [][]string{{"table", "bytes", "rows", "a row", "oldest", "newest", "freed: now", "in 1d", "in 7d",
		"in 30d"}}
	for _, t := range all.Tables {
		each := "-"
		if t.Rows > 0 {
			each = fmt.Sprintf("%.1f B", float64(t.Bytes)/float64(t.Rows))
		}
		rows = append(rows, []string{t.Table, humanize.IBytes(t.Bytes), count(t.Rows), each, day(t.OldestDay),
			day(t.NewestDay),
			humanize.IBytes(t.FreedNow), humanize.IBytes(t.FreedDay), humanize.IBytes(t.FreedWeek),
			humanize.IBytes(t.FreedInMonth)})
	}
	right := "lrrrrrrrrr"
	table(w, "", right, rows)
	fmt.Fprintln(w)
	rows = [][]string{{"day", "bytes", "rows", "tables", "freed in 1d"}}
	for _, d := range firstOf(all.Days, 31) {
		rows = append(rows, []string{d.Day.Format(time.DateOnly), humanize.IBytes(d.Bytes), count(d.Rows),
			fmt.Sprint(d.Tables),
			humanize.IBytes(d.FreedDay)})
	}
	table(w, "", "lrrrr", rows)
	if more := len(all.Days) - 31; more > 0 {
		fmt.Fprintf(w, "and %d days more: --by day --output csv\n", more)
	}
}

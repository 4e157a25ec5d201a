package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/block"
	"statline/ingest/store"
)

func rejectsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rejects",
		Short: "List, show, replay and discard lines that could not be decoded",
		Long: `A line that cannot be decoded is kept as a reject, with its reason, partition,
offset and scrubbed bytes; nothing is dropped. Rejects are kept as long as samples,
counted from when they were stored, whatever the timestamp of their record.`,
	}
	c.AddCommand(rejectsListCommand(), rejectsShowCommand(), rejectsReplayCommand(), rejectsDiscardCommand())
	return c
}

func rejectsListCommand() *cobra.Command {
	var (
		st     *settings
		filter store.RejectFilter
		out    *answers
	)
	c := &cobra.Command{
		Use:     "list",
		Short:   "Count the rejects by reason and list the newest",
		Example: `  statline rejects list --clickhouse http://127.0.0.1:8123 --reason syntax`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			counts, err := s.CountRejects(ctx, filter)
			if err != nil {
				return err
			}
			rejects, err := s.Rejects(ctx, filter)
			if err != nil {
				return err
			}
			shown := rejectsShown{}
			for _, n := range counts {
				shown.Counts = append(shown.Counts, rejectCount(n))
			}
			for _, r := range rejects {
				shown.Rejects = append(shown.Rejects, rejectOf(r))
			}
			return out.print(cmd, func(to io.Writer) { printRejectList(to, &shown) }, shown,
				shown.Rejects,
				shown.Counts)
		},
	}
	st = takeSettings(c, "rejects list")
	f := c.Flags()
	f.StringVar(&filter.Topic, "topic", "", "only this topic")
	f.StringVar(&filter.Reason, "reason", "", "only this reason")
	f.IntVar(&filter.Limit, "limit", 50, "lines listed")
	out = takeOutput(c, answer.Of[rejectsShown](answer.RowsOf[reject]("line"), answer.RowsOf[rejectCount]("reason")),
		answer.JSON)
	return c
}

// rejectsShown is a list of rejects, and how many there are.
type rejectsShown struct {
	Counts  []rejectCount `json:"counts"`
	Rejects []reject      `json:"rejects"`
}

// rejectCount is how many lines of a topic were rejected for a reason.
type rejectCount struct {
	Topic   string    `json:"topic"`
	Reason  string    `json:"reason"`
	Rejects uint64    `json:"rejects"`
	First   time.Time `json:"first" help:"when it was stored"`
	Last    time.Time `json:"last"`
}

// reject is a line that could not become a response.
type reject struct {
	Cluster        string     `json:"cluster"`
	Topic          string     `json:"topic"`
	Epoch          uint32     `json:"epoch"`
	Partition      int32      `json:"partition"`
	Offset         int64      `json:"offset"`
	Index          uint32     `json:"index" help:"position inside the record"`
	Received       *time.Time `json:"received" help:"Kafka's timestamp of the record"`
	Reason         string     `json:"reason"`
	Detail         string     `json:"detail"`
	Format         string     `json:"format"`
	DecoderVersion uint32     `json:"decoder_version"`
	Raw            string     `json:"raw" help:"the line, scrubbed"`
}

func rejectOf(r store.Reject) reject {
	shown := reject{Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch, Partition: r.Partition, Offset: r.Offset,
		Index: r.Index, Reason: r.Reason, Detail: r.Detail, Format: r.Format, DecoderVersion: r.DecoderVersion,
		Raw: r.Raw}
	if block.Stamped(r.RecordUnixMilli) {
		at := time.UnixMilli(r.RecordUnixMilli).UTC()
		shown.Received = &at
	}
	return shown
}

func printRejectList(out io.Writer, shown *rejectsShown) {
	if len(shown.Counts) == 0 {
		fmt.Fprintln(out, "no rejects")
		return
	}
	rows := [][]string{{"topic", "reason", "lines", "first", "last"}}
	for _, n := range shown.Counts {
		rows = append(rows, []string{n.Topic, n.Reason, count(n.Rejects), clock(n.First, true), clock(n.Last, true)})
	}
	table(out, "", "llr", rows)
	fmt.Fprintln(out)
	rows = [][]string{{"where", "reason", "detail", "line"}}
	for i := range shown.Rejects {
		r := &shown.Rejects[i]
		rows = append(rows, []string{position(r.Topic, r.Partition, r.Offset, r.Index), r.Reason, printable(r.Detail),
			printable(r.Raw)})
	}
	table(out, "", "", rows)
}

// positionOf is where a reject came from: topic/partition@offset, and the position
// inside a record with several lines.
func positionOf(r store.Reject) string { return position(r.Topic, r.Partition, r.Offset, r.Index) }

func position(topic string, partition int32, offset int64, index uint32) string {
	s := fmt.Sprintf("%s/%d@%d", topic, partition, offset)
	if index > 0 {
		s += fmt.Sprintf("#%d", index)
	}
	return s
}

func rejectsShowCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
	)
	c := &cobra.Command{
		Use:     "show TOPIC/PARTITION@OFFSET",
		Short:   "Show one reject whole",
		Example: `  statline rejects show access/3@1041 --clickhouse http://127.0.0.1:8123`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := parsePosition(args[0])
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			rejects, err := s.Rejects(ctx, filter)
			if err != nil {
				return err
			}
			if len(rejects) == 0 {
				return fmt.Errorf("no reject at %s; statline rejects list says where they are", args[0])
			}
			var shown []reject
			for _, r := range rejects {
				shown = append(shown, rejectOf(r))
			}
			return out.print(cmd, func(to io.Writer) {
				for _, r := range rejects {
					table(to, "", "", [][]string{
						{"where", positionOf(r)}, {"reason", r.Reason}, {"detail", r.Detail}, {"format", r.Format},
						{"decoder", fmt.Sprint(r.DecoderVersion)}, {"received", received(r.RecordUnixMilli)},
					})
					fmt.Fprintf(to, "\n%s\n", printable(r.Raw))
				}
			}, nil, shown)
		},
	}
	st = takeSettings(c, "rejects show")
	out = takeOutput(c, answer.List[reject]("rejects"), answer.JSON)
	return c
}

// received is Kafka's timestamp of a record.
func received(unixMilli int64) string {
	if !block.Stamped(unixMilli) {
		return fmt.Sprintf("without a timestamp (%d)", unixMilli)
	}
	return time.UnixMilli(unixMilli).UTC().Format(time.RFC3339)
}

// parsePosition reads the form that position prints.
func parsePosition(s string) (f store.RejectFilter, err error) {
	at, _, _ := strings.Cut(s, "#")
	topic, rest, ok1 := cutLast(at, "/")
	p, o, ok2 := strings.Cut(rest, "@")
	partition, err1 := strconv.ParseInt(p, 10, 32)
	offset, err2 := strconv.ParseInt(o, 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil {
		return f, fmt.Errorf("got %q; want TOPIC/PARTITION@OFFSET such as access/3@1041", s)
	}
	p32 := int32(partition)
	return store.RejectFilter{Topic: topic, Partition: &p32, Offset: &offset}, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// printable removes control characters that a log line may have for a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '·'
		}
		return r
	}, s)
}

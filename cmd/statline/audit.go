package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/ingest/block"
	"statline/ingest/config"
	"statline/ingest/schema"
	"statline/ingest/store"
)

func auditCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
	)
	c := &cobra.Command{
		Use:   "audit",
		Short: "Prove that every record is counted exactly once, or say what differs",
		Long: `audit checks the ledger (offset ranges contiguous, no overlap, records add up) and
compares the sums of every rollup with it, per event day; days that have expired
are skipped. With --brokers it also compares the ledger with what the consumer group
has committed, and shows the lag. Records that are committed but not in the ledger are
missing, as after an older backup was restored; it names them and how to repair them.
If blocks of a topic were stored under several configurations, it lists the offsets of
each. The exit status is 3 when anything differs.`,
		Example: `  statline audit --clickhouse http://127.0.0.1:8123
  statline audit --clickhouse http://127.0.0.1:8123 --brokers kafka:9092 --topic access --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			report, err := auditNow(ctx, s)
			if err != nil {
				return err
			}
			var g *group
			if len(st.Kafka.Brokers) > 0 {
				if g, err = readGroup(ctx, st.Config, s.Store); err != nil {
					return err
				}
			}
			shown := audited(report, g, st.Config)
			err = out.print(cmd, func(to io.Writer) { printAudit(to, report, g) }, shown,
				shown.Partitions,
				shown.Days, shown.Differences, shown.Missing)
			if err == nil && !shown.OK {
				err = exitCode(exitDataSaysNo)
			}
			return err
		},
	}
	st = takeSettings(c, "audit")
	out = takeOutput(c, answer.Of[auditShown](answer.RowsOf[store.PartitionAudit]("partition"),
		answer.RowsOf[store.DayAudit]("day"), answer.RowsOf[store.Difference]("difference"),
		answer.RowsOf[missingRecords]("missing")), answer.JSON)
	return c
}

// auditNow audits what has not expired.
func auditNow(ctx context.Context, s *asked) (*store.AuditReport, error) {
	ttl, err := schema.StoredTTL(ctx, s.Conn(), s.Database())
	if err != nil {
		return nil, err
	}
	return s.Audit(ctx, store.AuditOptions{TTL: ttl, Now: time.Now()})
}

// auditShown is an audit with the group's state beside it.
type auditShown struct {
	*store.AuditReport
	OK              bool             `json:"ok"`
	CommitsCompared bool             `json:"commits_compared"`
	Missing         []missingRecords `json:"missing" help:"committed by the group and not in the ledger"`
	// Group is the state of the consumer group on each partition of the topic, when it
	// was read; with several topics it is in Groups, by topic.
	Group  map[int32]groupState            `json:"group,omitempty"`
	Groups map[string]map[int32]groupState `json:"groups,omitempty"`
}

// missingRecords are the records [First, End) of a partition.
type missingRecords struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	First     int64  `json:"first"`
	End       int64  `json:"end"`
	LogStart  int64  `json:"log_start"`
	Detail    string `json:"detail"`
}

func audited(report *store.AuditReport, g *group, c *config.Config) auditShown {
	shown := auditShown{AuditReport: report, CommitsCompared: g != nil}
	for _, m := range g.tails() {
		shown.Missing = append(shown.Missing, missingRecords{Topic: m.Topic, Partition: m.Partition,
			First: max(0, m.First),
			End:   m.End, LogStart: m.LogStart, Detail: m.String()})
	}
	shown.OK = report.OK() && len(shown.Missing) == 0
	switch {
	case g == nil:
	case c.Kafka.Several():
		shown.Groups = map[string]map[int32]groupState{}
		for at := range g.partitions {
			shown.Groups[at.topic] = g.of(at.topic)
		}
	default:
		shown.Group = g.of(c.Kafka.Topic)
	}
	return shown
}

func printAudit(w io.Writer, report *store.AuditReport, group *group) {
	st := newStyle(w)
	rows := [][]string{{"topic", "epoch", "partition", "offsets", "blocks", "records", "responses", "rejected", "holes",
		"skipped", "committed", "lag", "last event"}}
	for _, p := range report.Partitions {
		committed, lag := "-", "-"
		if group != nil {
			if g, ok := group.partitions[topicPartition{p.Topic, p.Partition}]; ok && p.Cluster != block.FileCluster {
				committed, lag = fmt.Sprint(g.Committed),
					fmt.Sprintf("%s (%.0f s)", count(uint64(g.LagRecords)), g.LagSeconds)
				if held := g.LagHighWatermark - g.LagRecords; held > 0 {
					lag += fmt.Sprintf(" and %s in open transactions", count(uint64(held)))
				}
			}
		}
		rows = append(rows, []string{p.Topic, fmt.Sprint(p.Epoch), fmt.Sprint(p.Partition),
			fmt.Sprintf("[%d, %d)", p.First, p.End), count(p.Blocks),
			count(p.Records), count(p.Responses), count(p.Rejected), count(p.Holes), count(p.Skipped), committed, lag,
			clock(p.LastEvent, true)})
	}
	table(w, "", "lrrrrrrrrrrrr", rows)
	judged, expired, incomplete := 0, 0, 0
	for _, d := range report.Days {
		switch {
		case d.Expired:
			expired++
		case d.Incomplete:
			incomplete++
		default:
			judged++
		}
	}
	fmt.Fprintf(w, "\n%d rollup days compared with the ledger", judged)
	if expired > 0 {
		fmt.Fprintf(w, ", %d expired ones skipped", expired)
	}
	if incomplete > 0 {
		fmt.Fprintf(w, ", %d skipped that are older than their table", incomplete)
	}
	fmt.Fprintln(w)
	if report.Pending > 0 {
		fmt.Fprintf(w, "%d partitions have a declared block that is not finished yet\n", report.Pending)
	}
	printConfigurations(w, report)
	missing := group.tails()
	switch {
	case !report.OK() || len(missing) > 0:
		fmt.Fprintln(w, st.bad.Render(fmt.Sprintf("✗ %d differences", len(report.Differences)+len(missing))))
	case group == nil && fromKafka(report):
		fmt.Fprintln(w, st.good.Render("✓ every record of the ledger is counted exactly once"))
		fmt.Fprintln(w,
			"  not compared with what a consumer group has committed: that takes --brokers, --topic and --group")
	default:
		fmt.Fprintln(w, st.good.Render("✓ every record is counted exactly once"))
	}
	for _, m := range missing {
		fmt.Fprintln(w, " ", m)
	}
	for _, d := range report.Differences {
		fmt.Fprintln(w, " ", d)
	}
}

// fromKafka reports that a store holds what a consumer group has committed.
func fromKafka(report *store.AuditReport) bool {
	return slices.ContainsFunc(report.Partitions,
		func(p store.PartitionAudit) bool { return p.Cluster != block.FileCluster })
}

// maxSpans is how many spans of configurations are printed; --json has more.
const maxSpans = 20

// printConfigurations lists which offsets were stored under which configuration, if
// there was more than one.
func printConfigurations(w io.Writer, report *store.AuditReport) {
	spans := report.Mixed()
	if len(spans) == 0 {
		return
	}
	fmt.Fprintln(w, "\nblocks were stored under several configurations, as after a reload or an upgrade; newest first:")
	rows := [][]string{{"config_hash", "topic", "epoch", "partition", "offsets", "blocks", "records", "stored from",
		"to", "by"}}
	for _, s := range spans[:min(maxSpans, len(spans))] {
		rows = append(rows, []string{s.ConfigHash, s.Topic, fmt.Sprint(s.Epoch), fmt.Sprint(s.Partition),
			fmt.Sprintf("[%d, %d)", s.First, s.End),
			count(s.Blocks), count(s.Records), clock(s.Since, true), clock(s.Until, true),
			strings.Join(s.Instances, " ")})
	}
	table(w, "", "llrrrrrrrl", rows)
	if more := len(spans) - maxSpans; more > 0 {
		fmt.Fprintf(w, "and %d spans more: --json\n", more)
	}
}

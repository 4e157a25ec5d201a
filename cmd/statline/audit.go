package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store"
)

func auditCommand() *cobra.Command {
	var (
		st     *settings
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "audit",
		Short: "Prove that every record is counted exactly once, or say what differs",
		Long: `audit checks the ledger (offset ranges contiguous, no overlap, records add up) and
compares the sums of every rollup with it, per event day; days that have expired
are skipped. With --brokers it also compares the ledger with what the consumer group
has committed, and shows the lag: records that are committed and not in the ledger
are missing, as after an older backup was restored; it names them and what mends it.
Where blocks of a topic were stored under more than one configuration, it lists the
offsets of each. The exit status is 1 when anything differs.`,
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
			ttl, err := schema.StoredTTL(ctx, s.Conn(), s.Database())
			if err != nil {
				return err
			}
			report, err := s.Audit(ctx, store.AuditOptions{TTL: ttl, Now: time.Now()})
			if err != nil {
				return err
			}
			var g *group
			if len(st.Kafka.Brokers) > 0 {
				if g, err = readGroup(ctx, st.Kafka.Source(st.Daemon.From), s.Store); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			if asJSON {
				err = printAuditJSON(out, report, g)
			} else {
				printAudit(out, report, g)
			}
			if err == nil && !(report.OK() && len(g.tails()) == 0) {
				err = exitCode(1)
			}
			return err
		},
	}
	st = takeSettings(c, "audit")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// printAuditJSON writes the report with the group's state beside it.
func printAuditJSON(w io.Writer, report *store.AuditReport, g *group) error {
	b, err := json.Marshal(report)
	if err != nil {
		return err
	}
	all := map[string]any{}
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	missing := []map[string]any{}
	for _, m := range g.tails() {
		missing = append(missing, map[string]any{"topic": m.Topic, "partition": m.Partition, "first": max(0, m.First), "end": m.End,
			"log_start": m.LogStart, "detail": m.String()})
	}
	all["ok"], all["commits_compared"], all["missing"] = report.OK() && len(missing) == 0, g != nil, missing
	if g != nil {
		all["group"] = g.partitions
	}
	return printJSON(w, all)
}

func printAudit(w io.Writer, report *store.AuditReport, group *group) {
	st := newStyle(w)
	rows := [][]string{{"topic", "epoch", "partition", "offsets", "blocks", "records", "responses", "rejected", "holes", "skipped", "committed", "lag", "last event"}}
	for _, p := range report.Partitions {
		committed, lag := "-", "-"
		if group != nil {
			if g, ok := group.partitions[p.Partition]; ok {
				committed, lag = fmt.Sprint(g.Committed), fmt.Sprintf("%s (%.0f s)", count(uint64(g.LagRecords)), g.LagSeconds)
				if held := g.LagHighWatermark - g.LagRecords; held > 0 {
					lag += fmt.Sprintf(" and %s in open transactions", count(uint64(held)))
				}
			}
		}
		rows = append(rows, []string{p.Topic, fmt.Sprint(p.Epoch), fmt.Sprint(p.Partition), fmt.Sprintf("[%d, %d)", p.First, p.End), count(p.Blocks),
			count(p.Records), count(p.Responses), count(p.Rejected), count(p.Holes), count(p.Skipped), committed, lag, clock(p.LastEvent, true)})
	}
	table(w, "", []bool{false, true, true, true, true, true, true, true, true, true, true, true, true}, rows)
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
		fmt.Fprintln(w, "  not compared with what a consumer group has committed: that takes --brokers, --topic and --group")
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

// fromKafka says that a store holds what a consumer group has committed.
func fromKafka(report *store.AuditReport) bool {
	return slices.ContainsFunc(report.Partitions, func(p store.PartitionAudit) bool { return p.Cluster != block.FileCluster })
}

// maxSpans is how many spans of configurations are printed; --json has more.
const maxSpans = 20

// printConfigurations lists which offsets were stored under which configuration,
// when it was not one alone.
func printConfigurations(w io.Writer, report *store.AuditReport) {
	spans := report.Mixed()
	if len(spans) == 0 {
		return
	}
	fmt.Fprintln(w, "\nblocks were stored under several configurations, as after a reload or an upgrade; newest first:")
	rows := [][]string{{"config_hash", "topic", "epoch", "partition", "offsets", "blocks", "records", "stored from", "to", "by"}}
	for _, s := range spans[:min(maxSpans, len(spans))] {
		rows = append(rows, []string{s.ConfigHash, s.Topic, fmt.Sprint(s.Epoch), fmt.Sprint(s.Partition), fmt.Sprintf("[%d, %d)", s.First, s.End),
			count(s.Blocks), count(s.Records), clock(s.Since, true), clock(s.Until, true), strings.Join(s.Instances, " ")})
	}
	table(w, "", []bool{false, false, true, true, true, true, true, true, true, false}, rows)
	if more := len(spans) - maxSpans; more > 0 {
		fmt.Fprintf(w, "and %d spans more: --json\n", more)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"statline/ingest/schema"
	"statline/ingest/source"
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
are skipped. With --brokers it also shows the committed offset and the lag. The
exit status is 1 when anything differs.`,
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
			var group map[int32]groupState
			if len(st.Kafka.Brokers) > 0 {
				if group, err = readGroup(ctx, st.Kafka.Source(st.Daemon.From), report); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			if asJSON {
				err = printAuditJSON(out, report, group)
			} else {
				printAudit(out, report, group)
			}
			if err == nil && !report.OK() {
				err = exitCode(1)
			}
			return err
		},
	}
	st = takeSettings(c, "audit")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// groupState is where the consumer group stands on one partition.
type groupState struct {
	Committed  int64   `json:"committed"`
	LagRecords int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"`
}

func readGroup(ctx context.Context, cfg source.Config, report *store.AuditReport) (map[int32]groupState, error) {
	client, err := source.New(cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	offsets, err := client.GroupOffsets(ctx, cfg.Group)
	if err != nil {
		return nil, err
	}
	lag, err := client.Lag(ctx, cfg.Group)
	if err != nil {
		return nil, err
	}
	group := map[int32]groupState{}
	for p, at := range offsets {
		g := groupState{Committed: at.Offset, LagRecords: lag[p]}
		for _, a := range report.Partitions {
			if a.Partition == p && a.Topic == cfg.Topic && g.LagRecords > 0 && !a.LastRecord.IsZero() {
				g.LagSeconds = time.Since(a.LastRecord).Seconds()
			}
		}
		group[p] = g
	}
	return group, nil
}

// printAuditJSON writes the report with the group's state beside it.
func printAuditJSON(w io.Writer, report *store.AuditReport, group map[int32]groupState) error {
	b, err := json.Marshal(report)
	if err != nil {
		return err
	}
	all := map[string]any{}
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	all["ok"] = report.OK()
	if group != nil {
		all["group"] = group
	}
	return printJSON(w, all)
}

func printAudit(w io.Writer, report *store.AuditReport, group map[int32]groupState) {
	st := newStyle(w)
	rows := [][]string{{"topic", "epoch", "partition", "offsets", "blocks", "records", "responses", "rejected", "holes", "skipped", "committed", "lag", "last event"}}
	for _, p := range report.Partitions {
		committed, lag := "-", "-"
		if g, ok := group[p.Partition]; ok {
			committed, lag = fmt.Sprint(g.Committed), fmt.Sprintf("%s (%.0f s)", count(uint64(max(g.LagRecords, 0))), g.LagSeconds)
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
	if report.OK() {
		fmt.Fprintln(w, st.good.Render("✓ every record is counted exactly once"))
		return
	}
	fmt.Fprintln(w, st.bad.Render(fmt.Sprintf("✗ %d differences", len(report.Differences))))
	for _, d := range report.Differences {
		fmt.Fprintln(w, " ", d)
	}
}

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"statline/ingest/mend"
	"statline/ingest/schema"
)

func repairCommand() *cobra.Command {
	var st *settings
	c := &cobra.Command{
		Use:   "repair",
		Short: "Finish half-inserted blocks that the daemon refuses, and insert lost rows again",
		Long: `A daemon stops at a half-inserted block that is so old that ClickHouse may have
forgotten its tokens. repair finds out from the ledger which of its rows are stored,
inserts the others from the records that Kafka still has, and proves the result with
an audit.

The daemon also stops at a large block that another version declared, or that was
declared under a configuration that was never stored: cut in another way, its rows
would be lost or doubled. repair then rebuilds the hours of that block: it reads
every block with rows in them from Kafka again, checks them against the ledger,
deletes the counts of these hours and inserts them again. It deletes nothing else.

A ClickHouse server that is killed in the middle of an INSERT into a table that
is not replicated can lose the rows and keep the token, so that it drops the
daemon's retry; audit then finds less in the table than the ledger says. repair reads
every block of that day from Kafka again and inserts the rows of the missing blocks.
When anything but whole blocks is missing, or Kafka no longer has the day, it says
so, leaves that day of that table as it is, and repairs the others.

Each block is read under the configuration that it was declared under, if the
database still has it. Name every topic whose blocks the database holds
(--topic access,edge): their rows are in the same tables. Stop every daemon that
writes to the database first. It is safe to repeat.`,
		Example: `  statline repair --brokers kafka:9092 --topic access --clickhouse http://127.0.0.1:8123`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			t, err := open(ctx, st.Config)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, t.close()) }()
			first := t.all[0]
			partitions, err := first.client.Partitions(ctx)
			if err != nil {
				return err
			}
			ttl, err := schema.StoredTTL(ctx, t.store.Conn(), t.store.Database())
			if err != nil {
				return err
			}
			r := mend.Repair{Store: t.store, Log: first.client, Fold: first.folding, Block: t.block, TTL: ttl}
			if r.Others, err = t.others(ctx); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			for _, run := range []func() (*mend.RepairReport, error){
				func() (*mend.RepairReport, error) { return r.Run(ctx, partitions) },
				func() (*mend.RepairReport, error) { return r.Lost(ctx) },
			} {
				report, err := run()
				if errors.Is(err, mend.ErrNothingToRepair) {
					sentence(out, err.Error())
					continue
				}
				if report != nil {
					printRepair(out, report)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	st = takeSettings(c, "repair")
	return c
}

func printRepair(out io.Writer, report *mend.RepairReport) {
	for _, id := range report.Blocks {
		fmt.Fprintln(out, "repaired", id)
	}
	for _, span := range report.Rebuilt {
		sentence(out, fmt.Sprintf("  made %s (UTC) anew, of %d blocks", span, report.From))
	}
	for _, d := range report.Inserted {
		sentence(out, fmt.Sprintf("  inserted into %s on %s: %s responses of partition %d", d.Table, d.Day,
			count(d.Responses), d.Partition))
	}
	for _, d := range report.Unknown {
		sentence(out, fmt.Sprintf("  left as it is: %s on %s, a day older than the table: %s responses of partition %d",
			d.Table, d.Day, count(d.Responses), d.Partition))
	}
	for _, d := range report.Present {
		sentence(out, fmt.Sprintf("  already in %s on %s: %s responses of partition %d", d.Table, d.Day,
			count(d.Responses), d.Partition))
	}
}

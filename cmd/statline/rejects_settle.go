package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"statline/ingest/mend"
	"statline/ingest/store"
)

// settleFlags select rejects to settle.
type settleFlags struct {
	*settings
	reason string
	at     string
}

func (f *settleFlags) bind(c *cobra.Command, path string) {
	f.settings = takeSettings(c, path)
	c.Flags().StringVar(&f.reason, "reason", "", "only this reason")
	c.Flags().StringVar(&f.at, "at", "", "only the reject at TOPIC/PARTITION@`OFFSET`, as list prints it")
}

func (f *settleFlags) filter() (store.RejectFilter, error) {
	filter := store.RejectFilter{}
	if f.at != "" {
		var err error
		if filter, err = parsePosition(f.at); err != nil {
			return filter, fmt.Errorf("--at: %w", err)
		}
	}
	filter.Reason, filter.Limit = f.reason, 1_000_000
	return filter, nil
}

// run opens the topics and calls do with the rejects of each, in order.
func (f *settleFlags) run(cmd *cobra.Command, do func(*mend.Rejects, store.RejectFilter) error) (err error) {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	t, err := open(cmd.Context(), f.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	topics, err := t.named(filter.Topic)
	if err != nil {
		return err
	}
	for _, of := range topics {
		r := mend.Rejects{Store: t.store, Log: of.client, Fold: of.folding, Block: t.block}
		r.Block.Topic = of.name
		if err := do(&r, filter); err != nil {
			return err
		}
	}
	return nil
}

// of begins a line about one of several topics.
func (f *settleFlags) of(r *mend.Rejects) string {
	if f.Kafka.Several() {
		return r.Block.Topic + ": "
	}
	return ""
}

func rejectsReplayCommand() *cobra.Command {
	var flags settleFlags
	c := &cobra.Command{
		Use:   "replay",
		Short: "Decode rejects again and store what is a response now",
		Long: `replay decodes the rejects again, after you fixed the configuration or upgraded
statline, and adds those that are responses now. Each enters the ledger as a replay
and is never counted twice, however often you repeat this. A record that was too large
(too_large) is read from Kafka again, if it is still there: raise kafka-record-limit
first.`,
		Example: `  statline rejects replay --brokers kafka:9092 --topic access --clickhouse http://127.0.0.1:8123 --reason syntax`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.run(cmd, func(r *mend.Rejects, filter store.RejectFilter) error {
				report, err := r.Replay(cmd.Context(), filter)
				fmt.Fprintf(cmd.OutOrStdout(), "%s%d rejects replayed, %d responses stored; %d are still rejects\n",
					flags.of(r), report.Replayed, report.Responses, report.Still)
				return err
			})
		},
	}
	flags.bind(c, "rejects replay")
	return c
}

func rejectsDiscardCommand() *cobra.Command {
	var (
		flags settleFlags
		why   string
	)
	c := &cobra.Command{
		Use:     "discard",
		Short:   "Mark rejects as no responses, so that nobody replays them",
		Example: `  statline rejects discard --brokers kafka:9092 --topic access --clickhouse http://127.0.0.1:8123 --at access/3@1041 --why "a health check"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.run(cmd, func(r *mend.Rejects, filter store.RejectFilter) error {
				n, err := r.Discard(cmd.Context(), filter, why)
				fmt.Fprintf(cmd.OutOrStdout(), "%s%d rejects discarded\n", flags.of(r), n)
				return err
			})
		},
	}
	flags.bind(c, "rejects discard")
	c.Flags().StringVar(&why, "why", "", "the reason, kept in the ledger")
	_ = c.MarkFlagRequired("why") // fails only for a flag that does not exist
	return c
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"statline/classify"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/mend"
	"statline/ingest/schema"
	"statline/ingest/store"
)

func forgetCommand() *cobra.Command {
	var (
		st          *settings
		key, client string
		yes         bool
	)
	c := &cobra.Command{
		Use:   "forget",
		Short: "Erase one key or one client address from everything that is stored",
		Long: `forget lists what is stored of one API key (--key, its id in full as statline
key-id prints it) or of one client address (--client). With --yes it erases it: its
counts move to __other__, so that every total and the audit stay the same; its
examples, names, labels and incidents are deleted, and texts of others that name it
say [forgotten]. Partitions that name it are rewritten on disk; the command ends when
the old files are gone.

Stop every daemon that writes to the database first. It is safe to repeat, also after
an interruption.

The ledger records that somebody was forgotten. On a server the record has a mark,
made with the HMAC secret, by which repair and replay skip the key or address when
they read Kafka again; nobody can tell from the mark whom it is about without the
secret. A key that is used again is counted again. forget does not reach Kafka,
backups, what was sent to a webhook, the file of --key-labels, or the tables of a
ClickHouse cluster, which it refuses.`,
		Example: `  statline forget --clickhouse http://127.0.0.1:8123 --key 4xkd3jvnwhnlyxmi6wmdq2ytda
  statline forget --data ./store --client 203.0.113.7 --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			who, err := person(key, client)
			if err != nil {
				return err
			}
			s, err := openAsked(cmd.Context(), st.Config)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			if !yes {
				traces, err := s.Traces(cmd.Context(), who)
				if err == nil {
					printTraces(cmd.OutOrStdout(), traces, who)
				}
				return err
			}
			return forget(cmd.Context(), cmd.OutOrStdout(), st.Config, s.Store, who)
		},
	}
	st = takeSettings(c, "forget")
	f := c.Flags()
	f.StringVar(&key, "key", "", "the `id` of a key, all 26 characters")
	f.StringVar(&client, "client", "", "the `address` of a client")
	f.BoolVar(&yes, "yes", false, "erase; without it, forget only lists what it would erase")
	return c
}

func person(key, client string) (who store.Person, err error) {
	switch {
	case (key == "") == (client == ""):
		return who, usage("forget needs one of them: --key ID or --client ADDRESS")
	case client != "":
		if who.Client, err = store.ParseClient(client); err != nil {
			return who, usage("--client: %w", err)
		}
		return who, nil
	}
	id, ok := classify.ParseKeyID(key)
	if !ok {
		return who, usage("--key: got %q; want a key's id, all 26 characters, as statline key-id prints it", key)
	}
	who.Key = id
	return who, nil
}

func forget(ctx context.Context, out io.Writer, c *config.Config, s *store.Store, who store.Person) error {
	f := mend.Forget{Store: s, Instance: instanceName(), Version: version}
	var err error
	if f.TTL, err = schema.StoredTTL(ctx, s.Conn(), s.Database()); err != nil {
		return err
	}
	if c.Local.Data == "" {
		var path string
		switch f.Secret, path, err = c.FindHMAC(); {
		case err != nil:
			return err
		case f.Secret == nil:
			return fmt.Errorf("there is no HMAC secret: no file %s; forget needs the daemons' to mark whom, so that repair brings nobody back", path)
		}
		if err := schema.CheckSecret(ctx, s.Conn(), s.Database(), decode.SecretID(f.Secret)); err != nil {
			return err
		}
	}
	began := time.Now()
	report, err := f.Run(ctx, who, func(t store.Trace) {
		fmt.Fprintf(out, "wrote partition %s of %s anew\n", t.Partition, t.Table)
	})
	if err != nil {
		return err
	}
	if len(report.Traces) == 0 {
		fmt.Fprintln(out, "nothing stored named it; the ledger notes that it was forgotten")
	} else {
		sentence(out,
			fmt.Sprintf("Forgotten in %.1f s. %s responses count for __other__ now; the audit finds what it found before.",
				time.Since(began).Seconds(), count(mend.Moved(report.Traces, who))))
	}
	for _, column := range report.Left {
		sentence(out, fmt.Sprintf("Still in %s, which was given by an operator.", column))
	}
	return nil
}

// printTraces prints what is stored about a person.
func printTraces(out io.Writer, traces []store.Trace, who store.Person) {
	if len(traces) == 0 {
		fmt.Fprintln(out, "nothing stored names it")
		return
	}
	rows := [][]string{{"table", "partition", "rows", "responses", "bytes to write anew"}}
	var bytes uint64
	for _, t := range traces {
		responses := "-"
		if t.Requests > 0 {
			responses = count(t.Requests)
		}
		rows = append(rows, []string{string(t.Table), t.Partition, count(t.Rows), responses, humanize.IBytes(t.Bytes)})
		bytes += t.Bytes
	}
	table(out, "", "llrrr", rows)
	sentence(out,
		fmt.Sprintf("%s responses would count for __other__, and %s would be written anew. Nothing was changed: --yes does it.",
			count(mend.Moved(traces, who)), humanize.IBytes(bytes)))
}

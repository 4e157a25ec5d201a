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
	"statline/dashboards/receipt"
	"statline/dashboards/report"
	"statline/ingest/config"
	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/store"
)

func receiptCommand() *cobra.Command {
	var (
		st          *settings
		ask         asking
		out         *answers
		write, sign string
	)
	c := &cobra.Command{
		Use:   "receipt --key ID|NAME --from TIME --to TIME",
		Short: "Prove what became of one customer's requests, for a dispute or a credit",
		Long: `receipt counts what became of one key's requests from --from until before --to
(UTC): failures by reason and code, availability by day, the incidents that touched
it, and the offsets of the log that the figures come from. It names no other customer.
It prints a page in Markdown; --output json the whole as one object; ndjson, csv and md
one of its lists, which --by chooses.

It audits the span first, and refuses with the reason when any of it differs, has
expired, or is not stored yet. With --brokers it also compares what the consumer group
has committed. Spans of whole hours are read from hour rows, which are kept longer.
Two receipts of the same span are equal to the byte.

--write NAME writes NAME.md and NAME.json, --sign KEYFILE a signature beside each
(NAME.md.sig, NAME.json.sig), which ssh-keygen -Y verify checks, and receipt verify.
The exit status is 3 when there is no receipt because the span is not whole.`,
		Example: `  statline receipt --data ./store --key "ACME, Inc." --from 2026-11-01 --to 2026-12-01
  statline receipt --clickhouse http://127.0.0.1:8123 --key k7f3q2mzpa --from 2026-11-01 --to 2026-12-01 --write acme --sign receipts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sign != "" && write == "" {
				return usage("--sign: got no --write; a signature stands in a file beside the receipt: add --write acme")
			}
			if ask.filter.Key == "" || !ask.from.given() && !ask.since.given() || !ask.to.given() {
				// what is stored last is never whole
				return usage("got no complete span; want --key, --from and --to, such as --key k7f3q2mzpa --from 2026-11-01 --to 2026-12-01")
			}
			for _, m := range []moment{ask.since, ask.from, ask.to} {
				if !m.at.Equal(m.at.Truncate(time.Minute)) {
					return usage("got %s; want a whole minute: counts are stored by the minute", m.text)
				}
			}
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			if !stored {
				return errors.New("receipt: nothing is stored yet")
			}
			r, err := makeReceipt(cmd.Context(), s, st.Config, ask.filter.Key, w)
			if err != nil {
				return refusing(err)
			}
			if write != "" {
				text, err := r.JSON()
				if err != nil {
					return err
				}
				return writeReceipt(cmd, write, sign, map[string][]byte{".json": text, ".md": r.Markdown()})
			}
			return out.print(cmd, func(to io.Writer) { to.Write(r.Markdown()) }, r, receiptRows(r)...)
		},
	}
	st = takeSettings(c, "receipt")
	f := c.Flags()
	ask.takeTime(c, "")
	ask.takeFilters(c, byKey)
	f.StringVar(&write, "write", "", "write `NAME`.md and NAME.json instead of printing")
	f.StringVar(&sign, "sign", "", "sign both with this Ed25519 private key `file` of OpenSSH")
	out = takeOutput(c, receiptShape(), answer.JSON)
	c.AddCommand(receiptVerifyCommand())
	return c
}

// receiptShape is the shape of a receipt for --output.
func receiptShape() answer.Shape {
	return answer.Of[receipt.Receipt](answer.RowsOf[receipt.DayCount]("day"),
		answer.RowsOf[receipt.ServiceCount](byService),
		answer.RowsOf[receipt.CodeCount](byCode), answer.RowsOf[receipt.GroupCount]("group"),
		answer.RowsOf[receipt.CustomerIncident]("incident"), answer.RowsOf[receipt.Range]("range"))
}

// receiptRows are the rows of receiptShape, in its order.
func receiptRows(r *receipt.Receipt) []any {
	return []any{r.Days, r.Services, r.Codes, r.Groups, r.Incidents, r.Proof.Ledger}
}

// makeReceipt proves the time range and reads it; key is a whole id.
func makeReceipt(ctx context.Context, s *asked, c *config.Config, key string, w report.TimeRange) (*receipt.Receipt,
	error) {
	if err := receipt.CheckSpan(w.From, w.To); err != nil {
		return nil, err
	}
	proof, err := proveSpan(ctx, s, c, w.From, w.To)
	if err != nil {
		return nil, err
	}
	name, err := report.NameOf(ctx, s, key)
	if err != nil {
		return nil, err
	}
	return receipt.Read(ctx, s, key, name, w.From, w.To, proof)
}

// refusing gives a refused receipt the exit status for data that is not as it should
// be.
func refusing(err error) error {
	var refused *receipt.Refused
	if errors.As(err, &refused) {
		return dataSaysNo("%w", err)
	}
	return err
}

// proveSpan audits everything that a receipt's figures are read from.
func proveSpan(ctx context.Context, s *asked, c *config.Config, from, to time.Time) (proof receipt.Proof, err error) {
	ttl, err := schema.StoredTTL(ctx, s.Conn(), s.Database())
	if err != nil {
		return proof, err
	}
	rows, bounds := schema.Keys, fold.DefaultConfig()
	if receipt.Hours(from, to) {
		rows = schema.KeysHour
	}
	audit, err := s.AuditSpan(ctx, store.SpanOptions{AuditOptions: store.AuditOptions{TTL: ttl, Now: time.Now()},
		From: from, To: to,
		Tables: []schema.Table{rows}, MaxAge: bounds.MaxAge, MaxAhead: bounds.MaxAhead})
	if err != nil {
		return proof, err
	}
	if len(c.Kafka.Brokers) > 0 {
		g, err := readGroup(ctx, c, s.Store)
		if err != nil {
			return proof, err
		}
		audit.Missing = append(audit.Missing, g.before(to)...)
	}
	if len(audit.Missing) > 0 {
		return proof, &receipt.Refused{Missing: audit.Missing}
	}
	proof = receipt.Proof{Verdict: receipt.Clean, Unreadable: audit.Rejected, Ledger: []receipt.Range{}}
	for _, r := range audit.Ranges {
		proof.Ledger = append(proof.Ledger, receipt.Range{Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch,
			Partition: r.Partition,
			First:     r.First, End: r.End, Kind: string(r.Kind), ConfigHash: r.ConfigHash})
	}
	return proof, nil
}

// before lists records that a group has not stored and that may be older than a time:
// missing ones, and a lag that begins before it.
func (g *group) before(t time.Time) (missing []string) {
	for _, m := range g.tails() {
		missing = append(missing, m.String())
	}
	for _, at := range g.sorted() {
		state := g.partitions[at]
		oldest := time.Now().Add(-time.Duration(state.LagSeconds * float64(time.Second)))
		if state.LagHighWatermark > 0 && (state.LagSeconds == 0 || oldest.Before(t)) {
			missing = append(missing, fmt.Sprintf("%s: %d records are not stored yet", g.name(at),
				state.LagHighWatermark))
		}
	}
	return missing
}

// writeReceipt writes a receipt's files, and a signature for each.
func writeReceipt(cmd *cobra.Command, name, sign string, files map[string][]byte) error {
	endings := []string{".json", ".md"}
	if sign != "" {
		b, err := os.ReadFile(sign)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		signer, err := receipt.Signer(sign, b)
		if err != nil {
			return err
		}
		for _, ending := range endings {
			if files[ending+".sig"], err = receipt.Sign(signer, files[ending]); err != nil {
				return err
			}
		}
		endings = []string{".json", ".json.sig", ".md", ".md.sig"}
	}
	for _, ending := range endings {
		if err := os.WriteFile(name+ending, files[ending], 0o644); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), name+ending)
	}
	return nil
}

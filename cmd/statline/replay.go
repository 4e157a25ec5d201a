package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/classify/detect"
	"statline/dashboards/report"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/mend"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/watch"
)

func replayCommand() *cobra.Command {
	var (
		st   *settings
		into string
		ask  asking
	)
	c := &cobra.Command{
		Use:   "replay",
		Short: "Recompute a span with the current settings in another database, and show what differs",
		Long: `replay reads the blocks of a span (--from, --to) from Kafka again, decodes and
classifies them with the current settings (routes, catalogue, mapping, detectors) and
stores them in another database (--into), exactly once as the daemon does. It only
reads the first database. Then it prints which counts and incidents differ, and audits
both.

Blocks are replayed whole, so the other database also has what they hold of the time
before and after the span; only the span is compared. The detectors judge both sides
again, as if nothing were stored before the span: begin --from some days earlier to let
them learn what is usual. The incidents are stored in the other database, where the
console and the dashboards show them. Rejected lines are decoded with their blocks;
forgotten keys and addresses stay forgotten.

Kafka must still have the records. ClickHouse's user needs the rights to create the
other database and to write to it. If you repeat it, it continues where it stopped; for
other settings take another database, or drop this one. The exit status is 3 when an
audit finds differences.`,
		Example: `  statline replay --brokers kafka:9092 --topic access --clickhouse http://127.0.0.1:8123 --config new-routes.yaml --from 1d`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := ask.check(cmd); err != nil {
				return err
			}
			catalogue, err := st.Lines.Catalogue()
			if err != nil {
				return err
			}
			limits, err := readLimits(st.Keys.Limits)
			if err != nil {
				return err
			}
			t, err := open(cmd.Context(), st.Config)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, t.close()) }()
			w, stored, err := ask.resolve(cmd.Context(), t.store)
			if err != nil {
				return err
			}
			if !stored {
				fmt.Fprintln(cmd.OutOrStdout(), nothingStored)
				return nil
			}
			if ask.all.To.Before(w.To) {
				w.To = ask.all.To
			}
			r := &replaying{topics: t, window: w, catalogue: catalogue, limits: limits, detectors: &st.Detect.Detectors,
				out: cmd.OutOrStdout()}
			if r.into, err = openBeside(cmd.Context(), st.ClickHouse.Store(), t,
				cmp.Or(into, t.store.Database()+"_replay")); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, r.into.Close()) }()
			return r.run(cmd.Context())
		},
	}
	st = takeSettings(c, "replay")
	c.Flags().StringVar(&into, "into", "",
		"the `database` to write to, created if needed (default: the first database's name and _replay)")
	ask.takeTime(c, "")
	return c
}

// openBeside opens another database of the same server. Nothing expires in it, because
// the time range may be older than what is kept.
func openBeside(ctx context.Context, server store.Config, t *openTopics, database string) (*store.Store, error) {
	if database == t.store.Database() {
		return nil, usage("--into: got %s, which is the database that is read; want another one", database)
	}
	address, err := url.Parse(server.URL)
	if err == nil && address.Host != "" { // Open reports what is wrong with others
		address.Path = ""
		values := address.Query()
		values.Del("database")
		address.RawQuery = values.Encode()
		server.URL = address.String()
	}
	server.Database = database
	s, err := ingest.OpenStore(ctx, ingest.Opening{Store: server,
		SecretID: decode.SecretID(t.all[0].folding.Decode.Secret), Tables: &schema.Options{}})
	if err != nil {
		return nil, fmt.Errorf("--into %s: %w", database, err)
	}
	return s, nil
}

// replaying is a running replay.
type replaying struct {
	topics    *openTopics
	into      *store.Store
	window    report.TimeRange
	catalogue *classify.Catalogue
	limits    *limitsFile
	detectors *detect.Config
	out       io.Writer
}

func (r *replaying) run(ctx context.Context) error {
	t := r.topics
	others, err := t.others(ctx)
	if err != nil {
		return err
	}
	again := mend.Again{From: t.store, Into: r.into,
		Repair: mend.Repair{Log: t.all[0].client, Fold: t.all[0].folding, Others: others, Block: t.block},
		Done: func(id block.ID, responses uint64) {
			fmt.Fprintf(r.out, "stored %s: %s responses\n", id, count(responses))
		}}
	began := time.Now()
	done, err := again.Run(ctx, r.window.From, r.window.To)
	if err != nil {
		return fmt.Errorf("replay into %s: %w", r.into.Database(), err)
	}
	sentence(r.out,
		fmt.Sprintf("Replayed %s to %s UTC into %s: %s blocks, %s responses and %s rejects of %s records in %.1f s.",
			stamp(r.window.From), stamp(r.window.To), r.into.Database(), count(uint64(done.Blocks)),
			count(done.Responses),
			count(done.Rejects),
			count(done.Records), time.Since(began).Seconds()))
	if done.Present > 0 {
		sentence(r.out, fmt.Sprintf("%s blocks were there already.", count(uint64(done.Present))))
	}
	if err := r.counts(ctx); err != nil {
		return err
	}
	if err := r.incidents(ctx); err != nil {
		return err
	}
	return r.audits(ctx)
}

// counts prints which numbers of responses differ.
func (r *replaying) counts(ctx context.Context) error {
	now, err := report.CountResponses(ctx, r.into, r.window)
	if err != nil {
		return err
	}
	before, err := report.CountResponses(ctx, r.topics.store, r.window)
	if err != nil {
		return err
	}
	now.Beside(before)
	rows := [][]string{{"", "", "before", "replayed", "difference"}}
	for _, by := range []string{byOutcome, byService, byRoute, byCode, "error"} {
		for _, t := range now[by] {
			if t.N != *t.Before {
				rows = append(rows, []string{by, cmp.Or(printable(t.Name), "(none)"), count(*t.Before), count(t.N),
					fmt.Sprintf("%+d", int64(t.N)-int64(*t.Before))})
			}
		}
	}
	if len(rows) == 1 {
		fmt.Fprintln(r.out, "\nno count differs by outcome, service, route, code or error")
		return nil
	}
	newStyle(r.out).heading(r.out, "Responses")
	table(r.out, "  ", "llrrr", rows)
	return nil
}

// incidents decides about both databases again, stores the replay's incidents in its
// database, and prints which differ.
func (r *replaying) incidents(ctx context.Context) error {
	last := r.window.To.Add(-time.Minute) // the databases may hold different parts of the minute after it
	before, err := watch.NewSQL(r.topics.store, r.catalogue).Limited(r.limits.inForce).Alone(r.window.From).
		Stored(ctx, r.detectors, r.window.From, last)
	if err != nil {
		return err
	}
	sql := watch.NewSQL(r.into, r.catalogue).Limited(r.limits.inForce).Alone(r.window.From)
	now, err := sql.Stored(ctx, r.detectors, r.window.From, last)
	if err == nil {
		err = sql.Keep(ctx, now)
	}
	if err != nil {
		return err
	}
	gone, fresh, changed := differing(before, now)
	lists := []struct {
		title string
		list  []detect.Incident
	}{{"Incidents that are gone", gone}, {"Incidents that are new", fresh}, {"Incidents that changed", changed}}
	if len(gone)+len(fresh)+len(changed) == 0 {
		fmt.Fprintf(r.out, "\nno incident differs, of %d\n", len(now))
	}
	for _, l := range lists {
		printIncidents(r.out, newStyle(r.out), l.title, report.FromIncidents(l.list), true, false)
	}
	return nil
}

// differing returns the incidents of one side only, and the later version of those
// whose state, time or numbers differ. Their texts are not compared: the number of
// different keys that an address tried is only known as "at least", from sets of
// bounded size.
func differing(before, now []detect.Incident) (gone, fresh, changed []detect.Incident) {
	find := func(list []detect.Incident, id string) int {
		return slices.IndexFunc(list, func(i detect.Incident) bool { return i.ID == id })
	}
	for _, b := range before {
		if find(now, b.ID) < 0 {
			gone = append(gone, b)
		}
	}
	for _, n := range now {
		switch at := find(before, n.ID); {
		case at < 0:
			fresh = append(fresh, n)
		case before[at].State != n.State || before[at].Severity != n.Severity || before[at].OpenedAt != n.OpenedAt ||
			before[at].ClosedAt != n.ClosedAt || before[at].Requests != n.Requests || before[at].Affected != n.Affected:
			changed = append(changed, n)
		}
	}
	return gone, fresh, changed
}

// audits audits both databases.
func (r *replaying) audits(ctx context.Context) error {
	fmt.Fprintln(r.out)
	differences := 0
	for _, s := range []*store.Store{r.topics.store, r.into} {
		ttl, err := schema.StoredTTL(ctx, s.Conn(), s.Database())
		if err != nil {
			return err
		}
		found, err := s.Audit(ctx, store.AuditOptions{TTL: ttl, Now: time.Now()})
		if err != nil {
			return err
		}
		if found.OK() {
			fmt.Fprintf(r.out, "audit of %s: every record of the ledger is counted exactly once\n", s.Database())
		}
		for _, d := range found.Differences {
			fmt.Fprintf(r.out, "audit of %s: %s\n", s.Database(), d)
		}
		differences += len(found.Differences)
	}
	if differences > 0 {
		return exitCode(exitDataSaysNo)
	}
	return nil
}

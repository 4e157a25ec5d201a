package mend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"statline/classify/aggregate"
	"statline/ingest"
	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// statuses is a table that nothing outside of this test knows: its description
// and its migration are all that there is of it.
type statusRow struct {
	minute   uint32
	status   uint16
	requests uint64
}

func statuses() aggregate.Rollup {
	return aggregate.Describe(aggregate.Description[statusRow]{
		Name: "statuses", Level: aggregate.Minute, Sum: aggregate.Responded, Shard: []string{"http_status"},
		Rows: func(b *aggregate.Rows) aggregate.List[statusRow] {
			var rows []statusRow
			for _, r := range b.Responses {
				rows = append(rows, statusRow{r.Minute, r.HTTPStatus, r.Requests})
			}
			return aggregate.ListOf(rows)
		},
		Minute:   func(r *statusRow) uint32 { return r.minute },
		Requests: func(r *statusRow) uint64 { return r.requests },
		Dimensions: []aggregate.ColumnOf[statusRow]{aggregate.Dimension("http_status",
			func(r *statusRow) uint16 { return r.status })},
	})
}

const statusesTable = "CREATE TABLE %s (minute DateTime('UTC'), http_status UInt16, requests SimpleAggregateFunction(sum, UInt64))" +
	" ENGINE = AggregatingMergeTree PARTITION BY toDate(minute) ORDER BY (http_status, minute) SETTINGS non_replicated_deduplication_window = 100000"

// rigOfTwo has a store with one more table, two blocks in it that have no hour
// in common, and what the second block's rows are found by.
func rigOfTwo(t *testing.T, name string) (r *ingesttest.Rig, second string) {
	t.Helper()
	r = ingesttest.New(t, name)
	r.Store = storetest.On(t, name, func(c *store.Config) { c.Rollups = append(aggregate.Rollups(), statuses()) })
	r.Into = r.Store
	storetest.Exec(t, r.Store, fmt.Sprintf(statusesTable, r.Store.Table("statuses")))
	yesterday := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	for i, hour := range []time.Duration{9, 15} {
		g, err := traffic.New(traffic.Config{Seed: uint64(30 + i), Scenario: traffic.Mixed, Count: 500,
			Start: yesterday.Add(hour * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if err := traffic.Produce(t.Context(), r.Brokers(), r.Topic, g,
			traffic.ProduceOptions{Partitions: 1}); err != nil {
			t.Fatal(err)
		}
		if err := r.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.Audit()
	return r, fmt.Sprintf("minute >= toDateTime(%d)", yesterday.Add(15*time.Hour).Unix())
}

func deleteRows(t *testing.T, r *ingesttest.Rig, table schema.Table, where string) {
	t.Helper()
	storetest.Exec(t, r.Store, "DELETE FROM "+r.Store.Table(table)+" WHERE "+where+" SETTINGS mutations_sync = 2")
}

// Promise: whichever table of counts loses a block's rows, the audit names the
// table and the day, repair puts them back, and the audit is clean.
func TestEveryRollupIsRepaired(t *testing.T) {
	r, second := rigOfTwo(t, "every_rollup")
	repair := repairOf(t, r)
	for _, rollup := range r.Store.Rollups() {
		table := schema.Table(rollup.Name)
		deleteRows(t, r, table, second)
		found := r.Differences()
		if len(found) != 1 || found[0].Kind != store.Sum || found[0].Table != table || found[0].Day == "" ||
			found[0].Got >= found[0].Expected {
			t.Errorf("%s: the audit finds %v; want one day that lacks responses", table, found)
			continue
		}
		report, err := repair.Lost(t.Context())
		if err != nil {
			t.Errorf("%s: %v", table, err)
			continue
		}
		if len(report.Inserted) != 1 || report.Inserted[0].Table != table || report.Inserted[0].Day != found[0].Day {
			t.Errorf("%s: inserted %+v; want this table's day", table, report.Inserted)
		}
		r.Audit()
	}
}

// Promise: a day of a table that cannot be mended is refused with its numbers,
// and keeps no other table from being mended.
func TestRefusedDayBlocksNothing(t *testing.T) {
	r, second := rigOfTwo(t, "refused_day")
	repair := repairOf(t, r)
	// Of services some of the block's rows have gone; keys has a row too many.
	deleteRows(t, r, schema.Services, second+" AND outcome = 'success'")
	keys := r.Store.Table(schema.Keys)
	storetest.Exec(t, r.Store,
		"INSERT INTO "+keys+" (minute, key_id, requests) SELECT minute, 'planted', 3 FROM "+keys+" LIMIT 1")
	for _, table := range []schema.Table{schema.Responses, schema.ServicesHour, schema.Clients} {
		deleteRows(t, r, table, second)
	}
	report, err := repair.Lost(t.Context())
	if err == nil || report == nil || len(report.Inserted) != 3 {
		t.Fatalf("got %+v, %v; want three tables mended and two refused", report, err)
	}
	for _, says := range []string{"services on ", "0 choices are exactly that", "keys on ",
		"holds 3 responses too many"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("got %v; want it to say %q", err, says)
		}
	}
	left := r.Differences()
	if len(left) != 2 || left[0].Table != schema.Services || left[1].Table != schema.Keys {
		t.Errorf("afterwards the audit finds %v; want services and keys only", left)
	}
	// Nothing but what is refused is left.
	report, err = repair.Lost(t.Context())
	if err == nil || errors.Is(err, ErrNothingToRepair) || len(report.Inserted) > 0 {
		t.Errorf("again: got %+v, %v; want the same refusal", report, err)
	}
}

// Promise: what a table holds of a day that it has not whole cannot be told: a
// partial block of that day is finished in the other tables, and the report says
// which one was left as it is.
func TestRepairOfDayOlderThanTable(t *testing.T) {
	r := ingesttest.New(t, "older_than_table")
	storetest.Exec(t, r.Store,
		"INSERT INTO "+r.Store.Table(schema.Meta)+" (key, value, version) VALUES ('services_hour_since', '"+
			fmt.Sprint(time.Now().AddDate(0, 0, 2).Unix())+"', 1)")
	r.Produce(33, 3000)
	ctx, die := context.WithCancel(t.Context())
	r.Into = &halfStore{Store: r.Store, die: die}
	_ = r.Run(ctx, func(c *ingest.Config) { c.Block.StopTimeout = time.Nanosecond }) // dies
	repair := repairOf(t, r)
	repair.Block.Tokens.Age = -1
	report, err := repair.Run(t.Context(), []int32{0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Inserted) == 0 || len(report.Unknown) == 0 {
		t.Errorf("inserted %+v, unknown %+v; want some of each", report.Inserted, report.Unknown)
	}
	for _, d := range report.Unknown {
		if d.Table != schema.ServicesHour {
			t.Errorf("%+v is unknown; want services_hour only", d)
		}
	}
	r.Audit()
}

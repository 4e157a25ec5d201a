package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

func audited(t *testing.T, s *Store, o AuditOptions) *AuditReport {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Unix(int64(minuteOf(3, 0)), 0)
	}
	r, err := s.Audit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// healthy stores three blocks of partition 3 over two days each.
func healthy(t *testing.T) *Store {
	t.Helper()
	s := open(t)
	for first := int64(100); first < 400; first += 100 {
		id, c := blockOf(first, first+100, 2, 10)
		write(t, s, id, c)
	}
	return s
}

func TestAuditEmpty(t *testing.T) {
	if r := audited(t, open(t), AuditOptions{}); !r.OK() || len(r.Partitions) != 0 {
		t.Errorf("got %+v; want nothing", r)
	}
}

func TestAuditHealthy(t *testing.T) {
	r := audited(t, healthy(t), AuditOptions{})
	if !r.OK() || r.Pending != 0 {
		t.Fatalf("got %v", r.Differences)
	}
	last := time.UnixMilli(int64(minuteOf(1, 5)) * 1000).UTC()
	want := []PartitionAudit{{Cluster: "c", Topic: "access", Epoch: 1, Partition: 3, First: 100, End: 400, Blocks: 3,
		Records: 300, Responses: 60, Rejected: 3,
		LastRecord: last, LastEvent: time.UnixMilli(int64(minuteOf(1, 61)) * 1000).UTC()}}
	if diff := cmp.Diff(want, r.Partitions); diff != "" {
		t.Error(diff)
	}
	if len(r.Days) != 18 {
		t.Errorf("got %d days; want two for each of nine tables: %v", len(r.Days), r.Days)
	}
	for _, d := range r.Days {
		if d.Got == 0 || d.Got != d.Expected {
			t.Errorf("got %+v", d)
		}
	}
}

// The blocks of a file cover bytes, in any order: what is not read yet is no
// hole, and what is declared is unfinished wherever it lies.
func TestAuditOfFiles(t *testing.T) {
	s := open(t)
	for _, first := range []int64{5000, 0} {
		id, c := blockOf(first, first+2000, 2, 10)
		id.Cluster = block.FileCluster
		c.Records = 3
		write(t, s, id, c)
	}
	if r := audited(t, s, AuditOptions{}); !r.OK() || r.Pending != 0 {
		t.Errorf("got %d pending, %v", r.Pending, r.Differences)
	}
	half, c := blockOf(2000, 5000, 2, 10)
	half.Cluster = block.FileCluster
	alive := func() error { return nil }
	if err := s.WriteLedger(t.Context(), block.LedgerRow{ID: half, Kind: block.KindBlock, State: block.Declared},
		alive); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteRows(t.Context(), half, c, alive); err != nil {
		t.Fatal(err)
	}
	if r := audited(t, s, AuditOptions{}); !r.OK() || r.Pending != 1 {
		t.Errorf("with an unfinished block: got %d pending, %v", r.Pending, r.Differences)
	}
}

// Days that services_hour does not know whole are not compared; later ones are.
func TestAuditServicesHourBegins(t *testing.T) {
	s := healthy(t)
	day1 := int64(day0+1) * daySeconds
	for _, text := range []string{
		"INSERT INTO " + s.Table(schema.Meta) + " (key, value, version) VALUES ('services_hour_since', '" +
			fmt.Sprint(day1) + "', 1)",
		"DELETE FROM " + s.Table(schema.ServicesHour) + " WHERE minute < toDateTime(" + fmt.Sprint(day1) + ")",
	} {
		if err := s.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if r := audited(t, s, AuditOptions{}); !r.OK() || len(r.Days) != 18 || unjudged(r) != 1 {
		t.Errorf("got %d days, %d not judged, %v; want 18, one and no difference", len(r.Days), unjudged(r),
			r.Differences)
	}
	if err := s.Exec(t.Context(), "DELETE FROM "+s.Table(schema.ServicesHour)+" WHERE 1"); err != nil {
		t.Fatal(err)
	}
	if r := audited(t, s, AuditOptions{}); len(r.Differences) != 1 {
		t.Errorf("got %v; want the second day of services_hour", r.Differences)
	}
}

func unjudged(r *AuditReport) (n int) {
	for _, d := range r.Days {
		if !d.Judged() {
			n++
		}
	}
	return n
}

// Each planted fault is found, and nothing but it.
// Long because it is one table.
func TestAuditFindsFaults(t *testing.T) {
	remove := func(table schema.Table, where string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			err := s.Exec(t.Context(), "DELETE FROM "+s.Table(table)+" WHERE "+where)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	rowsAgain := func(t *testing.T, s *Store) {
		dropTokens(s)
		id, c := blockOf(100, 200, 2, 10)
		c.Rejects = nil
		row := c.Rows.Keys.At(0)
		row.Bytes++
		c.Rows = aggregate.Rows{Keys: aggregate.ListOf([]aggregate.KeyRow{row}), Samples: c.Rows.Samples}
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
	}
	dayUnknown := func(t *testing.T, s *Store) {
		id, c := blockOf(1, 2, 3, 10)
		c.Rows = aggregate.Rows{Services: c.Rows.Services[2:]}
		c.Rejects = nil
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
	}
	ledgerRow := func(partition int32, first, end int64, change func(*block.LedgerRow)) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			row := block.LedgerRow{ID: block.ID{Cluster: "c", Topic: "access", Epoch: 1, Partition: partition,
				First: first, End: end},
				Kind: block.KindBlock, State: block.Stored, Records: uint64(end - first), Note: "planted"}
			if change != nil {
				change(&row)
			}
			writeLedger(t, s, row)
		}
	}
	day := func(d int) string { return time.Unix(int64(day0+d)*daySeconds, 0).UTC().Format(time.DateOnly) }
	everySum := func(got, want int /* blocks */) (all []string) {
		for d := range 2 {
			for _, r := range aggregate.Rollups() {
				block := r.Sum.Of(aggregate.DayCount{Responses: 10, Keyed: 9, Addressed: 8, Agented: 7})
				all = append(all, fmt.Sprintf("%s on %s: got %d responses; want %d", r.Name, day(d), uint64(got)*block,
					uint64(want)*block))
			}
		}
		return all
	}
	for _, test := range []struct {
		name  string
		plant []func(*testing.T, *Store)
		want  []string
	}{
		{"a deleted ledger row", []func(*testing.T, *Store){remove(schema.Ledger, "first = 200")},
			append(everySum(3, 2), "access/3 epoch 1 [200,300): no block or gap covers these offsets",
				"access/3 epoch 1: got 3 rejects; want 2")},
		{"rows", []func(*testing.T, *Store){
			rowsAgain,
			dayUnknown,
			remove(schema.ResponsesHour, "toDate(minute) = '"+day(1)+"'"),
			remove(schema.ServicesHour, "toDate(minute) = '"+day(1)+"'"),
			remove(schema.Clients, "toDate(minute) = '"+day(0)+"'"),
			remove(schema.Rejects, "offset = 200"),
		}, []string{
			"keys on " + day(0) + ": got 36 responses; want 27",
			"services on " + day(2) + ": got 10 responses; want 0",
			"responses_hour on " + day(1) + ": got 0 responses; want 30",
			"services_hour on " + day(1) + ": got 0 responses; want 30",
			"clients on " + day(0) + ": got 0 responses; want 24",
			"access/3 epoch 1: got 2 rejects; want 3",
		}},
		{"ledger rows", []func(*testing.T, *Store){
			// an overlap
			ledgerRow(4, 300, 400, nil), ledgerRow(4, 350, 450, nil),
			// one inside another
			ledgerRow(5, 100, 200, nil), ledgerRow(5, 110, 120, nil),
			// a hole
			ledgerRow(6, 300, 400, nil), ledgerRow(6, 410, 420, nil),
			// lost records
			ledgerRow(7, 400, 410, func(r *block.LedgerRow) { r.Records, r.Holes = 7, 2 }),
			// days that do not add up
			ledgerRow(8, 400, 410, func(r *block.LedgerRow) { r.Responses = 4 }),
			// a gap is no fault
			ledgerRow(9, 300, 400, nil), ledgerRow(9, 400, 500,
				func(r *block.LedgerRow) { r.Kind, r.Records = block.KindGap, 0 }),
			// nor is another life of the topic
			ledgerRow(10, 300, 400, nil), ledgerRow(10, 0, 10, func(r *block.LedgerRow) { r.Epoch = 2 }),
		}, []string{
			"access/4 epoch 1 [350,400): two blocks cover these offsets",
			"access/5 epoch 1 [110,120): two blocks cover these offsets",
			"access/6 epoch 1 [400,410): no block or gap covers these offsets",
			"access/7 epoch 1 [400,410): got 9 records and holes; want 10",
			"access/8 epoch 1 [400,410): the days hold 0 responses; want 4",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := healthy(t)
			for _, plant := range test.plant {
				plant(t, s)
			}
			got := map[string]bool{}
			for _, d := range audited(t, s, AuditOptions{}).Differences {
				got[d.String()] = true
			}
			want := map[string]bool{}
			for _, w := range test.want {
				want[w] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A doubled block: ledger row and rows under another identity.
func TestAuditFindsDoubledBlock(t *testing.T) {
	s := healthy(t)
	dropTokens(s)
	id, c := blockOf(100, 200, 2, 10)
	c.Rows.Responses[0].Bytes++ // the engine knows equal bytes again without a token
	write(t, s, id, c)
	var found []string
	for _, d := range audited(t, s, AuditOptions{}).Differences {
		found = append(found, d.String())
	}
	if all := strings.Join(found, "\n"); !strings.Contains(all, "[100,200): two blocks cover these offsets") {
		t.Errorf("got %s", all)
	}
}

// A block that is being written is no difference; rows that are missing are
// one even then.
func TestAuditBesideWriter(t *testing.T) {
	s := healthy(t)
	id, c := blockOf(400, 500, 2, 10)
	writeLedger(t, s, declared(id, c))
	c.Rows.Clients, c.Rejects = aggregate.List[aggregate.ClientRow]{}, nil
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	r := audited(t, s, AuditOptions{})
	if !r.OK() || r.Pending != 1 {
		t.Errorf("got pending %d, %v", r.Pending, r.Differences)
	}
	unsettled := 0
	for _, d := range r.Days {
		if d.Unsettled {
			unsettled++
		}
	}
	if unsettled != 16 {
		t.Errorf("got %d unsettled days; want 16", unsettled)
	}
	writeLedger(t, s, stored(id, c))
	r = audited(t, s, AuditOptions{TTL: schema.TTL{SampleDays: 7}})
	if len(r.Differences) != 2 || r.Differences[0].Table != schema.Clients || r.Pending != 0 {
		t.Errorf("got pending %d, %v; want clients missing on two days", r.Pending, r.Differences)
	}
}

// Days that may have expired are not judged, each level by its own life.
func TestAuditSkipsExpired(t *testing.T) {
	s := healthy(t)
	for _, table := range []schema.Table{schema.Responses, schema.Keys, schema.ResponsesHour} {
		if err := s.Exec(t.Context(), "TRUNCATE TABLE "+s.Table(table)); err != nil {
			t.Fatal(err)
		}
	}
	o := AuditOptions{TTL: schema.DefaultTTL(), Now: time.Unix(int64(minuteOf(30, 1)), 0)}
	r := audited(t, s, o)
	got := map[string]bool{}
	for _, d := range r.Differences {
		got[string(d.Table)+" "+d.Day] = true
	}
	first, second := r.Days[0].Day, r.Days[1].Day
	want := map[string]bool{"responses " + second: true, "keys " + second: true, "responses_hour " + first: true,
		"responses_hour " + second: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Promise: an audit lists which offsets were stored under which configuration.
func TestAuditConfigurations(t *testing.T) {
	s := open(t)
	now := time.Now()
	for i, b := range []struct {
		partition  int32
		first, end int64
		hash, by   string
	}{
		{0, 0, 10, "a", "one"}, {0, 10, 20, "a", "two"}, {0, 20, 30, "b", "one"}, {0, 30, 40, "a", "one"}, {1, 0, 5, "a", "two"},
	} {
		id := block.ID{Cluster: "c", Topic: "access", Partition: b.partition, First: b.first, End: b.end}
		writeLedger(t, s, block.LedgerRow{ID: id, Kind: block.KindBlock, State: block.Stored, ConfigHash: b.hash,
			Instance: b.by,
			Records:  uint64(b.end - b.first), WrittenAt: now.Add(time.Duration(i) * time.Second)})
	}
	writeLedger(t, s, block.LedgerRow{ID: block.ID{Cluster: "c", Topic: "calm", End: 5}, Kind: block.KindBlock,
		State: block.Stored, ConfigHash: "a", Records: 5, WrittenAt: now})
	r := audited(t, s, AuditOptions{})
	var got []string
	for _, c := range r.Mixed() {
		got = append(got, fmt.Sprintf("%s %d [%d,%d) %d/%d %v", c.ConfigHash, c.Partition, c.First, c.End, c.Blocks,
			c.Records, c.Instances))
	}
	want := []string{"a 1 [0,5) 1/5 [two]", "a 0 [30,40) 1/10 [one]", "b 0 [20,30) 1/10 [one]",
		"a 0 [0,20) 2/20 [one two]"}
	if diff := cmp.Diff(want, got); diff != "" || len(r.Configurations) != 5 {
		t.Errorf("of %d (-want +got):\n%s", len(r.Configurations), diff)
	}
}

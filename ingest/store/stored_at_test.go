package store

import (
	"fmt"
	"testing"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Promise: a block's rejects live from when the block was declared, whatever
// stamp Kafka has on their records: those of old records and of records without
// a stamp are there after a merge, and counted by the audit.
func TestRejectsLiveByWhenTheyWereStored(t *testing.T) {
	s := open(t)
	o := schema.Options{Database: s.Database(), TTL: schema.DefaultTTL()}
	if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	stamps := []int64{-1, 0, 1, now.AddDate(0, 0, -8).UnixMilli(), now.AddDate(0, 0, 8).UnixMilli(), now.UnixMicro(),
		now.UnixNano(), -1 << 62}
	id := block.ID{Cluster: "c", Topic: "access", Epoch: 1, Partition: 3, End: int64(len(stamps))}
	c := &block.Contents{Records: uint64(len(stamps)), Rejected: uint64(len(stamps)), DeclaredUnix: now.Unix()}
	for i, ms := range stamps {
		c.Rejects = append(c.Rejects, block.RejectRow{Partition: 3, Offset: int64(i), RecordUnixMilli: ms,
			Reason: "syntax", Raw: "{"})
	}
	write(t, s, id, c)
	if err := s.Exec(t.Context(), "OPTIMIZE TABLE "+s.Table(schema.Rejects)+" FINAL"); err != nil {
		t.Fatal(err)
	}
	list, err := s.Rejects(t.Context(), RejectFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range list {
		if r.RecordUnixMilli != stamps[r.Offset] {
			t.Errorf("reject %d: got the stamp %d; want %d", i, r.RecordUnixMilli, stamps[r.Offset])
		}
	}
	counts, err := s.CountRejects(t.Context(), RejectFilter{})
	if err != nil || len(counts) != 1 || counts[0].Rejects != uint64(len(stamps)) || len(list) != len(stamps) {
		t.Errorf("got %d rejects, counts %+v, %v; want %d", len(list), counts, err, len(stamps))
	}
	if n := number(t, s, "(SELECT uniqExact(_partition_id) FROM "+s.Table(schema.Rejects)+")"); n != 1 {
		t.Errorf("one INSERT went into %d partitions; want one", n)
	}
	if report := audited(t, s, AuditOptions{TTL: o.TTL, Now: now}); !report.OK() {
		t.Errorf("the audit finds %v", report.Differences)
	}
}

// Promise: a repeated INSERT of rejects has the table partition of the first one,
// where its token is known, though it is made after midnight; much later its
// rejects have a whole life before them all the same.
func TestRejectsAcrossMidnight(t *testing.T) {
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		declared, now time.Duration // after midnight
		want          time.Duration
	}{
		{-time.Second, -time.Second, -time.Second},
		{-time.Second, 5 * time.Minute, -time.Second},
		{-time.Minute, 59 * time.Minute, -time.Minute},
		{5 * time.Minute, -time.Minute, 5 * time.Minute}, // declared by a clock that is ahead
		{-time.Minute, 3 * time.Hour, 3 * time.Hour},
		{-9 * 24 * time.Hour, 0, 0},
		{9 * 24 * time.Hour, 0, 0},
	} {
		c := &block.Contents{DeclaredUnix: midnight.Add(test.declared).Unix()}
		if got := storedAt(c, midnight.Add(test.now)); !got.Equal(midnight.Add(test.want)) {
			t.Errorf("declared %s, inserted %s: got %s; want %s", test.declared, test.now, got.Sub(midnight), test.want)
		}
	}
	if now := midnight.Add(time.Hour); !storedAt(&block.Contents{}, now).Equal(now) {
		t.Error("rejects of a block whose declaration nobody knows are not stored now")
	}
}

// Promise: rejects that a late repetition left in a second partition, or that
// are in the table of before schema 9 too, are listed and counted once.
func TestRejectsTwiceAreReadOnce(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 200, 1, 10)
	c.Rejects = append(c.Rejects, c.Rejects[0])
	c.Rejects[1].Offset++
	c.Rejected = 2
	write(t, s, id, c)
	for days := range 2 {
		rows := rejectColumns(id, time.Now().AddDate(0, 0, -days), c.Rejects)
		j := job{table: schema.Rejects, columns: rows, to: len(c.Rejects)}
		if err := s.insert(t.Context(), j, id.Token(string(schema.Rejects), 0), free); err != nil {
			t.Fatal(err)
		}
	}
	// The old table has one of these, and one that only it has.
	const columns = "cluster, topic, epoch, partition, offset, idx, record_ts, reason, detail, format, decoder_version, raw"
	for _, offset := range []string{"offset", "offset + 1000"} {
		err := s.Exec(t.Context(),
			fmt.Sprintf("INSERT INTO %s (%s) SELECT * REPLACE (%s AS offset) FROM (SELECT %[2]s FROM %[4]s WHERE offset = 100 LIMIT 1)",
				s.Table(schema.OldRejects), columns, offset, s.Table(schema.Rejects)))
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, schema.Rejects) + count(t, s, schema.OldRejects); n < 6 {
		t.Fatalf("got %d rows; want each twice at least", n)
	}
	list, err := s.Rejects(t.Context(), RejectFilter{Topic: "access"})
	if err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	for _, r := range list {
		offsets = append(offsets, r.Offset)
	}
	counts, err := s.CountRejects(t.Context(), RejectFilter{})
	if fmt.Sprint(offsets) != "[100 101 1100]" || err != nil || len(counts) != 1 || counts[0].Rejects != 3 {
		t.Errorf("got the offsets %v, counts %+v, %v; want 100, 101 and 1100 once each", offsets, counts, err)
	}
	if report := audited(t, s, AuditOptions{}); len(report.Differences) != 1 || report.Differences[0].Got != 3 {
		t.Errorf("the audit finds %v; want three rejects for two", report.Differences)
	}
	id.End = 2000
	if err := s.DeleteRejects(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, schema.Rejects) + count(t, s, schema.OldRejects); n != 0 {
		t.Errorf("got %d rows after the rejects were deleted; want none", n)
	}
}

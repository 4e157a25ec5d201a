package store

import (
	"context"
	"fmt"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// AuditOptions says what may be missing because it has expired.
type AuditOptions struct {
	// TTL is how long rows live; days older than that are skipped.
	TTL schema.TTL
	// Now is the moment from which ages are counted.
	Now time.Time
	// Limit bounds the differences that are listed per check; 0 takes 1000.
	Limit int
	// CaughtUp first waits until every replica has what the others have: for callers
	// that will insert what is missing. It fails while a replica cannot be reached.
	CaughtUp bool
}

// Audit proves or refutes that what is stored is what the ledger says:
//
//   - the stored blocks and gaps of a partition follow each other without
//     hole, overlap or repetition; those of a file may leave holes, which are
//     not read yet;
//   - a block's records and holes fill its offset range (not so a file's, whose
//     offsets are bytes), and its days add up to its responses;
//   - per event day, every rollup holds the responses of the ledger's blocks
//     and replays: all of them, those with a key or those with an address
//     (aggregate.Rollup.Sum); one that came to be later from the first day
//     that it has whole (schema.WholeSince);
//   - the rejects, where they never expire, are as many as the ledger says.
//
// It lists besides which offsets were stored under which configuration. It does
// not know what a consumer group has committed beyond the ledger (see Ends).
//
// It can run beside writers. A block that is being written is in the tables
// before it is in the ledger: such a surplus is reported as unsettled, not as
// a difference, as long as a declared block is unfinished.
func (s *Store) Audit(ctx context.Context, o AuditOptions) (*AuditReport, error) {
	if o.Limit <= 0 {
		o.Limit = 1000
	}
	a := &audit{s: s, o: o, ledger: s.Table(schema.Ledger), report: &AuditReport{At: o.Now.UTC()}}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"replicas", a.replicas},
		{"partitions", a.partitions},
		{"ranges", a.ranges},
		{"sums", a.sums},
		{"days", a.days},
		{"rejects", a.rejects},
		{"configurations", a.configurations},
	} {
		if err := step.run(ctx); err != nil {
			return nil, fmt.Errorf("audit %s: %w", step.name, err)
		}
	}
	return a.report, nil
}

type audit struct {
	s      *Store
	o      AuditOptions
	ledger string
	report *AuditReport
	since  map[schema.Table]time.Time // schema.WholeSince
}

// chained selects the rows that cover a partition's offsets.
const chained = " WHERE state = 'stored' AND kind IN ('block', 'gap')"

func (a *audit) replicas(ctx context.Context) error {
	if !a.o.CaughtUp {
		return nil
	}
	return a.s.syncReplicas(ctx)
}

func (a *audit) partitions(ctx context.Context) (err error) {
	a.report.Partitions, err = Select[PartitionAudit](ctx, a.s,
		"SELECT cluster, topic, epoch, partition, min(l.first) AS first, max(l.end) AS end,"+
			" countIf(kind = 'block') AS blocks, sum(l.records) AS records, sum(l.responses) AS responses, sum(l.rejected) AS rejected,"+
			" sum(l.holes) AS holes, toUInt64(sumIf(l.end - l.first, kind = 'gap')) AS skipped, max(last_record_ts) AS last_record, max(max_event) AS last_event"+
			" FROM "+a.ledger+" AS l"+chained+" GROUP BY cluster, topic, epoch, partition ORDER BY cluster, topic, epoch, partition")
	return err
}

// configurations finds where the configuration changes along a partition's
// blocks. Files are left out: each is a topic of its own.
func (a *audit) configurations(ctx context.Context) (err error) {
	const along = "PARTITION BY cluster, topic, epoch, partition ORDER BY first, end"
	a.report.Configurations, err = Select[ConfigSpan](ctx, a.s,
		"SELECT cluster, topic, epoch, partition, config_hash, min(s.first) AS first, max(s.end) AS end,"+
			" count() AS blocks, sum(s.records) AS records, min(written_at) AS since, max(written_at) AS until, arraySort(groupUniqArray(instance)) AS instances FROM ("+
			"SELECT *, sum(toUInt64(config_hash != before)) OVER ("+along+" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run FROM ("+
			"SELECT cluster, topic, epoch, partition, first, end, records, config_hash, instance, written_at,"+
			" lagInFrame(config_hash, 1, config_hash) OVER ("+along+" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before"+
			" FROM "+a.ledger+" WHERE state = 'stored' AND kind = 'block' AND cluster != ?)) AS s"+
			" GROUP BY cluster, topic, epoch, partition, config_hash, run ORDER BY cluster, topic, epoch DESC, since DESC, partition LIMIT ?", block.FileCluster, a.o.Limit)
	return err
}

type rangeScan struct {
	Cluster   string `ch:"cluster"`
	Topic     string `ch:"topic"`
	Epoch     uint32 `ch:"epoch"`
	Partition int32  `ch:"partition"`
	First     int64  `ch:"first"`
	End       int64  `ch:"end"`
	Before    int64  `ch:"before"`
	Expected  uint64 `ch:"expected"`
	Got       uint64 `ch:"got"`
}

func (r *rangeScan) difference(kind DifferenceKind) Difference {
	return Difference{Kind: kind, Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch, Partition: r.Partition,
		First: r.First, End: r.End}
}

// ranges compares where each row begins with the highest end before it.
func (a *audit) ranges(ctx context.Context) error {
	rows, err := Select[rangeScan](ctx, a.s, "SELECT cluster, topic, epoch, partition, first, end, before FROM ("+
		"SELECT cluster, topic, epoch, partition, first, end,"+
		" max(end) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before, row_number() OVER w AS n"+
		" FROM "+a.ledger+chained+
		" WINDOW w AS (PARTITION BY cluster, topic, epoch, partition ORDER BY first, end)"+
		") WHERE n > 1 AND (first < before OR first > before AND cluster != ?) ORDER BY cluster, topic, epoch, partition, first LIMIT ?", block.FileCluster, a.o.Limit)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d := r.difference(Overlap)
		d.First, d.End = r.First, min(r.Before, r.End)
		if r.First > r.Before {
			d.Kind, d.First, d.End = Hole, r.Before, r.First
		}
		a.report.Differences = append(a.report.Differences, d)
	}
	return nil
}

// sums checks each row of the ledger against itself.
func (a *audit) sums(ctx context.Context) error {
	for _, check := range []struct {
		kind          DifferenceKind
		expected, got string
		where         string
	}{
		{Records, "toUInt64(end - first)", "records + holes", " AND kind = 'block' AND cluster != '" +
			block.FileCluster + "'"},
		{DaySum, "responses", "arraySum(days.responses)", " AND kind IN ('block', 'replay')"},
	} {
		rows, err := Select[rangeScan](ctx, a.s,
			"SELECT cluster, topic, epoch, partition, first, end, "+check.expected+" AS expected, "+check.got+" AS got"+
				" FROM "+a.ledger+" WHERE state = 'stored'"+check.where+" AND expected != got"+
				" ORDER BY cluster, topic, epoch, partition, first LIMIT ?", a.o.Limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			d := r.difference(check.kind)
			d.Expected, d.Got = r.Expected, r.Got
			a.report.Differences = append(a.report.Differences, d)
		}
	}
	return nil
}

type daySums struct {
	Day       int32  `ch:"day"`
	Responses uint64 `ch:"responses"`
	Keyed     uint64 `ch:"keyed"`
	Addressed uint64 `ch:"addressed"`
	Agented   uint64 `ch:"agented"`
}

// days reads the ledger before and after the tables: what was stored meanwhile is
// between the two.
func (a *audit) days(ctx context.Context) error {
	before, err := a.ledgerDays(ctx)
	if err != nil {
		return err
	}
	if a.since, err = schema.WholeSince(ctx, a.s.Conn(), a.s.Database()); err != nil {
		return err
	}
	stored := make([]map[int32]uint64, len(a.s.rollups))
	for i, r := range a.s.rollups {
		if stored[i], err = a.tableDays(ctx, schema.Table(r.Name)); err != nil {
			return err
		}
	}
	// Whether a block is unfinished is asked before the ledger is read again: a block
	// whose rows were seen is then in the ledger, or was unfinished.
	if a.report.Pending, err = a.pending(ctx); err != nil {
		return err
	}
	after, err := a.ledgerDays(ctx)
	if err != nil {
		return err
	}
	days := union(before, after, stored)
	for i, r := range a.s.rollups {
		for _, day := range days {
			a.compareDay(r, day, r.Sum.Of(before[day]), stored[i][day], r.Sum.Of(after[day]))
		}
	}
	return nil
}

// compareDay judges a table's day: low and high are the ledger's sums before and after
// the table was read.
func (a *audit) compareDay(r aggregate.Rollup, day int32, low, got, high uint64) {
	table := schema.Table(r.Name)
	d := DayAudit{Day: dayStart(day).Format(time.DateOnly), Table: table, Expected: high, Got: got}
	if got >= low && got <= high {
		d.Expected = got
	}
	d.Expired, d.Incomplete = a.unjudged(r, day)
	d.Unsettled = got > high && a.report.Pending > 0
	a.report.Days = append(a.report.Days, d)
	if !d.Judged() || d.Expected == got {
		return
	}
	a.report.Differences = append(a.report.Differences,
		Difference{Kind: Sum, Table: table, Day: d.Day, Expected: d.Expected, Got: got})
}

// unjudged says why a table need not have what the ledger says of a day.
func (a *audit) unjudged(r aggregate.Rollup, day int32) (expired, incomplete bool) {
	start := dayStart(day)
	if keep := a.o.TTL.Days(schema.RollupLevel(r)); keep > 0 {
		expired = !a.o.Now.Before(start.AddDate(0, 0, keep))
	}
	return expired, start.Before(a.since[schema.Table(r.Name)])
}

func dayStart(day int32) time.Time { return time.Unix(int64(day)*daySeconds, 0).UTC() }

func (a *audit) ledgerDays(ctx context.Context) (map[int32]aggregate.DayCount, error) {
	rows, err := Select[daySums](ctx, a.s,
		"SELECT toInt32(toUInt16(d.day)) AS day, sum(d.responses) AS responses, sum(d.keyed) AS keyed, sum(d.addressed) AS addressed, sum(told) AS agented"+
			" FROM "+a.ledger+" ARRAY JOIN days AS d, arrayResize(day_agented, length(days)) AS told WHERE state = 'stored' AND kind IN ('block', 'replay') GROUP BY day")
	if err != nil {
		return nil, err
	}
	days := make(map[int32]aggregate.DayCount, len(rows))
	for _, r := range rows {
		days[r.Day] = aggregate.DayCount(r)
	}
	return days, nil
}

func (a *audit) tableDays(ctx context.Context, table schema.Table) (map[int32]uint64, error) {
	rows, err := Select[struct {
		Day      int32  `ch:"day"`
		Requests uint64 `ch:"requests"`
	}](ctx, a.s,
		"SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM "+a.s.Table(table)+" GROUP BY day")
	if err != nil {
		return nil, err
	}
	days := make(map[int32]uint64, len(rows))
	for _, r := range rows {
		days[r.Day] = r.Requests
	}
	return days, nil
}

// pending counts the declared blocks that lie at or above what their
// partition has stored, and are not stored themselves.
func (a *audit) pending(ctx context.Context) (uint64, error) {
	rows, err := Select[struct {
		Pending uint64 `ch:"pending"`
	}](ctx, a.s, "SELECT countIf(declared >= stored) AS pending FROM (SELECT"+
		" maxIf(first, state = 'declared' AND kind = 'block') AS declared, countIf(state = 'declared' AND kind = 'block') AS declarations,"+
		" maxIf(end, state = 'stored' AND kind IN ('block', 'gap')) AS stored"+
		" FROM "+a.ledger+" WHERE cluster != ? GROUP BY cluster, topic, epoch, partition HAVING declarations > 0)"+
		// A file's blocks are stored in any order, and each is finished as declared.
		" UNION ALL SELECT uniqExact(topic) AS pending FROM (SELECT topic FROM "+a.ledger+
		" WHERE cluster = ? AND kind = 'block' GROUP BY topic, first, end HAVING countIf(state = 'stored') = 0)",
		block.FileCluster, block.FileCluster)
	if err != nil {
		return 0, err
	}
	var pending uint64
	for _, r := range rows {
		pending += r.Pending
	}
	return pending, nil
}

// rejects are counted only where nothing expires: a block's records may be older than
// the rejects' life, and the ledger does not have each record's time.
func (a *audit) rejects(ctx context.Context) error {
	if a.o.TTL.SampleDays > 0 || !a.since[schema.Rejects].IsZero() {
		return nil
	}
	rows, err := Select[rangeScan](ctx, a.s,
		"SELECT cluster, topic, epoch, partition, sum(e) AS expected, sum(g) AS got FROM ("+
			"SELECT cluster, topic, epoch, partition, sum(rejected) AS e, toUInt64(0) AS g FROM "+a.ledger+" WHERE state = 'stored' AND kind = 'block' GROUP BY ALL"+
			" UNION ALL SELECT cluster, topic, epoch, partition, toUInt64(0) AS e, uniqExact(offset, idx) AS g FROM "+
			"(SELECT cluster, topic, epoch, partition, offset, idx FROM "+a.s.Table(schema.Rejects)+
			" UNION ALL SELECT cluster, topic, epoch, partition, offset, idx FROM "+a.s.Table(schema.OldRejects)+") GROUP BY ALL"+
			") GROUP BY cluster, topic, epoch, partition HAVING expected > got OR (expected < got AND ?) LIMIT ?",
		a.report.Pending == 0, a.o.Limit)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d := r.difference(RejectSum)
		d.Table, d.Expected, d.Got = schema.Rejects, r.Expected, r.Got
		a.report.Differences = append(a.report.Differences, d)
	}
	return nil
}

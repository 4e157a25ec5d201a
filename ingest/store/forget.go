package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/schema"
)

// Person is the person to forget: a key's id or a client's address.
type Person struct {
	Key    classify.KeyID
	Client netip.Addr
}

// Trace is what a partition of a table has about a person.
type Trace struct {
	Table     schema.Table
	Partition string // as ClickHouse names it
	Rows      uint64 // that name the person
	Requests  uint64 // of tables of counts: those of these rows
	Bytes     uint64 // of the partition, which is rewritten
}

// ErrCluster: Forget does not support tables on several servers.
var ErrCluster = errors.New("the tables lie on a cluster or have replicas, and forget is made for one server only")

// Traces lists what the tables have about a person, by table and partition. Like
// Forget it makes a table in memory while it runs, so that neither the id nor the
// address is in any query: servers log those.
func (s *Store) Traces(ctx context.Context, who Person) (list []Trace, err error) {
	f, err := s.forgetting(ctx, who)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close(ctx)) }()
	return f.traces(ctx)
}

// Forget takes a person out of every table. What was counted for a key or an address
// counts for the ones that are not told apart (classify.Other), so every total stays;
// examples, names, labels and incidents of the person are deleted, and texts that name
// the person say "[forgotten]" there. Partitions that name the person are rewritten,
// each in one step, and Forget returns when the files of before are gone.
//
// It may be repeated after it was cut. Nobody else may write meanwhile: a partition that
// changes while it is copied is an error, and nothing of it is lost then. What operators
// gave a name (topics, groups, instances, configurations) stays as it is: see Left.
// done, if not nil, is told of every partition that has been written.
func (s *Store) Forget(ctx context.Context, who Person, done func(Trace)) (err error) {
	f, err := s.forgetting(ctx, who)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close(ctx)) }()
	list, err := f.traces(ctx)
	if err != nil {
		return err
	}
	for _, t := range list {
		if err := f.rewrite(ctx, t); err != nil {
			return fmt.Errorf("write partition %s of %s anew: %w", t.Partition, t.Table, err)
		}
		if done != nil {
			done(t)
		}
	}
	return f.settle(ctx, list)
}

// Left lists the columns, as table.column, that still contain the person: after
// Forget, those that operators filled.
func (s *Store) Left(ctx context.Context, who Person) (columns []string, err error) {
	f, err := s.forgetting(ctx, who)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close(ctx)) }()
	for _, t := range schema.Tables() {
		for _, c := range f.columns[t] {
			where := f.names(c)
			if where == "" {
				continue
			}
			n, err := f.number(ctx, "SELECT count() AS n FROM "+s.Table(t)+" WHERE "+where)
			if err != nil {
				return nil, fmt.Errorf("look at %s.%s: %w", t, c.Name, err)
			}
			if n > 0 {
				columns = append(columns, string(t)+"."+c.Name)
			}
		}
	}
	return columns, nil
}

const (
	// forgettingTable holds the person, in memory; copyTable a partition's new rows.
	forgettingTable schema.Table = "forgetting"
	copyTable       schema.Table = "forgetting_copy"
	// forgottenText replaces a person in texts.
	forgottenText = "[forgotten]"
)

// forgetting is a running Forget.
type forgetting struct {
	s       *Store
	who     Person
	columns map[schema.Table][]tableColumn
}

type tableColumn struct {
	Table string `ch:"table"`
	Name  string `ch:"name"`
	Type  string `ch:"type"`
}

func (s *Store) forgetting(ctx context.Context, who Person) (*forgetting, error) {
	l, err := s.layout(ctx)
	switch {
	case err != nil:
		return nil, err
	case l.Cluster != "" || l.Replicated:
		return nil, ErrCluster
	case (who.Key == classify.KeyID{}) == !who.Client.IsValid():
		return nil, errors.New("forget: got a key and an address, or neither; want one")
	}
	f := &forgetting{s: s, who: who, columns: map[schema.Table][]tableColumn{}}
	list, err := Select[tableColumn](ctx, s,
		"SELECT table, name, type FROM system.columns WHERE database = ? AND default_kind != 'ALIAS' ORDER BY table, position", s.database)
	if err != nil {
		return nil, fmt.Errorf("read the columns of database %s: %w", s.database, err)
	}
	known := schema.Tables()
	for _, c := range list {
		if t := schema.Table(c.Table); slices.Contains(known, t) {
			f.columns[t] = append(f.columns[t], c)
		}
	}
	if err := f.drop(ctx); err != nil { // what one that was cut has left
		return nil, err
	}
	return f, f.name(ctx)
}

// name makes the table that holds the person, and fills it through the data of an
// INSERT.
func (f *forgetting) name(ctx context.Context) error {
	err := f.s.Exec(ctx,
		"CREATE TABLE "+f.s.Table(forgettingTable)+" (id String, ip IPv6, pattern String) ENGINE = Memory")
	if err != nil {
		return fmt.Errorf("make a table for whom to forget: %w", err)
	}
	id, ip := f.who.Key.String(), netip.IPv6Unspecified()
	if f.who.Client.IsValid() {
		ip = netip.AddrFrom16(f.who.Client.As16())
	}
	batch, err := f.s.Conn().PrepareBatch(ctx, "INSERT INTO "+f.s.Table(forgettingTable)+" (id, ip, pattern)")
	if err == nil {
		err = batch.Append(id, ip, pattern(f.who))
	}
	if err == nil {
		err = batch.Send()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("say whom to forget: %w", Classify(err)), f.close(ctx))
	}
	return nil
}

func (f *forgetting) close(ctx context.Context) error {
	return f.drop(context.WithoutCancel(ctx))
}

func (f *forgetting) drop(ctx context.Context) error {
	if err := f.dropCopy(ctx); err != nil {
		return err
	}
	if err := f.s.Exec(ctx, "DROP TABLE IF EXISTS "+f.s.Table(forgettingTable)+" SYNC"); err != nil {
		return fmt.Errorf("drop %s: %w", forgettingTable, err)
	}
	return nil
}

// dropCopy empties and drops the copy, if there is one: a dropped table's files can
// stay for minutes, or for ever if the process ends, and they hold the person.
func (f *forgetting) dropCopy(ctx context.Context) error {
	copies, err := f.number(ctx, "SELECT count() AS n FROM system.tables WHERE database = ? AND name = ?", f.s.database,
		string(copyTable))
	if err != nil || copies == 0 {
		return err
	}
	if err = f.s.Exec(ctx, "TRUNCATE TABLE "+f.s.Table(copyTable)); err == nil {
		err = f.removed(ctx, []schema.Table{copyTable}, "table = '"+string(copyTable)+"'")
	}
	if err == nil {
		err = f.s.Exec(ctx, "DROP TABLE "+f.s.Table(copyTable)+" SYNC")
	}
	if err != nil {
		return fmt.Errorf("drop %s: %w", copyTable, err)
	}
	return nil
}

// traces searches every table whose rows Forget writes.
func (f *forgetting) traces(ctx context.Context) (list []Trace, err error) {
	for _, t := range schema.Tables() {
		where, err := f.concerned(t)
		if err != nil {
			return nil, err
		}
		if where == "" {
			continue
		}
		requests := "toUInt64(0)"
		if slices.ContainsFunc(f.columns[t], func(c tableColumn) bool { return c.Name == string(schema.Requests) }) &&
			t != schema.Incidents {
			requests = "sum(requests)"
		}
		rows, err := Select[struct {
			Partition string `ch:"p"`
			Rows      uint64 `ch:"rows"`
			Requests  uint64 `ch:"requests"`
			Bytes     uint64 `ch:"bytes"`
		}](ctx, f.s,
			"SELECT p, rows, requests, bytes FROM (SELECT _partition_id AS p, count() AS rows, "+requests+" AS requests FROM "+f.s.Table(t)+
				" WHERE "+where+" GROUP BY p) AS named LEFT JOIN (SELECT partition_id AS p, sum(bytes_on_disk) AS bytes FROM system.parts"+
				" WHERE database = ? AND table = ? AND active GROUP BY p) AS parts USING p ORDER BY p", f.s.database,
			string(t))
		if err != nil {
			return nil, fmt.Errorf("look through %s: %w", t, err)
		}
		for _, r := range rows {
			list = append(list, Trace{Table: t, Partition: r.Partition, Rows: r.Rows, Requests: r.Requests,
				Bytes: r.Bytes})
		}
	}
	slices.SortStableFunc(list, func(a, b Trace) int { return order(a.Table) - order(b.Table) })
	return list, nil
}

// order puts the incidents last: their notes are found through them.
func order(t schema.Table) int {
	if t == schema.Incidents {
		return 1
	}
	return 0
}

// rewrite rewrites one partition. Its new rows are kept in a copy until they replace
// it, all at once.
func (f *forgetting) rewrite(ctx context.Context, t Trace) error {
	from, to := f.s.Table(t.Table), f.s.Table(copyTable)
	before, err := f.newest(ctx, t)
	if err != nil {
		return err
	}
	var names, values []string
	for _, c := range f.columns[t.Table] {
		names = append(names, "`"+c.Name+"`")
		values = append(values, f.without(t.Table, c))
	}
	kept := ""
	if where := f.deleted(t.Table); where != "" {
		kept = " AND NOT (" + where + ")"
	}
	if err := f.s.Exec(ctx, "CREATE TABLE "+to+" AS "+from); err != nil {
		return err
	}
	// A part that was merged before it replaces the partition would stay on disk all
	// the same. See hurry.
	if err := f.s.Exec(ctx,
		"ALTER TABLE "+to+" MODIFY SETTING min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 0"); err != nil {
		return err
	}
	// Equal blocks are no repetitions here.
	err = f.s.Exec(ctx, "INSERT INTO "+to+" ("+strings.Join(names, ", ")+") SETTINGS insert_deduplicate = 0"+
		" SELECT "+strings.Join(values, ", ")+" FROM "+from+" WHERE _partition_id = ?"+kept, t.Partition)
	if err != nil {
		return err
	}
	switch after, err := f.newest(ctx, t); {
	case err != nil:
		return err
	case after != before:
		return errors.New("somebody writes to it; stop every daemon, then repeat")
	}
	if err := f.s.Exec(ctx, "ALTER TABLE "+from+" REPLACE PARTITION ID '"+t.Partition+"' FROM "+to); err != nil {
		return err
	}
	return f.dropCopy(ctx)
}

// newest is the number of the newest INSERT into a partition; merges do not change it.
func (f *forgetting) newest(ctx context.Context, t Trace) (uint64, error) {
	return f.number(ctx,
		"SELECT toUInt64(max(max_block_number)) AS n FROM system.parts WHERE database = ? AND table = ? AND partition_id = ? AND active",
		f.s.database, string(t.Table), t.Partition)
}

// settleWithin bounds the wait for the removal of old files.
const settleWithin = 2 * time.Minute

// settle removes old files, and waits until they are gone. Parts that were merged
// earlier, which hold the person too, would stay for eight minutes.
func (f *forgetting) settle(ctx context.Context, list []Trace) (err error) {
	var where []string
	var tables []schema.Table
	for _, t := range list {
		where = append(where, "table = '"+string(t.Table)+"' AND partition_id = '"+t.Partition+"'")
		tables = append(tables, t.Table)
	}
	if len(where) == 0 {
		return nil
	}
	tables = slices.Compact(tables)
	for _, t := range tables {
		reset, e := f.hurry(ctx, t)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, reset()) }()
	}
	return f.removed(ctx, tables, strings.Join(where, " OR "))
}

// removed waits until the parts that the tables no longer need are gone.
func (f *forgetting) removed(ctx context.Context, tables []schema.Table, where string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleWithin, errors.New("repeat it"))
	defer cancel()
	tick := time.NewTicker(mutationEvery)
	defer tick.Stop()
	for {
		for _, t := range tables {
			// An idle server looks for old files every ten minutes; a drop makes it look
			// at once. No partition has this name.
			if err := f.s.Exec(ctx,
				"ALTER TABLE "+f.s.Table(t)+" DROP PARTITION ID '"+string(forgettingTable)+"'"); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
		}
		left, err := f.number(ctx,
			"SELECT count() AS n FROM system.parts WHERE database = ? AND NOT active AND ("+where+")", f.s.database)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d parts of before are still there: %w", left, context.Cause(ctx))
		}
	}
}

// hurry makes a table remove unneeded parts at once, until reset.
func (f *forgetting) hurry(ctx context.Context, t schema.Table) (reset func() error, err error) {
	own, err := f.number(ctx,
		"SELECT count() AS n FROM system.tables WHERE database = ? AND name = ? AND engine_full LIKE '%old_parts_lifetime%'", f.s.database, string(t))
	if err != nil || own > 0 {
		return func() error { return nil }, err
	}
	if err := f.s.Exec(ctx, "ALTER TABLE "+f.s.Table(t)+" MODIFY SETTING old_parts_lifetime = 0"); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return func() error {
		return f.s.Exec(context.WithoutCancel(ctx), "ALTER TABLE "+f.s.Table(t)+" RESET SETTING old_parts_lifetime")
	}, nil
}

func (f *forgetting) number(ctx context.Context, query string, args ...any) (uint64, error) {
	rows, err := Select[struct {
		N uint64 `ch:"n"`
	}](ctx, f.s, query, args...)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].N, nil
}

// otherAddress replaces addresses that are not told apart.
var otherAddress = "toIPv6('" + netip.AddrFrom16(aggregate.OtherClient).String() + "')"

// MarkIn precedes the mark in the note of a ledger row of kind forget.
const MarkIn = "; mark "

// Forgotten lists the marks of all persons that were forgotten or are being forgotten.
func (s *Store) Forgotten(ctx context.Context) (marks []string, err error) {
	rows, err := Select[struct {
		Note string `ch:"note"`
	}](ctx, s, "SELECT DISTINCT note FROM "+s.Table(schema.Ledger)+" WHERE kind = 'forget' ORDER BY note")
	if err != nil {
		return nil, fmt.Errorf("list who was forgotten: %w", err)
	}
	for _, r := range rows {
		if _, mark, ok := strings.Cut(r.Note, MarkIn); ok {
			marks = append(marks, mark)
		}
	}
	return marks, nil
}

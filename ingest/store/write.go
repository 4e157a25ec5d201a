package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/schema"
)

// WriteRows implements block.Store: it inserts the rows of every table but the
// ledger, Config.Parallel inserts at a time, started in a fixed order. fence
// is called right before each INSERT is sent, by one goroutine at a time. The
// error has a class (see Classify); after any, some inserts may be stored and
// some not, and the same call completes them.
func (s *Store) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	return s.WriteRowsAs(ctx, id, block.KindBlock, c, fence)
}

// WriteRowsAs is WriteRows for rows of another kind than a block's: a replay
// of the same range is written beside the block, once however often it is
// repeated.
func (s *Store) WriteRowsAs(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents,
	fence func() error) error {
	return s.write(ctx, id, kind, s.jobs(id, c, nil), fence)
}

// Days are Unix days by table of counts.
type Days map[schema.Table]map[int64]bool

// Add adds a day of a table.
func (d Days) Add(table schema.Table, day int64) {
	if d[table] == nil {
		d[table] = map[int64]bool{}
	}
	d[table][day] = true
}

func (d Days) has(table schema.Table, minute uint32) bool {
	return d[table][int64(minute)/daySeconds]
}

// WriteDays is WriteRowsAs for part of a block: only the given days of the tables of
// counts, and all of the others, whose rows replace themselves.
func (s *Store) WriteDays(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, missing Days) error {
	return s.write(ctx, id, kind, s.jobs(id, c, missing.has), nofence)
}

// nofence is the fence for the only writer.
func nofence() error { return nil }

func (s *Store) write(ctx context.Context, id block.ID, kind block.Kind, jobs []job, fence func() error) error {
	suffix := ""
	if kind != block.KindBlock {
		suffix = "/" + string(kind)
	}
	var mu sync.Mutex
	serial := func() error {
		mu.Lock()
		defer mu.Unlock()
		return fence()
	}
	group, inserts := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.config.Parallel))
	for _, j := range jobs {
		group.Go(func() error {
			if err := inserts.Err(); err != nil {
				return err // after the first error, or the caller's end
			}
			if err := s.insert(inserts, j, id.Token(string(j.table), j.chunk)+suffix, serial); err != nil {
				return fmt.Errorf("insert block %s into %s, chunk %d: %w", id, j.table, j.chunk, Classify(err))
			}
			return nil
		})
	}
	return group.Wait()
}

// Inserts implements block.Store.
func (s *Store) Inserts(id block.ID, c *block.Contents) int {
	most := 0
	for _, j := range s.jobs(id, c, nil) {
		most = max(most, j.chunk+1)
	}
	return most
}

// job is one INSERT: the rows [from, to) of a table's columns.
type job struct {
	table    schema.Table
	chunk    int
	columns  []insertColumn
	from, to int
	rollup   bool
}

// jobs lists the INSERTs of a block in their fixed order, with all rows of the rollups
// or those to keep.
func (s *Store) jobs(id block.ID, c *block.Contents, keep func(table schema.Table, minute uint32) bool) []job {
	var list []job
	for _, r := range s.rollups {
		table, rows := schema.Table(r.Name), r.Of(&c.Rows)
		if keep != nil {
			rows = rows.Only(func(minute uint32) bool { return keep(table, minute) })
		}
		list = append(list, rollupJobs(r, rows)...)
	}
	return append(list, replacingJobs(id, c)...)
}

// rollupJobs lists the INSERTs of rows of one table of counts.
func rollupJobs(r aggregate.Rollup, rows aggregate.View) []job {
	cut := sheet{rows: rows.Len, partition: func(i int) int64 { return partitionOf(r.Level, rows.Minute(i)) }}
	list := cut.jobs(schema.Table(r.Name), rollupColumns(r, rows))
	for i := range list {
		list[i].rollup = true
	}
	return list
}

// replacingJobs lists the INSERTs of a block into the tables whose rows replace
// themselves.
func replacingJobs(id block.ID, c *block.Contents) (list []job) {
	samples, names, rejects := c.Rows.Samples, c.Rows.KeyNames, c.Rejects
	list = append(list, sheet{
		rows:      len(samples),
		partition: func(i int) int64 { return partitionOf(aggregate.Minute, samples[i].Minute) },
		size: func(i int) int {
			r := &samples[i]
			return len(r.Path) + len(r.Message) + len(r.RequestID) + len(r.UserAgent)
		},
	}.jobs(schema.Samples, sampleColumns(samples))...)
	list = append(list, sheet{rows: len(names), partition: onePartition}.jobs(schema.KeyNames,
		keyNameColumns(names))...)
	return append(list, sheet{
		rows:      len(rejects),
		partition: onePartition,
		size:      func(i int) int { return len(rejects[i].Raw) + len(rejects[i].Detail) },
	}.jobs(schema.Rejects, rejectColumns(id, storedAt(c, time.Now()), rejects))...)
}

// insert sends one INSERT. Its time is bounded here and, a little longer, on
// the server, so that an insert that was given up does not come to life later.
func (s *Store) insert(ctx context.Context, j job, token string, fence func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.InsertTimeout,
		fmt.Errorf("no answer within %s", s.config.InsertTimeout))
	defer cancel()
	buffers := s.encoders.get()
	defer s.encoders.put(buffers)
	if j.rollup {
		j.columns = j.told(buffers)
	}
	names := make([]string, len(j.columns))
	for i, c := range j.columns {
		names[i] = "`" + string(c.name) + "`"
	}
	statement := "INSERT INTO " + s.Table(j.table) + " (" + strings.Join(names, ", ") + ") FORMAT Native"
	settings, err := s.insertSettings(ctx, token)
	if err != nil {
		return cause(ctx, err)
	}
	pool := s.pool.Load()
	for k, v := range pool.settings {
		if _, ours := settings[k]; !ours {
			settings[k] = v
		}
	}
	body, err := j.encode(buffers, pool.form)
	if err != nil {
		return fmt.Errorf("%w: %w", retry.ErrPermanent, err)
	}
	return cause(ctx, pool.inserts.insert(ctx, insertion{statement, settings, body, fence}))
}

// told are the columns without those that are their type's default in every row,
// which is what the server puts there by itself: most logs leave some columns empty,
// and each would be encoded, sent and read in vain. No column of a rollup has another
// default (TestColumnsMatchTables).
func (j *job) told(buffers *scratch) []insertColumn {
	var list []insertColumn
	for _, c := range j.columns {
		if c.unset == nil || !c.unset(buffers, j.from, j.to) {
			list = append(list, c)
		}
	}
	return list
}

// encode makes the body of an INSERT.
func (j *job) encode(buffers *scratch, f form) (body, error) {
	w := &buffers.wire
	w.begin(len(j.columns), j.to-j.from, f)
	for _, c := range j.columns {
		w.text(string(c.name))
		w.text(c.wire)
		c.put(w, buffers, j.from, j.to)
	}
	return w.end()
}

// cause adds why ctx ended to the driver's error, which says only that it did.
func cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}

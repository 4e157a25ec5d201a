package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"golang.org/x/sync/errgroup"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// WriteRows implements block.Store: it inserts the rows of every table but the
// ledger, Config.Parallel inserts at a time, started in a fixed order. fence
// is called right before each INSERT is sent, by one goroutine at a time. The
// error wraps block.ErrWait or block.ErrPermanent when Class says so; then,
// and after any other error, some inserts may be stored and some not, and the
// same call completes them.
func (s *Store) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	return s.WriteRowsAs(ctx, id, block.KindBlock, c, fence)
}

// WriteRowsAs is WriteRows for rows of another kind than a block's: a replay
// of the same range is written beside the block, once however often it is
// repeated.
func (s *Store) WriteRowsAs(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, fence func() error) error {
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
	for _, j := range s.jobs(id, c) {
		group.Go(func() error {
			if err := inserts.Err(); err != nil {
				return err // after the first error, or the caller's end
			}
			if err := j.insert(inserts, id.Token(string(j.table), j.chunk)+suffix, serial); err != nil {
				return fmt.Errorf("insert block %s into %s, chunk %d: %w", id, j.table, j.chunk, s.classify(err))
			}
			return nil
		})
	}
	return group.Wait()
}

// job is one INSERT of a block.
type job struct {
	table  schema.Table
	chunk  int
	insert func(ctx context.Context, token string, fence func() error) error
}

// jobs lists the INSERTs of a block in their fixed order.
func (s *Store) jobs(id block.ID, c *block.Contents) []job {
	rows := &c.Rows
	names := rows.KeyNames
	var list []job
	list = addMinutes(list, s, schema.Responses, responseColumns(), rows.Responses, func(r *aggregate.ResponseRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.ResponsesHour, responseColumns(), rows.ResponsesHour, func(r *aggregate.ResponseRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.Services, serviceColumns(), rows.Services, func(r *aggregate.ServiceRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.ServicesHour, serviceHourColumns(), rows.ServicesHour, func(r *aggregate.ServiceHourRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.Keys, keyColumns(s.config.SlotSeconds), rows.Keys, func(r *aggregate.KeyRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.KeysHour, keyColumns(0), rows.KeysHour, func(r *aggregate.KeyRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.Clients, clientColumns(), rows.Clients, func(r *aggregate.ClientRow) uint32 { return r.Minute }, nil)
	list = addMinutes(list, s, schema.Samples, sampleColumns(), rows.Samples, func(r *aggregate.SampleRow) uint32 { return r.Minute }, sampleText)
	list = add(list, s, schema.KeyNames, keyNameColumns(), chunks(names, func(*aggregate.KeyNameRow) int64 { return 0 }, nil))
	list = add(list, s, schema.Rejects, rejectColumns(id), chunks(c.Rejects,
		func(r *block.RejectRow) int64 { return r.RecordUnixMilli / dayMillis },
		func(r *block.RejectRow) int { return len(r.Raw) + len(r.Detail) }))
	return list
}

func sampleText(r *aggregate.SampleRow) int {
	return len(r.Path) + len(r.Message) + len(r.RequestID) + len(r.UserAgent)
}

func addMinutes[R any](list []job, s *Store, table schema.Table, columns []columnOf[R], rows []R, minute func(*R) uint32, size func(*R) int) []job {
	return add(list, s, table, columns, chunks(rows, func(r *R) int64 { return partitionOf(table, minute(r)) }, size))
}

func add[R any](list []job, s *Store, table schema.Table, columns []columnOf[R], cut [][]R) []job {
	for i, rows := range cut {
		list = append(list, job{table: table, chunk: i, insert: func(ctx context.Context, token string, fence func() error) error {
			return insert(ctx, s, table, columns, rows, token, fence)
		}})
	}
	return list
}

// insert sends one INSERT. Its time is bounded here and, a little longer, on
// the server, so that an insert that was given up does not come to life later.
func insert[R any](ctx context.Context, s *Store, table schema.Table, columns []columnOf[R], rows []R, token string, fence func() error) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = "`" + string(c.name) + "`"
	}
	statement := "INSERT INTO " + s.Table(table) + " (" + strings.Join(names, ", ") + ")"
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.InsertTimeout, fmt.Errorf("no answer within %s", s.config.InsertTimeout))
	defer cancel()
	buffers := s.encoders.get()
	defer s.encoders.put(buffers)
	settings, err := s.insertSettings(ctx, token)
	if err != nil {
		return cause(ctx, err)
	}
	if s.post != nil {
		body, err := encode(&buffers.wire, columns, rows)
		if err != nil {
			return fmt.Errorf("%w: %w", block.ErrPermanent, err)
		}
		if err := fence(); err != nil {
			return err
		}
		return cause(ctx, s.post.insert(ctx, statement+" FORMAT Native", settings, body))
	}
	batch, err := s.conn.PrepareBatch(clickhouse.Context(settled{ctx}, clickhouse.WithSettings(settings)), statement)
	if err != nil {
		return cause(ctx, err)
	}
	defer batch.Close()
	if err := fill(buffers, batch.Columns(), columns, rows); err != nil {
		return fmt.Errorf("%w: %w", block.ErrPermanent, err)
	}
	if err := fence(); err != nil {
		return err
	}
	return cause(ctx, batch.Send())
}

// encode makes the body of an INSERT over HTTP.
func encode[R any](w *wire, columns []columnOf[R], rows []R) ([]byte, error) {
	w.begin(len(columns), len(rows))
	for _, c := range columns {
		w.text(string(c.name))
		w.text(c.wire)
		c.put(w, rows)
	}
	return w.end()
}

// fill appends rows to the columns of a batch over the native protocol.
func fill[R any](buffers *scratch, to []column.Interface, columns []columnOf[R], rows []R) error {
	if len(to) != len(columns) {
		return fmt.Errorf("got %d columns from the server; want %d", len(to), len(columns))
	}
	for i, c := range columns {
		if err := c.fill(to[i], rows, buffers); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}

// cause adds why ctx ended to the driver's error, which says only that it did.
func cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}

// settled hides a context's deadline from clickhouse-go, which would turn it
// into a max_execution_time of its own; the context still ends in time.
type settled struct{ context.Context }

func (settled) Deadline() (time.Time, bool) { return time.Time{}, false }

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// storageRate is the load whose storage is measured, records a second.
const storageRate = 1000

// storage writes hours of traffic and measures its size after all merges. The tables of keys
// and clients store the rows of a name together for a day, so that fewer hours than 24 take
// more bytes a record.
func (b *bench) storage(ctx context.Context) (err error) {
	s, err := sandbox.Start(ctx, sandbox.Config{ClickHouse: "127.0.0.1:0", Data: filepath.Join(b.dir, "storage"),
		Engine: b.engine})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c := store.DefaultConfig()
	c.URL = s.ClickHouseURL()
	st, err := store.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := schema.Migrate(ctx, st.Conn(), schema.Options{Database: st.Database()}); err != nil {
		return err
	}
	records := b.hours * 3600 * storageRate
	if err := fillStore(ctx, st, records); err != nil {
		return err
	}
	total := 0.0
	for _, r := range st.Rollups() {
		t := schema.Table(r.Name)
		if err := st.Conn().Exec(ctx, "OPTIMIZE TABLE "+st.Table(t)+" FINAL"); err != nil {
			return err
		}
		var bytes, rows uint64
		if err := st.Conn().QueryRow(ctx,
			"SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active AND database = ? AND table = ?",
			st.Database(), string(t)).Scan(&bytes, &rows); err != nil {
			return err
		}
		each := float64(bytes) / float64(records)
		b.table.add("storage", "table "+string(t),
			fmt.Sprintf("%.3f bytes a record (%.3f rows a record, %.1f bytes a row)", each,
				float64(rows)/float64(records), float64(bytes)/float64(rows)))
		switch t {
		case schema.Responses, schema.Keys, schema.Clients:
			total += each
		}
		if r.Level == aggregate.Hour {
			b.hourBytes += each
		} else {
			b.minuteBytes += each
		}
	}
	b.table.judge("storage", fmt.Sprintf("minute rows of responses, keys and clients, %d records/s for %d h",
		storageRate, b.hours),
		fmt.Sprintf("%.2f bytes a record", total), "<= 1.4 bytes", total <= 1.4)
	return b.columns(ctx, st, records)
}

// columns notes which columns take the most.
func (b *bench) columns(ctx context.Context, st *store.Store, records int) error {
	rows, err := st.Conn().Query(ctx, `SELECT concat(table, '.', column), sum(column_data_compressed_bytes) AS b FROM system.parts_columns
WHERE active AND database = ? AND table IN ('responses', 'keys', 'clients') GROUP BY table, column ORDER BY b DESC LIMIT 8`, st.Database())
	if err != nil {
		return err
	}
	defer rows.Close()
	var largest []string
	for rows.Next() {
		var name string
		var bytes uint64
		if err := rows.Scan(&name, &bytes); err != nil {
			return err
		}
		largest = append(largest, fmt.Sprintf("%s %.3f", name, float64(bytes)/float64(records)))
	}
	if largest != nil {
		b.table.note("The largest columns, in bytes a record: %s.", strings.Join(largest, ", "))
	}
	return rows.Err()
}

// fillStore writes the bench scenario from a midnight on.
func fillStore(ctx context.Context, st *store.Store, records int) error {
	g, err := traffic.New(traffic.Config{Seed: 1, Scenario: traffic.Bench, BenchRate: storageRate,
		Count: int64(records),
		Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return err
	}
	f, err := newCutter(1 << 30)
	if err != nil {
		return err
	}
	id := block.ID{Cluster: "bench", Topic: "bench"}
	text := make([]byte, 0, 1<<20)
	batch := make([]block.Record, 0, recordsAnAdd)
	for {
		start := len(text)
		var at int64
		var ok bool
		text, at, _, ok = g.Next(text)
		if ok {
			batch = append(batch, block.Record{Offset: id.End, UnixMilli: at, Value: text[start:len(text):len(text)]})
			id.End++
		}
		if len(batch) == cap(batch) || !ok {
			f.builder.Add(batch)
			batch, text = batch[:0], text[:0]
		}
		if id.End-id.First < blockRecords && ok {
			continue
		}
		if id.End > id.First {
			if err := st.WriteRows(ctx, id, f.builder.Contents(), func() error { return nil }); err != nil {
				return err
			}
			f.builder.Reset()
			id.First = id.End
		}
		if !ok {
			return nil
		}
	}
}

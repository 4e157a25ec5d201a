package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/sandbox"
	"statline/ingest/sandbox/libchdb"
)

type lineType struct{ name, text, address string }

// lineTypes are the column types with which ClickHouse reads the lines: those
// that one would store, and those that cost it least to parse.
var lineTypes = []lineType{
	{"dictionaries and an IPv4", "LowCardinality(String)", "IPv4"},
	{"plain strings", "String", "String"},
}

// columnsOf is the structure of the lines, text being the type of what repeats.
func columnsOf(text, address string) string {
	return fmt.Sprintf("ts DateTime64(3, 'UTC'), service %[1]s, method %[1]s, route %[1]s, status UInt16, code UInt16, message %[1]s, "+
		"api_key String, client_ip %[2]s, latency_ms Float64, bytes UInt64, request_id String", text, address)
}

// The alternative: ClickHouse parses the lines itself and groups them three
// times, as materialized views behind its Kafka engine would.
const (
	byStatus = "SELECT toStartOfMinute(ts) AS minute, service, status, code, count(), sum(bytes), quantileTDigestState(latency_ms) FROM lines GROUP BY minute, service, status, code"
	byKey    = "SELECT toStartOfMinute(ts) AS minute, api_key, service, status, count() FROM lines GROUP BY minute, api_key, service, status"
	byClient = "SELECT toStartOfMinute(ts) AS minute, client_ip, status, count() FROM lines GROUP BY minute, client_ip, status"
)

// clickhouseCost is what the engine pays for the same bytes, in microseconds
// of CPU a record.
type clickhouseCost struct{ parse, status, key, client float64 }

func (c clickhouseCost) sum() float64 { return c.parse + c.status + c.key + c.client }

func measureClickHouse(rs []block.Record, types lineType, engine, dir string, rounds int) (cost clickhouseCost,
	err error) {
	path := filepath.Join(dir, "lines.jsonl")
	if err := writeLines(path, rs); err != nil {
		return cost, err
	}
	defer os.Remove(path)
	library, err := sandbox.FindEngine(engine)
	if err != nil {
		return cost, err
	}
	lib, err := libchdb.Load(library)
	if err != nil {
		return cost, err
	}
	e, err := lib.Open(filepath.Join(dir, "engine"), "")
	if err != nil {
		return cost, err
	}
	defer e.Close()
	conn, err := e.Conn()
	if err != nil {
		return cost, err
	}
	defer conn.Close()
	q := query{conn}
	for _, set := range []string{"max_threads = 1", "max_insert_threads = 1", "input_format_parallel_parsing = 0",
		"date_time_input_format = 'best_effort'"} {
		if err := q.run("SET " + set); err != nil {
			return cost, err
		}
	}
	columns := columnsOf(types.text, types.address)
	create := "CREATE OR REPLACE TABLE lines (" + columns + ") ENGINE = Memory"
	parse := fmt.Sprintf("INSERT INTO lines SELECT * FROM file('%s', JSONEachRow, '%s')", path,
		strings.ReplaceAll(columns, "'", "''"))
	each := func(sql string, into *float64) {
		if err != nil {
			return
		}
		var took time.Duration
		took, err = least(rounds, func() error { return q.run(sql) })
		*into = perRecord(took, len(rs))
	}
	cost.parse = 1e9
	for range rounds {
		if err := q.run(create); err != nil {
			return cost, err
		}
		took, err := least(1, func() error { return q.run(parse) })
		if err != nil {
			return cost, err
		}
		cost.parse = min(cost.parse, perRecord(took, len(rs)))
	}
	each(byStatus, &cost.status)
	each(byKey, &cost.key)
	each(byClient, &cost.client)
	return cost, err
}

type query struct{ conn *libchdb.Conn }

// run executes sql and drops what it returns.
func (q query) run(sql string) error {
	res, err := q.conn.Query([]byte(sql), "Null", nil)
	if err != nil {
		return fmt.Errorf("%.60s…: %w", sql, err)
	}
	res.Free()
	return nil
}

func writeLines(path string, rs []block.Record) error {
	size := 0
	for _, r := range rs {
		size += len(r.Value) + 1
	}
	b := make([]byte, 0, size)
	for _, r := range rs {
		b = append(append(b, r.Value...), '\n')
	}
	return os.WriteFile(path, b, 0o644)
}

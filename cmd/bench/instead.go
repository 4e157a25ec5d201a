package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"statline/ingest/traffic"
)

// insteadBlock is how many lines ClickHouse's Kafka engine makes a block of.
const insteadBlock = 65_536

// insteadRounds is how often each side is measured; the cheapest round counts.
const insteadRounds = 3

// instead measures the alternative to statline: ClickHouse alone, which parses the lines of
// the bench scenario and groups them by materialized views. Its setup costs it least: the
// lines themselves instead of a topic, keys in clear, no lists of a key's addresses, no
// deduplication of repeated blocks, and hours made of the minutes of each block. Nobody
// looks for incidents there, so statline is measured without its detectors, too.
func (b *bench) instead(ctx context.Context) error {
	records := b.backlogs[0]
	with, without := math.Inf(1), math.Inf(1)
	views := []struct {
		name   string
		views  []string
		target float64
		cpu    float64
		rate   float64
	}{
		{"four views into minute tables", minuteViews(), 2.4, math.Inf(1), 0},
		{"seven views, hour tables too", append(minuteViews(), hourViews()...), 3, math.Inf(1), 0},
	}
	for range insteadRounds {
		got, err := b.drain(ctx, b.binary, records)
		if err != nil {
			return err
		}
		with = min(with, got.chain())
		if got, err = b.drain(ctx, b.binary, records, "--watch=false"); err != nil {
			return err
		}
		without = min(without, got.chain())
		for i := range views {
			v := &views[i]
			cpu, wall, err := b.alone(ctx, v.views, records)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.cpu, v.rate = min(v.cpu, cpu), max(v.rate, float64(records)/wall.Seconds())
		}
	}
	for _, v := range views {
		b.table.judge("instead", "ClickHouse alone, "+v.name,
			fmt.Sprintf("%.1fx the CPU of daemon and engine, %.1fx without detectors: %.2f s beside %.2f and %.2f s per million records (%.0f records/s)",
				v.cpu/with, v.cpu/without, v.cpu, with, without, v.rate),
			fmt.Sprintf(">= %gx", v.target), v.cpu/with >= v.target)
	}
	return nil
}

// alone inserts records into a fresh engine with these tables and views, and returns
// the engine's CPU seconds per million records.
func (b *bench) alone(ctx context.Context, statements []string, records int) (
	cpu float64, wall time.Duration, err error,
) {
	b.drains++
	err = b.withServers(ctx, fmt.Sprintf("instead-%d", b.drains), func(s servers) error {
		for _, text := range append([]string{
			"CREATE DATABASE alone",
			"CREATE TABLE alone.lines (" + columnsOf("String", "String") + ") ENGINE = Null",
		}, statements...) {
			if _, err := ask(ctx, s.engine.addr, text); err != nil {
				return err
			}
		}
		g, err := traffic.New(traffic.Config{Seed: 1, Scenario: traffic.Bench, Count: int64(records)})
		if err != nil {
			return err
		}
		began, before := time.Now(), s.engine.cpu()
		if err := insertLines(ctx, s.engine.addr, g); err != nil {
			return err
		}
		wall, cpu = time.Since(began), (s.engine.cpu()-before).Seconds()/float64(records)*1e6
		for _, table := range []string{"responses", "services", "keys", "clients"} {
			n, err := ask(ctx, s.engine.addr, "SELECT sum(requests) FROM alone."+table)
			if err != nil || n != fmt.Sprint(records) {
				return fmt.Errorf("got %s requests in %s (%w); want %d", n, table, err, records)
			}
		}
		return nil
	})
	return cpu, wall, err
}

// insertLines sends the lines of g in blocks of insteadBlock.
func insertLines(ctx context.Context, address string, g traffic.Source) error {
	const insert = "INSERT INTO alone.lines SETTINGS date_time_input_format = 'best_effort', input_format_parallel_parsing = 0," +
		" max_insert_block_size = 65536, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0 FORMAT JSONEachRow"
	var lines []byte
	for more := true; more; {
		lines = lines[:0]
		for range insteadBlock {
			if lines, _, _, more = g.Next(lines); !more {
				break
			}
			lines = append(lines, '\n')
		}
		if len(lines) == 0 {
			return nil
		}
		if _, err := ask(ctx, address, insert, lines...); err != nil {
			return err
		}
	}
	return nil
}

// minuteViews create the tables of minutes and the views that fill them.
func minuteViews() []string {
	const to = "ENGINE = AggregatingMergeTree PARTITION BY toDate(minute) ORDER BY "
	const sums = "requests SimpleAggregateFunction(sum, UInt64), bytes SimpleAggregateFunction(sum, UInt64)"
	const latency = "latency AggregateFunction(quantileTDigest, Float64)"
	return []string{
		"CREATE TABLE alone.responses (minute DateTime, service LowCardinality(String), route LowCardinality(String), method LowCardinality(String), http_status UInt16, code UInt16, " +
			sums + ", " + latency + ") " + to + "(service, route, method, http_status, code, minute)",
		"CREATE TABLE alone.services (minute DateTime, service LowCardinality(String), http_status UInt16, code UInt16, " + sums + ", " + latency + ") " + to + "(service, http_status, code, minute)",
		"CREATE TABLE alone.keys (minute DateTime, api_key String, service LowCardinality(String), http_status UInt16, code UInt16, " + sums +
			", first SimpleAggregateFunction(min, DateTime), last SimpleAggregateFunction(max, DateTime)) " + to + "(http_status, api_key, service, code, minute)",
		"CREATE TABLE alone.clients (minute DateTime, client_ip String, http_status UInt16, code UInt16, requests SimpleAggregateFunction(sum, UInt64)) " + to + "(http_status, client_ip, code, minute)",
		"CREATE MATERIALIZED VIEW alone.to_responses TO alone.responses AS SELECT toStartOfMinute(ts) AS minute, service, route, method, status AS http_status, code, count() AS requests, sum(bytes) AS bytes, quantileTDigestState(latency_ms) AS latency" +
			" FROM alone.lines GROUP BY minute, service, route, method, http_status, code",
		"CREATE MATERIALIZED VIEW alone.to_services TO alone.services AS SELECT toStartOfMinute(ts) AS minute, service, status AS http_status, code, count() AS requests, sum(bytes) AS bytes, quantileTDigestState(latency_ms) AS latency" +
			" FROM alone.lines GROUP BY minute, service, http_status, code",
		"CREATE MATERIALIZED VIEW alone.to_keys TO alone.keys AS SELECT toStartOfMinute(ts) AS minute, api_key, service, status AS http_status, code, count() AS requests, sum(bytes) AS bytes, min(toDateTime(ts)) AS first, max(toDateTime(ts)) AS last" +
			" FROM alone.lines GROUP BY minute, api_key, service, http_status, code",
		"CREATE MATERIALIZED VIEW alone.to_clients TO alone.clients AS SELECT toStartOfMinute(ts) AS minute, client_ip, status AS http_status, code, count() AS requests" +
			" FROM alone.lines GROUP BY minute, client_ip, http_status, code",
	}
}

// hourViews create the tables of hours and the views that fill them from what is
// inserted into the tables of minutes.
func hourViews() (statements []string) {
	for _, table := range []struct{ name, key, sums string }{
		{"responses", "service, route, method, http_status, code", "sum(requests) AS requests, sum(bytes) AS bytes, quantileTDigestMergeState(latency) AS latency"},
		{"services", "service, http_status, code", "sum(requests) AS requests, sum(bytes) AS bytes, quantileTDigestMergeState(latency) AS latency"},
		{"keys", "api_key, service, http_status, code", "sum(requests) AS requests, sum(bytes) AS bytes, min(first) AS first, max(last) AS last"},
	} {
		statements = append(statements,
			"CREATE TABLE alone."+table.name+"_hour AS alone."+table.name,
			"CREATE MATERIALIZED VIEW alone.to_"+table.name+"_hour TO alone."+table.name+"_hour AS SELECT toStartOfHour(t.minute) AS minute, "+table.key+", "+table.sums+
				" FROM alone."+table.name+" AS t GROUP BY minute, "+table.key)
	}
	return statements
}

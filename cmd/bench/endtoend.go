package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// endToEnd drains a backlog with the daemon as a user runs it: broker, engine
// and daemon are three processes.
func (b *bench) endToEnd(ctx context.Context) error {
	var peaks []int64
	for _, n := range b.backlogs {
		peak, err := b.drain(ctx, n)
		if err != nil {
			return fmt.Errorf("run over %d records: %w", n, err)
		}
		peaks = append(peaks, peak)
	}
	if len(peaks) > 1 {
		first, last := float64(peaks[0]), float64(peaks[len(peaks)-1])
		growth := (last - first) / first * 100
		b.table.judge("run", "growth of the peak memory from the smallest to the largest backlog", fmt.Sprintf("%+.0f %%", growth), "within 10 %", growth <= 10)
	}
	return nil
}

func (b *bench) drain(ctx context.Context, records int) (peak int64, err error) {
	data := filepath.Join(b.dir, "run-"+strconv.Itoa(records))
	broker, err := serve(ctx, b.binary, "--kafka", "127.0.0.1:0", "--clickhouse", "", "--data", filepath.Join(data, "broker"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, broker.stop()) }()
	engine, err := serve(ctx, b.binary, "--kafka", "", "--clickhouse", "127.0.0.1:0", "--data", filepath.Join(data, "engine"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, engine.stop()) }()
	if _, err := execute(ctx, b.binary, "generate", "--to", "kafka", "--brokers", broker.addr, "--scenario", "bench", "--count", strconv.Itoa(records)); err != nil {
		return 0, err
	}
	brokerCPU, engineCPU := broker.cpu(), engine.cpu()
	took, err := execute(ctx, b.binary, "run", "--brokers", broker.addr, "--clickhouse", engine.addr, "--listen", "", "--until-caught-up", "--memory-budget", "128MiB")
	if err != nil {
		return 0, err
	}
	brokerCPU, engineCPU = broker.cpu()-brokerCPU, engine.cpu()-engineCPU
	stored, err := ask(ctx, engine.addr, "SELECT sum(requests) FROM statline.responses")
	if err != nil {
		return 0, err
	}
	if stored != strconv.Itoa(records) {
		return 0, fmt.Errorf("got %s records stored; want %d", stored, records)
	}
	parts, err := ask(ctx, engine.addr, "SELECT max(n) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = 'statline' GROUP BY table)")
	if err != nil {
		return 0, err
	}
	b.judgeRun(records, took, brokerCPU.Seconds(), engineCPU.Seconds(), parts)
	return took.peak, nil
}

func (b *bench) judgeRun(records int, took finished, brokerCPU, engineCPU float64, parts string) {
	millions := float64(records) / 1e6
	name := fmt.Sprintf("%g million records, 4 partitions, --memory-budget 128MiB", millions)
	rate := float64(records) / took.wall.Seconds()
	b.table.judge("run", name, fmt.Sprintf("%.0f records/s (load %.1f)", rate, load()), ">= 700,000 records/s", rate >= 700_000)
	cpu := took.cpu.Seconds() / millions
	b.table.judge("run", "CPU of the daemon", fmt.Sprintf("%.2f s per million records", cpu), "<= 1.0 s", cpu <= 1)
	b.table.add("run", "CPU of the others", fmt.Sprintf("broker %.2f s, engine %.2f s per million records; at most %s parts a table", brokerCPU/millions, engineCPU/millions, parts))
	b.table.judge("run", "peak memory of the daemon", fmt.Sprintf("%d MiB", took.peak>>10), "<= 256 MiB", took.peak <= 256<<10)
}

// ask runs a query that returns one value.
func ask(ctx context.Context, address, sql string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/?query="+url.QueryEscape(sql), nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", sql, body)
	}
	return strings.TrimSpace(string(body)), nil
}

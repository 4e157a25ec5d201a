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
		b.table.judge("run", "growth of the peak memory from the smallest to the largest backlog",
			fmt.Sprintf("%+.0f %%", growth), "within 10 %", growth <= 10)
	}
	return nil
}

// servers are a broker and an engine, a process each.
type servers struct{ broker, engine *server }

// withServers starts a broker and an engine that keep their files in dir, and
// stops them when f returns. The files stay until the program ends: deleting
// many of them slows the next stage down (ext4 looks at every inode that was
// freed a moment ago).
func (b *bench) withServers(ctx context.Context, dir string, f func(s servers) error) (err error) {
	data := filepath.Join(b.dir, dir)
	broker, err := serve(ctx, b.binary, "--kafka", "127.0.0.1:0", "--clickhouse", "", "--data",
		filepath.Join(data, "broker"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.stop()) }()
	engine, err := serve(ctx, b.binary, "--kafka", "", "--clickhouse", "127.0.0.1:0", "--data",
		filepath.Join(data, "engine"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.stop()) }()
	return f(servers{broker, engine})
}

// drained runs the daemon until it has stored the backlog, which is records
// long.
func (s servers) drained(ctx context.Context, binary string, records int, budget string) (took finished, err error) {
	took, err = execute(ctx, binary, "run", "--brokers", s.broker.addr, "--clickhouse", s.engine.addr, "--listen", "",
		"--until-caught-up", "--memory-budget", budget)
	if err != nil {
		return took, err
	}
	return took, s.stored(ctx, records)
}

// stored fails unless so many responses are stored.
func (s servers) stored(ctx context.Context, records int) error {
	n, err := ask(ctx, s.engine.addr, "SELECT sum(requests) FROM statline.responses")
	if err == nil && n != strconv.Itoa(records) {
		err = fmt.Errorf("got %s records stored; want %d", n, records)
	}
	return err
}

// drain lets the daemon store records of the bench scenario and returns its
// peak memory in kilobytes.
func (b *bench) drain(ctx context.Context, records int) (peak int64, err error) {
	err = b.withServers(ctx, "run-"+strconv.Itoa(records), func(s servers) error {
		if _, err := execute(ctx, b.binary, "generate", "--to", "kafka", "--brokers", s.broker.addr, "--scenario",
			"bench", "--count", strconv.Itoa(records)); err != nil {
			return err
		}
		brokerCPU, engineCPU := s.broker.cpu(), s.engine.cpu()
		took, err := s.drained(ctx, b.binary, records, "128MiB")
		if err != nil {
			return err
		}
		brokerCPU, engineCPU = s.broker.cpu()-brokerCPU, s.engine.cpu()-engineCPU
		parts, err := ask(ctx, s.engine.addr,
			"SELECT max(n) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = 'statline' GROUP BY table)")
		if err != nil {
			return err
		}
		b.judgeRun(records, took, brokerCPU.Seconds(), engineCPU.Seconds(), parts)
		peak = took.peak
		return nil
	})
	return peak, err
}

func (b *bench) judgeRun(records int, took finished, brokerCPU, engineCPU float64, parts string) {
	millions := float64(records) / 1e6
	name := fmt.Sprintf("%g million records, 4 partitions, --memory-budget 128MiB", millions)
	rate := float64(records) / took.wall.Seconds()
	b.table.judge("run", name, fmt.Sprintf("%.0f records/s (load %.1f)", rate, load()), ">= 700,000 records/s",
		rate >= 700_000)
	cpu := took.cpu.Seconds() / millions
	b.table.judge("run", "CPU of the daemon", fmt.Sprintf("%.2f s per million records", cpu), "<= 1.0 s", cpu <= 1)
	b.table.add("run", "CPU of the others",
		fmt.Sprintf("broker %.2f s, engine %.2f s per million records; at most %s parts a table", brokerCPU/millions,
			engineCPU/millions, parts))
	b.table.judge("run", "peak memory of the daemon", fmt.Sprintf("%d MiB", took.peak>>10), "<= 256 MiB",
		took.peak <= 256<<10)
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

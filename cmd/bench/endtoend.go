package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// endToEnd drains backlogs with the daemon as a user runs it: broker, engine
// and daemon are three processes.
func (b *bench) endToEnd(ctx context.Context) error {
	var peaks []int64
	for _, n := range b.backlogs {
		got, err := b.drain(ctx, b.binary, n)
		if err != nil {
			return fmt.Errorf("run over %d records: %w", n, err)
		}
		b.judgeRun(got)
		b.constants = got.constants(b.constants)
		peaks = append(peaks, got.peak)
		if b.against == "" {
			continue
		}
		other, err := b.drain(ctx, b.against, n)
		if err != nil {
			return fmt.Errorf("run of %s over %d records: %w", b.against, n, err)
		}
		share := got.chain() / other.chain() * 100
		b.table.judge("run", fmt.Sprintf("CPU of daemon and engine beside the other binary, %g million records", got.millions()),
			fmt.Sprintf("%.0f %%: %.2f of %.2f s per million records", share, got.chain(), other.chain()), "<= 70 %", share <= 70)
	}
	if len(peaks) > 1 {
		first, last := float64(peaks[0]), float64(peaks[len(peaks)-1])
		growth := (last - first) / first * 100
		b.table.judge("run", "growth of the peak memory from the smallest to the largest backlog", fmt.Sprintf("%+.0f %%", growth), "within 10 %", growth <= 10)
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
	broker, err := serve(ctx, b.binary, "--kafka", "127.0.0.1:0", "--clickhouse", "", "--data", filepath.Join(data, "broker"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.stop()) }()
	engine, err := serve(ctx, b.binary, "--kafka", "", "--clickhouse", "127.0.0.1:0", "--data", filepath.Join(data, "engine"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.stop()) }()
	return f(servers{broker, engine})
}

// drained runs the daemon until it has stored the backlog, which is records
// long.
func (s servers) drained(ctx context.Context, binary string, records int, budget string, flags ...string) (
	took finished, err error,
) {
	took, err = execute(ctx, binary, append([]string{"run", "--brokers", s.broker.addr, "--clickhouse", s.engine.addr,
		"--listen", "", "--until-caught-up", "--memory-budget", budget}, flags...)...)
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

// backlog is what draining a backlog cost.
type backlog struct {
	finished       // the daemon
	records        int
	broker, engine time.Duration // CPU
	parts          string        // at most, of a table
	// Rows that INSERTs wrote, and that merges wrote again.
	inserted, merged float64
}

func (g backlog) millions() float64 { return float64(g.records) / 1e6 }

// chain is the CPU of daemon and engine, in seconds per million records.
func (g backlog) chain() float64 { return (g.cpu + g.engine).Seconds() / g.millions() }

// constants returns c with the costs of a record of this backlog.
func (g backlog) constants(c constants) constants {
	n := float64(g.records)
	c.daemon, c.engine = float64(g.cpu.Microseconds())/n, float64(g.engine.Microseconds())/n
	c.broker = float64(g.broker.Microseconds()) / n
	c.inserted, c.merged = g.inserted/n, g.merged/n
	return c
}

// rowsWritten are those of the engine since it started.
func (s servers) rowsWritten(ctx context.Context) (inserted, merged float64, err error) {
	text, err := ask(ctx, s.engine.addr, "SELECT concat(toString(sumIf(value, event = 'InsertedRows')), ' ', toString(sumIf(value, event = 'MergeWrittenRows'))) FROM system.events")
	if err == nil {
		_, err = fmt.Sscan(text, &inserted, &merged)
	}
	return inserted, merged, err
}

// drain lets the daemon store records of the bench scenario.
func (b *bench) drain(ctx context.Context, binary string, records int, flags ...string) (got backlog, err error) {
	b.drains++
	err = b.withServers(ctx, "run-"+strconv.Itoa(b.drains), func(s servers) (err error) {
		if _, err := execute(ctx, b.binary, "generate", "--to", "kafka", "--brokers", s.broker.addr, "--scenario", "bench", "--count", strconv.Itoa(records)); err != nil {
			return err
		}
		broker, engine := s.broker.cpu(), s.engine.cpu()
		got.records = records
		if got.finished, err = s.drained(ctx, binary, records, "128MiB", flags...); err != nil {
			return err
		}
		got.broker, got.engine = s.broker.cpu()-broker, s.engine.cpu()-engine
		if got.inserted, got.merged, err = s.rowsWritten(ctx); err != nil {
			return err
		}
		got.parts, err = ask(ctx, s.engine.addr, "SELECT max(n) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = 'statline' GROUP BY table)")
		return err
	})
	return got, err
}

func (b *bench) judgeRun(got backlog) {
	name := fmt.Sprintf("%g million records, 4 partitions, --memory-budget 128MiB", got.millions())
	rate := float64(got.records) / got.wall.Seconds()
	b.table.judge("run", name, fmt.Sprintf("%.0f records/s (load %.1f)", rate, load()), ">= 700,000 records/s", rate >= 700_000)
	cpu := got.cpu.Seconds() / got.millions()
	b.table.judge("run", "CPU of the daemon", fmt.Sprintf("%.2f s per million records", cpu), "<= 1.0 s", cpu <= 1)
	b.table.add("run", "CPU of the others", fmt.Sprintf("broker %.2f s, engine %.2f s per million records; at most %s parts a table",
		got.broker.Seconds()/got.millions(), got.engine.Seconds()/got.millions(), got.parts))
	b.table.judge("run", "peak memory of the daemon", fmt.Sprintf("%d MiB", got.peak>>10), "<= 256 MiB", got.peak <= 256<<10)
}

// ask runs a statement, with data where it is an INSERT, and returns its answer.
func ask(ctx context.Context, address, sql string, data ...byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/?query="+url.QueryEscape(sql),
		bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%.100s…: %s", sql, body)
	}
	return strings.TrimSpace(string(body)), err
}

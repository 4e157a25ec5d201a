package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"statline/ingest/traffic"
)

// file is a log on disk.
type file struct {
	path  string
	lines int
	bytes int64
}

// writeFile writes at least size bytes of bench traffic, as JSON lines or,
// with f, in another format.
func writeFile(path string, size int64, f *format) (_ file, err error) {
	g, err := traffic.New(traffic.Config{Seed: 1, Scenario: traffic.Bench})
	if err != nil {
		return file{}, err
	}
	to, err := os.Create(path)
	if err != nil {
		return file{}, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	w := bufio.NewWriterSize(to, 1<<20)
	out := file{path: path}
	var line, text []byte
	for out.bytes < size {
		var at int64
		line, at, _, _ = g.Next(line[:0])
		text = line
		if f != nil {
			l, err := parseBench(line)
			if err != nil {
				return out, err
			}
			text = f.render(nil, &l, time.UnixMilli(at).UTC(), out.lines)
		}
		text = append(text, '\n')
		if _, err := w.Write(text); err != nil {
			return out, err
		}
		out.lines++
		out.bytes += int64(len(text))
	}
	return out, w.Flush()
}

func (b *bench) analyze(ctx context.Context) error {
	stage := "analyze"
	lines, err := writeFile(filepath.Join(b.dir, "bench.jsonl"), b.fileBytes, nil)
	if err != nil {
		return err
	}
	took, err := execute(ctx, b.binary, "analyze", "--json", lines.path)
	if err != nil {
		return err
	}
	if err := os.Remove(lines.path); err != nil {
		return err
	}
	rate := float64(lines.lines) / took.wall.Seconds()
	b.table.judge(stage, fmt.Sprintf("bench JSON, %.2f GB, %d lines", float64(lines.bytes)/1e9, lines.lines),
		fmt.Sprintf("%.2f million lines/s (load %.1f), %.2f us CPU a line, peak %d MiB", rate/1e6, load(),
			perRecord(took.cpu, lines.lines), took.peak>>10),
		">= 1.2 million lines/s", rate >= 1.2e6)
	return b.goaccess(ctx)
}

// goaccess reads the same file with both programs.
func (b *bench) goaccess(ctx context.Context) error {
	name, err := exec.LookPath("goaccess")
	if err != nil {
		return fmt.Errorf("compare with GoAccess: %w (apt-get install goaccess, or --only without analyze)", err)
	}
	combined := formats()[0]
	lines, err := writeFile(filepath.Join(b.dir, "access.log"), b.fileBytes, &combined)
	if err != nil {
		return err
	}
	defer os.Remove(lines.path)
	ours, err := execute(ctx, b.binary, "analyze", "--json", lines.path)
	if err != nil {
		return err
	}
	theirs, err := execute(ctx, name, lines.path, "--log-format=COMBINED", "--no-progress", "-o",
		filepath.Join(b.dir, "goaccess.json"))
	if err != nil {
		return err
	}
	ratio := theirs.wall.Seconds() / ours.wall.Seconds()
	b.table.add("analyze", fmt.Sprintf("nginx combined, %.2f GB, %d lines", float64(lines.bytes)/1e9, lines.lines),
		fmt.Sprintf("%.2f million lines/s, %.2f us CPU a line", float64(lines.lines)/ours.wall.Seconds()/1e6,
			perRecord(ours.cpu, lines.lines)))
	b.table.judge("analyze", "GoAccess on the same file",
		fmt.Sprintf("%.1fx slower by the clock, %.1fx in CPU (%.2f us a line)", ratio,
			theirs.cpu.Seconds()/ours.cpu.Seconds(), perRecord(theirs.cpu, lines.lines)),
		">= 25x", ratio >= 25)
	return nil
}

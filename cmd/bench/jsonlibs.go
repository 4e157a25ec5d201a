package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"statline/ingest/block"
)

// measureJSON is the CPU cost of reading rs into a struct with encoding/json,
// and nothing else.
func measureJSON(rs []block.Record, rounds int) (float64, error) {
	cost, err := least(rounds, func() error {
		for i := range rs {
			var l benchLine
			if err := json.Unmarshal(rs[i].Value, &l); err != nil {
				return err
			}
		}
		return nil
	})
	return perRecord(cost, len(rs)), err
}

// sonicModule is where sonic is measured: a module of its own, so that the
// library is no dependency of statline.
const sonicModule = "ingest/decode/sonicbench"

var cpuFigure = regexp.MustCompile(`([0-9.]+) cpu-ns/op`)

// sonicCost is the CPU cost of reading records into a struct with sonic.
type sonicCost struct {
	binary, lines string // files
	records       int
	perRecord     float64 // microseconds, of the cheapest round
}

// newSonicCost writes the records to a file and builds the module's benchmark.
func newSonicCost(ctx context.Context, rs []block.Record, dir string) (*sonicCost, error) {
	path, err := filepath.Abs(filepath.Join(dir, "sonic.jsonl"))
	if err != nil {
		return nil, err
	}
	c := &sonicCost{binary: filepath.Join(filepath.Dir(path), "sonic.test"), lines: path, records: len(rs),
		perRecord: math.Inf(1)}
	if err := writeLines(path, rs); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", c.binary, ".")
	cmd.Dir = sonicModule
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go test -c in %s: %w\n%s", sonicModule, err, out)
	}
	return c, nil
}

// round measures once more; the cheapest round counts.
func (c *sonicCost) round(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.binary, "-test.run", "^$", "-test.bench", "^BenchmarkSonic$",
		"-test.benchtime", strconv.Itoa(c.records)+"x")
	cmd.Dir, cmd.Env = sonicModule, append(os.Environ(), "STATLINE_BENCH_LINES="+c.lines)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.binary, err, out)
	}
	m := cpuFigure.FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("%s printed no cpu-ns/op:\n%s", c.binary, out)
	}
	ns, err := strconv.ParseFloat(string(m[1]), 64)
	c.perRecord = min(c.perRecord, ns/1e3)
	return err
}

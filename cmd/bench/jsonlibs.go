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

// measureSonic is the CPU cost of reading rs into a struct with sonic. It
// builds and runs the module's benchmark on the same lines.
func measureSonic(ctx context.Context, rs []block.Record, dir string, rounds int) (float64, error) {
	path, err := filepath.Abs(filepath.Join(dir, "sonic.jsonl"))
	if err != nil {
		return 0, err
	}
	if err := writeLines(path, rs); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkSonic$",
		"-benchtime", strconv.Itoa(len(rs))+"x", "-count", strconv.Itoa(rounds), ".")
	cmd.Dir, cmd.Env = sonicModule, append(os.Environ(), "STATLINE_BENCH_LINES="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("go test in %s: %w\n%s", sonicModule, err, out)
	}
	least := math.Inf(1)
	for _, m := range cpuFigure.FindAllSubmatch(out, -1) {
		ns, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return 0, err
		}
		least = min(least, ns/1e3)
	}
	if math.IsInf(least, 1) {
		return 0, fmt.Errorf("go test in %s printed no cpu-ns/op:\n%s", sonicModule, out)
	}
	return least, nil
}

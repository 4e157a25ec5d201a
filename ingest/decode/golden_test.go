package decode

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenRecord is a record and what is decoded of it, field by field; fields
// that are unknown are left out.
type goldenRecord struct {
	Record string     `json:"record"`
	Got    [][]string `json:"got"`
}

// Promise: what a line means changes only on purpose. The records are all that
// the tests of this package decode with format auto; a change shows in the
// golden file, line by line, and needs another Version.
func TestGolden(t *testing.T) {
	const path = "testdata/golden/records.jsonl"
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	changed := 0
	lines := bufio.NewScanner(bytes.NewReader(in))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g goldenRecord
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		want := g.Got
		g.Got = [][]string{}
		for _, r := range decodeAll(t, Config{}, g.Record) {
			g.Got = append(g.Got, known(r))
		}
		if !slices.EqualFunc(g.Got, want, func(a, b []string) bool { return slices.Equal(a, b) }) {
			if changed++; changed <= 5 && !*update {
				t.Errorf("%s\n got %v\nwant %v", g.Record, g.Got, want)
			}
		}
		if err := enc.Encode(g); err != nil {
			t.Fatal(err)
		}
	}
	if changed == 0 {
		return
	}
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%d records decode differently (go test -run TestGolden -update writes the file anew)", changed)
}

// known lists the fields of a result that are not empty, the raw bytes of a
// reject left out.
func known(g got) []string {
	g.Raw = ""
	var all []string
	for i, f := range fields(g) {
		if empty := fields(got{Latency: -1, Upstream: -1, UpstreamStatus: -1})[i]; f != empty &&
			!strings.HasSuffix(f, " -1") {
			all = append(all, f)
		}
	}
	return all
}

// Package e2e tests statline from outside: the real binary against the embedded
// broker and engine, and the laws of the tree.
package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"statline/classify"
)

// root is the repository's top, seen from this package.
const root = "../.."

// eachGoFile calls each with the path, seen from the root, of every Go file of
// the repository.
func eachGoFile(t *testing.T, each func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			name := d.Name()
			if rel != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ".go") {
			each(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// packageImports maps each folder of this module to what its files import.
// Tests count apart: they may use real parts that the code must not.
func packageImports(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	eachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if all[dir] == nil {
			all[dir] = map[string]bool{}
		}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			all[dir][p] = true
		}
	})
	if len(all) < 8 {
		t.Fatalf("found %d packages; the walk is broken", len(all))
	}
	return all
}

// Each driver has one owner, so that it can be understood and replaced in one
// place.
func TestDriverHasOneOwner(t *testing.T) {
	owners := map[string][]string{
		"github.com/segmentio/kafka-go":                {"ingest/source"},
		"github.com/ClickHouse/clickhouse-go":          {"ingest/store", "ingest/schema", "dashboards/grafanatest"},
		"github.com/ClickHouse/ch-go":                  {"ingest/store", "ingest/sandbox"},
		"github.com/twmb/franz-go":                     {"ingest/sandbox", "ingest/traffic"},
		"github.com/cenkalti/backoff":                  {"ingest/retry"},
		"github.com/ebitengine/purego":                 {"ingest/sandbox"},
		"github.com/grafana/grafana-foundation-sdk/go": {"dashboards/grafana"},
		"github.com/aws":                               {"ingest/source"},
		"golang.org/x/oauth2":                          {"ingest/source"},
		"github.com/modelcontextprotocol/go-sdk":       {"cmd/statline"},
		"golang.org/x/crypto":                          {"dashboards/receipt"},
		"github.com/spf13/cobra":                       {"cmd/statline"},
		"github.com/knadh/koanf":                       {"ingest/config"},
		"github.com/go-viper/mapstructure":             {"ingest/config"},
		"charm.land":                                   {"cmd/statline"},
		"github.com/charmbracelet":                     {"cmd/statline"},
	}
	for dir, imports := range packageImports(t) {
		for imported := range imports {
			for driver, allowed := range owners {
				if imported != driver && !strings.HasPrefix(imported, driver+"/") {
					continue
				}
				if !within(dir, allowed) {
					t.Errorf("%s imports %s; only %s may", dir, imported, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

// classify thinks: it has no clock, file, socket, lock, goroutine or
// randomness, and knows nothing of who calls it.
func TestClassifyIsPure(t *testing.T) {
	const yamlModule = "github.com/goccy/go-yaml"
	impure := []string{"os", "net", "sync", "context", "io/fs", "math/rand", "math/rand/v2", "crypto/rand", "log",
		"log/slog", "os/exec", "syscall", "unsafe"}
	for dir, imports := range packageImports(t) {
		if !within(dir, []string{"classify"}) {
			continue
		}
		for imported := range imports {
			for _, bad := range impure {
				if imported == "unsafe" && dir == "classify/prefetch" {
					continue // a hint by address, which changes no result
				}
				if imported == bad ||
					strings.HasPrefix(imported, "net/") && imported != "net/netip" { // addresses are values
					t.Errorf("%s imports %s: classify must stay pure", dir, imported)
				}
			}
			if strings.HasPrefix(imported, "statline/") && !strings.HasPrefix(imported, "statline/classify") {
				t.Errorf("%s imports %s: classify depends on nothing of ours", dir, imported)
			}
			if strings.Contains(strings.Split(imported, "/")[0], ".") && imported != yamlModule &&
				!strings.HasPrefix(imported, yamlModule+"/") {
				t.Errorf("%s imports %s: classify depends on no driver", dir, imported)
			}
		}
	}
}

// classify thinks, ingest moves, dashboards shows, cmd wires: arrows point one
// way.
func TestArrowsPointOneWay(t *testing.T) {
	forbidden := []struct{ from, to string }{
		{"ingest", "statline/dashboards"}, {"ingest", "statline/cmd"}, {"dashboards", "statline/cmd"},
		{"dashboards", "statline/ingest"}, {"cmd/statline", "statline/dashboards/query"},
		{"ingest/block", "statline/ingest/source"}, {"ingest/block", "statline/ingest/store"},
		{"ingest/decode", "statline/ingest"}, {"ingest/retry", "statline"},
		{"ingest/fold", "statline/ingest/source"}, {"ingest/fold", "statline/ingest/store"},
		{"ingest/fold", "statline/ingest/mend"},
		{"ingest/mend", "statline/ingest/watch"}, {"ingest/block", "statline/ingest/fold"},
		{"ingest/source", "statline/ingest/store"}, {"ingest/store", "statline/ingest/source"},
	}
	for dir, imports := range packageImports(t) {
		for imported := range imports {
			for _, f := range forbidden {
				if within(dir, []string{f.from}) && within(imported, []string{f.to}) &&
					!within(imported, []string{"statline/" + f.from}) && dir != "dashboards/grafanatest" {
					t.Errorf("%s imports %s", dir, imported)
				}
			}
		}
	}
}

// Which outcomes belong together is said once, beside the outcomes. An SQL text
// in Go takes the condition from there (classify.Group): it compares no outcome
// with a name and lists no names.
func TestOutcomeGroupsStandOnce(t *testing.T) {
	var names []string
	for _, o := range classify.Outcomes() {
		names = append(names, o.String())
	}
	name := "'(?:" + strings.Join(names, "|") + ")'"
	written := regexp.MustCompile(`outcome\)?\s*(?:=|!=|<>|(?:NOT )?IN\s*\()\s*'|` + name + `,\s*` + name)
	eachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "classify/group.go") ||
			strings.HasPrefix(path, "ingest/sandbox/sandboxtest/") {
			return // what tests fill tables with names outcomes
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if found := written.FindString(lit.Value); found != "" {
					t.Errorf("%s: %s is written by hand; take a group of classify/group.go", path, found)
				}
			}
			return true
		})
	})
}

// No drawers: a folder is named after what it does.
func TestNoDrawers(t *testing.T) {
	for dir := range packageImports(t) {
		switch filepath.Base(dir) {
		case "util", "utils", "helper", "helpers", "common", "types", "pkg", "misc":
			t.Errorf("%s: name the folder after what it does", dir)
		}
	}
}

func within(path string, folders []string) bool {
	for _, f := range folders {
		if path == f || strings.HasPrefix(path, f+"/") {
			return true
		}
	}
	return false
}

// cmd/statline wires: rows are read, summed and judged elsewhere, and only
// printed there.
func TestCommandsReadNoRows(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "cmd/statline/*.go"))
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files, %v; the search is broken", len(files), err)
	}
	reading := regexp.MustCompile("store\\.(Select|Each)\\b|\\.Conn\\(\\)\\.(Query|Select)|`ch:|\\.ReadRange\\(")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := reading.Find(text); found != nil {
			t.Errorf("%s reads rows (%s): leave that to dashboards/report or ingest", file, found)
		}
	}
	if packageImports(t)["cmd/statline"]["statline/classify/aggregate"] {
		t.Error("cmd/statline imports statline/classify/aggregate: it holds no rows")
	}
}

// mend and the daemon do not know each other: a repair runs while no daemon
// does.
func TestMendHasOneUser(t *testing.T) {
	for dir, imports := range packageImports(t) {
		if imports["statline/ingest/mend"] && dir != "cmd/statline" {
			t.Errorf("%s imports statline/ingest/mend; only cmd/statline may", dir)
		}
	}
}

// The Makefile leaves the race detector out where nothing runs at a time.
func TestCalmPackagesStartNoGoroutine(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^CALM := (.*)$`).FindSubmatch(makefile)
	if line == nil {
		t.Fatal("the Makefile names no CALM packages")
	}
	var calm []string
	for _, pattern := range strings.Fields(string(line[1])) {
		calm = append(calm, strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/..."))
	}
	for dir := range packageImports(t) {
		if !within(dir, calm) || within(dir, []string{"cmd", "dashboards/grafanatest"}) {
			// the latter is a module of its own
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine: take its package out of CALM in the Makefile", file)
				case *ast.SelectorExpr:
					if n.Sel.Name == "Go" {
						t.Errorf("%s starts a goroutine: take its package out of CALM in the Makefile", file)
					}
				}
				return true
			})
		}
	}
}

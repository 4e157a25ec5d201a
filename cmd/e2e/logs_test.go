package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logKeys are the keys of log lines, each with what it holds: one word for one
// thing, so that a search finds all of it.
var logKeys = map[string]string{
	"address":       "what we listen on",
	"as_declared":   "whether a block is folded under the rules it was declared under",
	"changed":       "how many entries of a file changed",
	"class":         "transient, waiting or permanent",
	"config_hash":   "of the rules of a block",
	"database":      "of the store",
	"difference":    "one finding of an audit",
	"end":           "offset after the last",
	"err":           "an error",
	"file":          "path of a file",
	"first":         "first offset",
	"from":          "time at which the detectors begin",
	"generation":    "of the consumer group",
	"group":         "consumer group",
	"incidents":     "how many",
	"keys":          "how many entries a file of names has",
	"leader":        "whether this member shares the partitions out",
	"member":        "of the consumer group",
	"message":       "what the embedded broker says",
	"needs_restart": "settings that changed and count from the next start on",
	"partition":     "of the topic",
	"partitions":    "those that this process owns",
	"query_id":      "of a statement to the embedded engine",
	"remote":        "address of who asks",
	"topic":         "Kafka topic",
	"tls":           "whether we listen with TLS",
	"suppressed":    "how many lines like this one were not written since the last one",
	"took":          "duration",
	"try":           "number of a try, from 1",
	"verb":          "first word of a statement",
	"version":       "of this binary",
	"wait":          "pause before the next try",
	"what":          "what is being done",
	"why":           "reason, for people",
}

// A log line's keys are of the list, written out where the line is.
func TestLogKeys(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") &&
			len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, key := range pairs(call) {
				name, ok := text(key)
				switch {
				case !ok:
					t.Errorf("%s: a key of a log line is an expression; want it written out", set.Position(key.Pos()))
				case logKeys[name] == "":
					t.Errorf("%s: log key %q; want one of %v, or a new one with its meaning", set.Position(key.Pos()),
						name, slices.Sorted(maps.Keys(logKeys)))
				}
				used[name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range logKeys {
		if !used[key] {
			t.Errorf("log key %q is in the list and nowhere else", key)
		}
	}
}

// pairs are the keys of a log line, nil when call is none: a message that is
// written out and pairs behind it, of a method of slog's Logger.
func pairs(call *ast.CallExpr) (keys []ast.Expr) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	before := map[string]int{"With": 0, "Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3,
		"DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2}
	n, ok := before[method.Sel.Name]
	if !ok || len(call.Args) < n+2 || (len(call.Args)-n)%2 != 0 {
		return nil
	}
	if n > 0 {
		if _, ok := text(call.Args[n-1]); !ok {
			return nil
		}
	}
	for i := n; i < len(call.Args); i += 2 {
		keys = append(keys, call.Args[i])
	}
	return keys
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

package e2e

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxColumns       = 120 // a tab counts as four
	maxFunctionLines = 80
	maxFileLines     = 500
	maxText          = 50 // columns of string literals, or of one name of others, after which a line is data
)

// longReason begins the comment that says why a function or a file is longer than
// the law allows: in a function's own comment, or anywhere in a file.
const longReason = "// Long because "

// unread are files that these laws do not hold in yet: others are at work there.
var unread []string

// eachReadFile is eachGoFile without the files that are unread.
func eachReadFile(t *testing.T, each func(path string)) {
	t.Helper()
	eachGoFile(t, func(path string) {
		if !slices.Contains(unread, path) {
			each(path)
		}
	})
}

// A line of Go ends at column 120, but for data: lines of a raw string, rows of a
// table of literals, lines that are mostly text, and addresses.
func TestLinesEndAtColumn120(t *testing.T) {
	eachReadFile(t, func(path string) {
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(src[:min(len(src), 300)], []byte("Code generated")) {
			return
		}
		for _, line := range longLines(src) {
			t.Errorf("%s:%d: over %d columns: give it another line, or a name", path, line, maxColumns)
		}
	})
}

// lexeme is one token of a source file.
type lexeme struct {
	from, to int
	kind     token.Token
}

func lexemes(src []byte) (all []lexeme) {
	set := token.NewFileSet()
	file := set.AddFile("", set.Base(), len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		pos, kind, text := s.Scan()
		if kind == token.EOF {
			return all
		}
		if kind == token.SEMICOLON && text == "\n" {
			continue
		}
		from := file.Offset(pos)
		all = append(all, lexeme{from, from + max(len(text), len(kind.String())*boolToInt(text == "")), kind})
	}
}

// longLines are the numbers of the lines that are too long and no data.
func longLines(src []byte) (long []int) {
	all := lexemes(src)
	from, number := 0, 0
	for line := range bytes.Lines(src) {
		number++
		to := from + len(bytes.TrimRight(line, "\n"))
		for len(all) > 0 && all[0].to <= from {
			all = all[1:]
		}
		if columns(string(src[from:to])) > maxColumns {
			n := 0
			for n < len(all) && all[n].from < to {
				n++
			}
			if !isData(src, from, to, all[:n]) {
				long = append(long, number)
			}
		}
		from += len(line)
	}
	return long
}

func columns(line string) int { return utf8.RuneCountInString(line) + 3*strings.Count(line, "\t") }

// isData reports a line that may be longer.
func isData(src []byte, from, to int, of []lexeme) bool {
	line := strings.TrimSpace(string(src[from:to]))
	if strings.Contains(line, "://") || strings.HasPrefix(line, "//go:") {
		return true
	}
	text := 0
	for _, l := range of {
		if l.from < from || l.to > to {
			return true // inside a raw string
		}
		if l.kind == token.STRING || l.kind == token.IDENT && l.to-l.from > maxText {
			text += columns(string(src[l.from:l.to]))
		}
	}
	row := strings.HasSuffix(line, "},") && (line[0] == '{' || strings.Contains(line, ": {"))
	return text > maxText || row
}

// A function ends on the screen that it begins on, and a file is read at one
// sitting; what is longer says why.
func TestFunctionsAndFilesAreShort(t *testing.T) {
	eachReadFile(t, func(path string) {
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(f) {
			return
		}
		if n := bytes.Count(src, []byte("\n")); n > maxFileLines && !bytes.Contains(src, []byte(longReason)) {
			t.Errorf("%s: %d lines; want at most %d, or a reason", path, n, maxFileLines)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
			if n > maxFunctionLines && !strings.Contains(comment(src, set, fn), longReason) {
				t.Errorf("%s: %s has %d lines; want at most %d, or a reason", path, fn.Name.Name, n, maxFunctionLines)
			}
		}
	})
}

// comment is the text above a function.
func comment(src []byte, set *token.FileSet, fn *ast.FuncDecl) string {
	if fn.Doc == nil {
		return ""
	}
	return string(src[set.Position(fn.Doc.Pos()).Offset:set.Position(fn.Doc.End()).Offset])
}

// The laws bite.
func TestSizeLawsBite(t *testing.T) {
	wide := strings.Repeat("wide, ", 25)
	for line, want := range map[string]int{
		"\tf(" + wide + "0)":                        1,
		"// " + wide:                                1,
		"\tf(`" + wide + "`)":                       0,
		"\tx := []T{\n{" + wide + "},\n}":           0,
		"\t// see https://example.com/" + wide:      0,
		"\ts := `\n" + wide + "\n`":                 0,
		fmt.Sprintf("\tf(%q, %s0)", "short", wide):  1,
		"\tlog(\"" + wide + "\", a, b, c, d, e, f)": 0,
	} {
		src := "package p\n\nfunc g() {\n" + line + "\n}\n"
		if got := longLines([]byte(src)); len(got) != want {
			t.Errorf("%q: got lines %v; want %d", line, got, want)
		}
	}
}

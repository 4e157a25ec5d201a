package fold

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every constant that is a reason is listed.
func TestReasons(t *testing.T) {
	found := 0
	for _, path := range []string{"times.go", "../decode/decode.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(v.Names[0].Name, "Reason") {
				return true
			}
			found++
			text, ok := v.Values[0].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s: %s is no text", path, v.Names[0].Name)
			}
			if reason, err := strconv.Unquote(text.Value); err != nil || !slices.Contains(Reasons(), reason) {
				t.Errorf("%s: %s is not among the reasons", path, v.Names[0].Name)
			}
			return true
		})
	}
	if found < 10 {
		t.Errorf("found %d constants; the search is broken", found)
	}
}

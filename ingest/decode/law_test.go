package decode

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Law: a file that holds a format holds nothing that another file needs, but
// the format itself. What formats share lives in files named for what they
// parse.
func TestFormatFilesStandAlone(t *testing.T) {
	files := parsePackage(t)
	owner := map[string]string{} // a name declared in a format's file, and where
	for path, f := range files {
		if !declaresFormat(f) {
			continue
		}
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || receiver(d) == "Decoder" {
					owner[d.Name.Name] = path
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						owner[v.Names[0].Name] = path
					}
				}
			}
		}
	}
	if len(owner) == 0 {
		t.Fatal("found no format; want every file with an about method")
	}
	for path, f := range files {
		if path == "format.go" { // the list of formats
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && owner[id.Name] != "" && owner[id.Name] != path && uses(f, id) {
				t.Errorf("%s uses %s of %s; want it in a file named for what it parses", path, id.Name, owner[id.Name])
			}
			return true
		})
	}
}

func parsePackage(t *testing.T) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	return files
}

func declaresFormat(f *ast.File) bool {
	for _, decl := range f.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok && d.Recv != nil && d.Name.Name == "about" {
			return true
		}
	}
	return false
}

func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, _ := typ.(*ast.Ident)
	if id == nil {
		return ""
	}
	return id.Name
}

// uses tells a use of a name from a field or a local of the same name.
func uses(f *ast.File, id *ast.Ident) bool {
	used := false
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch fun := call.Fun.(type) {
			case *ast.Ident:
				used = used || fun == id
			case *ast.SelectorExpr:
				x, isName := fun.X.(*ast.Ident)
				used = used || fun.Sel == id && isName && x.Name == "d"
			}
		}
		return true
	})
	return used
}

package limit

import (
	"slices"
	"strings"
	"testing"
)

// A key's limit is that of its id, else of its customer's name, else everybody else's; a
// tier may stand anywhere in the file.
func TestFile(t *testing.T) {
	const id = "4cjwz5h2k7m3n9p8q6r1s0t4va"
	f, err := ParseFile("limits.yaml", []byte(`# who may ask how much
others: free
keys:
  "ACME, Inc.": gold
  `+id+`: 90/1h
  Initech: 5000/1d
  2024: gold
tiers:
  free: 60/1m
  gold: 600/m
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id, name string
		want     Allowed
	}{
		{"a", "", Allowed{"free", Limit{60, 60}}}, {"a", "Nobody", Allowed{"free", Limit{60, 60}}},
		{"a", "ACME, Inc.", Allowed{"gold", Limit{600, 60}}}, {id, "ACME, Inc.", Allowed{"", Limit{90, 3600}}},
		{"a", "Initech", Allowed{"", Limit{5000, 86400}}}, {"a", "2024", Allowed{"gold", Limit{600, 60}}},
	} {
		if got, ok := f.Of(c.id, c.name); !ok || got != c.want {
			t.Errorf("%s %s: got %+v, %t; want %+v", c.id, c.name, got, ok, c.want)
		}
	}
	if w := f.Windows(); !slices.Equal(w, []uint32{60, 3600, 86400}) ||
		f.Least(60) != 60 || f.Least(3600) != 90 || len(f.Who()) != 4 {
		t.Errorf("got windows %v, %d, %d, %q", w, f.Least(60), f.Least(3600), f.Who())
	}
	if got, ok := (*File)(nil).Of("a", "b"); ok || (*File)(nil).Windows() != nil {
		t.Errorf("no file: got %v", got)
	}
	if f, err = ParseFile("f", []byte("keys: {ACME: 5/1m}")); err != nil {
		t.Fatal(err)
	}
	if got, ok := f.Of("a", ""); ok {
		t.Errorf("nobody else: got %v", got)
	}
}

// What is wrong is said with file, line, value and what is accepted.
func TestFileErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"tiers:\n  free: 60/1m\nothers: free\ntier: gold\n", `limits f.yaml:4: got the key "tier"; want tiers, keys or others`},
		{"tiers: {free: 60/1m}\nkeys:\n  ACME: gold\n", `limits f.yaml:3: got the tier "gold"; want one of free, or a limit`},
		{"keys:\n  ACME: 5/10s\n", `limits f.yaml:2: got "5/10s"; want one limit, of a window of whole minutes`},
		{"keys:\n  ACME: 5/7m\n", "f.yaml:2: got"}, {"keys:\n  ACME: 0/1m\n", "f.yaml:2: got"},
		{"keys:\n  ACME: 5/1m,9/1h\n", "f.yaml:2: got"}, {"keys:\n  ACME: 5/x\n", `f.yaml:2: limit: got "5/x"`},
		{"keys:\n  ACME: 600\n", `f.yaml:2: got the tier "600"`}, {"keys:\n  ACME: 5/1m\n  B: 5/1m\n  ACME: 6/1m\n", "f.yaml"},
		{"keys:\n  ACME:\n    limit: 5/1m\n", "f.yaml:3: got"}, {"keys:\n  ACME:\n", "f.yaml:2: got"}, {"keys:\n  - ACME\n", "f.yaml:2: got"},
		{"keys: 5/1m\n", `f.yaml:1: got "5/1m"; want keys`}, {"tiers: {free: 60/1m}\n", "f.yaml: nobody has a limit"}, {"", "f.yaml: "},
		{"others: 5/1m\n---\nothers: 6/1m\n", "got 2 documents"}, {"others: &a 5/1m\n", "f.yaml:1: got"}, {"keys: [\n", "f.yaml: "},
		{"who,limit\nACME,600/1m\n", "f.yaml:1: got"},
	} {
		if got, err := ParseFile("f.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %+v, %v; want %q", c.text, got, err, c.want)
		}
	}
}

// A limits file never breaks the program, and what is taken allows somebody something.
func FuzzFile(f *testing.F) {
	f.Add("tiers: {free: 60/1m}\nkeys:\n  a: free\nothers: 5/1h\n")
	f.Add("keys: {? a : b}\n")
	f.Add("a: &x [*x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if file, err := ParseFile("f", []byte(text)); err == nil && len(file.Windows()) == 0 {
			t.Errorf("%q: no limit", text)
		}
	})
}

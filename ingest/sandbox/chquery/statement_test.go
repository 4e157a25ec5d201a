package chquery

import (
	"bytes"
	"strings"
	"testing"
)

// The parts of a statement that the server acts on are found, whatever hides
// in its strings and comments.
func TestParseStatement(t *testing.T) {
	type parts struct {
		verb, format, head, tail, inline string
		takesData, multi, sync           bool
	}
	for _, c := range []struct {
		sql  string
		want parts
	}{
		{"", parts{}},
		{" ; ", parts{verb: ";"}},
		{"select 1", parts{verb: "SELECT"}},
		{"-- a\n/* b */ #! c\n WITH 1 AS x SELECT x", parts{verb: "WITH"}},
		{"((SELECT 1))", parts{verb: "SELECT"}},
		{"SELECT 1 FORMAT JSON", parts{verb: "SELECT", format: "JSON"}},
		{"SELECT format('{}', 1), (SELECT 1 format Null)", parts{verb: "SELECT"}},
		{"SELECT a, format FROM t GROUP BY a, format ORDER BY a", parts{verb: "SELECT"}},
		{"SELECT format FROM t ORDER BY format DESC", parts{verb: "SELECT"}},
		{"SELECT a FROM t ORDER BY a, format DESC FORMAT CSV SETTINGS x = 1", parts{verb: "SELECT", format: "CSV"}},
		{"SELECT ';', \";\", `;`, $a$;$a$, 'it''s;', '\\';' /* ; */ -- ;", parts{verb: "SELECT"}},
		{"SELECT 1;", parts{verb: "SELECT"}},
		{"SELECT 1; -- nothing", parts{verb: "SELECT"}},
		{"SELECT 1; SELECT 2", parts{verb: "SELECT", multi: true}},
		{"DROP TABLE t SYNC", parts{verb: "DROP", sync: true}},
		{"DROP TABLE t SYNC ; ", parts{verb: "DROP", sync: true}},
		{"DROP TABLE sync", parts{verb: "DROP"}},
		{"DROP TABLE IF EXISTS d.sync SYNC", parts{verb: "DROP", sync: true}},
		{"DROP TABLE t", parts{verb: "DROP"}},
		{"INSERT INTO t SELECT 1", parts{verb: "INSERT"}},
		{"INSERT INTO t (a, `select`) SELECT 1 FORMAT Null", parts{verb: "INSERT", format: "Null"}},
		{"INSERT INTO t FROM INFILE 'x' FORMAT CSV", parts{verb: "INSERT", format: "CSV"}},
		{"INSERT INTO t", parts{verb: "INSERT", format: "Values", head: "INSERT INTO t", takesData: true}},
		{"INSERT INTO t;", parts{verb: "INSERT", format: "Values", head: "INSERT INTO t", takesData: true}},
		{"INSERT INTO t; SELECT 1", parts{verb: "INSERT", multi: true}},
		{"INSERT INTO d.t (a, b) VALUES (1, 'FORMAT')", parts{verb: "INSERT", format: "Values",
			head: "INSERT INTO d.t (a, b) ", inline: " (1, 'FORMAT')", takesData: true}},
		{"INSERT INTO t FORMAT Native", parts{verb: "INSERT", format: "Native", head: "INSERT INTO t ", takesData: true}},
		{"INSERT INTO t FORMAT Native ;\n", parts{verb: "INSERT", format: "Native", head: "INSERT INTO t ", takesData: true}},
		{"INSERT INTO t SETTINGS a = 1, b = 'FORMAT' FORMAT CSV\n1,2\n\n", parts{
			verb: "INSERT", format: "CSV", head: "INSERT INTO t ", tail: "SETTINGS a = 1, b = 'FORMAT' ",
			inline: "1,2\n\n", takesData: true}},
		{"INSERT INTO t FORMAT JSONEachRow {\"a\": 1}",
			parts{verb: "INSERT", format: "JSONEachRow", head: "INSERT INTO t ", inline: `{"a": 1}`, takesData: true}},
		{"INSERT INTO t FORMAT CSV\r\n1\r\n", parts{verb: "INSERT", format: "CSV", head: "INSERT INTO t ", inline: "1\r\n", takesData: true}},
		{"INSERT INTO FUNCTION file('x', 'CSV', 'a UInt8') VALUES (1)", parts{
			verb: "INSERT", format: "Values", head: "INSERT INTO FUNCTION file('x', 'CSV', 'a UInt8') ", inline: " (1)",
			takesData: true}},
	} {
		st := ParseStatement([]byte(c.sql))
		got := parts{st.Verb, st.Format, string(st.head), string(st.tail), string(st.Inline), st.TakesData, st.Multi,
			st.syncAt > 0}
		if got != c.want {
			t.Errorf("%q:\n got %+v\nwant %+v", c.sql, got, c.want)
		}
	}
}

// A query loses its format and its semicolon, and an INSERT's table and columns
// are found, so that their types can be asked for.
func TestWhatIsDescribed(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1":                            "SELECT 1",
		"SELECT 1 FORMAT Native":              "SELECT 1              ",
		"SELECT 1 FORMAT JSON SETTINGS a = 1": "SELECT 1             SETTINGS a = 1",
		"SELECT ';' ; -- end":                 "SELECT ';' ",
	} {
		if got := string(ParseStatement([]byte(sql)).query([]byte(sql))); got != want {
			t.Errorf("%q: got %q; want %q", sql, got, want)
		}
	}
	for sql, want := range map[string][2]string{
		"INSERT INTO t":                                {"t", ""},
		"INSERT INTO TABLE d.t (a, `b)`) VALUES":       {"d.t", "a, `b)`"},
		"INSERT INTO `d`.`(t` (* EXCEPT(a)) VALUES":    {"`d`.`(t`", "* EXCEPT(a)"},
		"INSERT INTO t (a) SETTINGS x = 1 FORMAT Null": {"t", "a"},
	} {
		table, columns, ok := ParseStatement([]byte(sql)).target()
		if got := [2]string{table, columns}; !ok || got != want {
			t.Errorf("%q: got %q, %t; want %q", sql, got, ok, want)
		}
	}
	if _, _, ok := ParseStatement([]byte("INSERT INTO FUNCTION null('a UInt8') VALUES")).target(); ok {
		t.Error("a table function has a target")
	}
}

// Any text is taken apart without a panic, and an INSERT's parts are pieces of
// it in order.
func FuzzParseStatement(f *testing.F) {
	for _, s := range []string{"INSERT INTO t (a) SETTINGS x=1 FORMAT CSV\n1", "SELECT $a$ $a$, '\\", "/* ",
		"DROP TABLE t SYNC", "INSERT INTO t VALUES ()"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		st := ParseStatement(bytes.Clone(sql))
		rest := string(sql)
		for _, part := range [][]byte{st.head, st.tail, st.Inline} {
			_, after, ok := strings.Cut(rest, string(part))
			if !ok {
				t.Fatalf("%q is not in %q", part, rest)
			}
			rest = after
		}
		if st.syncAt < 0 || st.syncAt >= len(sql) && st.syncAt != 0 {
			t.Fatalf("SYNC at %d of %d", st.syncAt, len(sql))
		}
	})
}

package chquery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"statline/ingest/sandbox/libchdb"
)

// Column is a column's name and its type in ClickHouse's words.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// describing are the statements besides SELECT that answer with rows.
var describing = []string{"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK"}

// Columns returns the columns of q's rows, none for a statement that answers without. It
// is for answers of no rows, whose output does not have the columns.
func (r *Runner) Columns(ctx context.Context, q *Query) ([]Column, error) {
	switch {
	case q.IsSelect():
		return r.describe(ctx, q, string(q.Stmt.query(q.SQL)))
	case slices.Contains(describing, q.Stmt.Verb):
		answer, err := r.sections(ctx, q)
		return answer.Meta, err
	}
	return nil, nil
}

// InsertColumns returns the columns that an INSERT of data takes.
func (r *Runner) InsertColumns(ctx context.Context, q *Query) ([]Column, error) {
	table, columns, ok := q.Stmt.target()
	if !ok {
		return nil,
			NotImplemented("INSERT INTO FUNCTION over the native protocol is not supported by the embedded engine")
	}
	if columns == "" {
		columns = "*"
	}
	query := "SELECT " + columns + " FROM " + table
	if len(q.Session) > 0 {
		return r.describe(ctx, q, query)
	}
	return r.described.get(q.Database+"\x00"+query, func() ([]Column, error) { return r.describe(ctx, q, query) })
}

// described caches the columns that INSERTs take, since asking for them is a query. A
// statement that may alter a table clears it.
type described struct {
	mu      sync.Mutex
	columns map[string][]Column
	changes int
}

func (d *described) get(key string, ask func() ([]Column, error)) ([]Column, error) {
	d.mu.Lock()
	known, ok := d.columns[key]
	before := d.changes
	d.mu.Unlock()
	if ok {
		return known, nil
	}
	columns, err := ask()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changes == before { // else the answer may be outdated
		if d.columns == nil || len(d.columns) >= mostDescribed {
			d.columns = map[string][]Column{}
		}
		d.columns[key] = columns
	}
	return columns, nil
}

// mostDescribed bounds the cache.
const mostDescribed = 1000

func (d *described) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.columns = nil
	d.changes++
}

func (r *Runner) describe(ctx context.Context, q *Query, query string) ([]Column, error) {
	out, err := r.Ask(ctx, q, "DESCRIBE (\n"+query+"\n)", "JSONEachRow")
	if err != nil {
		return nil, err
	}
	var all []Column
	for line := range strings.Lines(string(out)) {
		var c Column
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return nil, fmt.Errorf("read the columns of a query: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}

// answer is the format JSONCompact, the engine's only one with totals and
// extremes that can be read without knowing the types.
type answer struct {
	Meta     []Column
	Data     []json.RawMessage
	Totals   json.RawMessage
	Extremes struct{ Min, Max json.RawMessage }
}

func (r *Runner) sections(ctx context.Context, q *Query) (answer, error) {
	asked := *q
	asked.Settings = slices.Concat(q.Settings, []Setting{
		{"output_format_json_quote_64bit_integers", "1"},
		{"output_format_json_quote_denormals", "1"},
		{"output_format_json_quote_decimals", "1"},
	})
	var a answer
	out, err := r.Ask(ctx, &asked, string(q.Stmt.query(q.SQL)), "JSONCompact")
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(out, &a); err != nil {
		return a, fmt.Errorf("read an answer with its totals: %w", err)
	}
	return a, nil
}

// Sections are the parts of an answer in the Native format, nil where it has
// none.
type Sections struct{ Data, Totals, Extremes []byte }

// Sections runs a SELECT with totals or extremes. The engine's Native output has neither,
// so the answer is read as JSON, held in memory, and converted by the engine.
func (r *Runner) Sections(ctx context.Context, q *Query) (s Sections, err error) {
	a, err := r.sections(ctx, q)
	if err != nil {
		return s, err
	}
	if s.Data, err = r.native(ctx, a.Meta, a.Data); err != nil {
		return s, err
	}
	if len(a.Totals) > 0 {
		if s.Totals, err = r.native(ctx, a.Meta, []json.RawMessage{a.Totals}); err != nil {
			return s, err
		}
	}
	if len(a.Extremes.Min) > 0 {
		s.Extremes, err = r.native(ctx, a.Meta, []json.RawMessage{a.Extremes.Min, a.Extremes.Max})
	}
	return s, err
}

// native writes rows of JSON values as the columns' types.
func (r *Runner) native(ctx context.Context, columns []Column, rows []json.RawMessage) ([]byte, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	var structure, text strings.Builder
	for i, c := range columns {
		if i > 0 {
			structure.WriteString(", ")
		}
		structure.WriteString(QuoteName(c.Name) + " " + c.Type)
	}
	for _, row := range rows {
		text.Write(row)
		text.WriteByte('\n')
	}
	q := &Query{
		ID:       NewID(),
		Settings: []Setting{{"allow_suspicious_low_cardinality_types", "1"}},
		Params:   []libchdb.Param{{Name: "rows", Value: escape(text.String())}},
	}
	return r.Ask(ctx, q, "SELECT * FROM format(JSONCompactEachRow, "+Quote(structure.String())+", {rows:String})",
		"Native")
}

// escape writes s as the value of a query parameter.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\x00", `\0`, "\r", `\r`).Replace(s)
}

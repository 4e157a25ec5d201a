// Package answer writes what a command found in the forms that are for programs:
// one JSON object, a line of JSON a row, CSV and Markdown. A command describes
// the shape of its answer once, by Go types; what is printed and the page that
// documents it (Page) come from the same types, so that they cannot differ.
//
// Its guarantee: names are in snake_case, an empty list is [] and never null, and
// ClickHouse reads the CSV (CSVWithNames) back to the same values. It draws
// nothing for people: tables on a terminal are the command's own.
package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Schema is the version of all shapes. It rises when a field changes its meaning
// or goes; new fields do not raise it.
const Schema = 1

// Form is how an answer is written.
type Form string

// The forms.
const (
	Table    Form = "table" // for people
	JSON     Form = "json"
	Lines    Form = "ndjson"
	CSV      Form = "csv"
	Markdown Form = "md"
)

// Forms lists the names of the forms.
func Forms() []string {
	return []string{string(Table), string(JSON), string(Lines), string(CSV), string(Markdown)}
}

// Shape describes the answer of a command.
type Shape struct {
	whole reflect.Type // of the JSON object; nil: it has the one list of rows
	rows  []Rows
}

// Rows describes a list that can be written row by row.
type Rows struct {
	Name string
	row  reflect.Type
}

// RowsOf is a list of T.
func RowsOf[T any](name string) Rows { return Rows{name, reflect.TypeFor[T]()} }

// Of is an answer whose JSON is a T, and which has these lists. The first is the
// one that is written when none is chosen.
func Of[T any](rows ...Rows) Shape { return Shape{reflect.TypeFor[T](), rows} }

// List is an answer that is one list; its JSON has it under its name.
func List[T any](name string) Shape { return Shape{rows: []Rows{RowsOf[T](name)}} }

// Names lists what can be chosen to be written row by row.
func (s Shape) Names() []string {
	names := make([]string, len(s.rows))
	for i, r := range s.rows {
		names[i] = r.Name
	}
	return names
}

// Write writes an answer. whole is the JSON object, nil for a List; rows has a
// slice for each of the shape's lists, of which by chooses one.
func (s Shape) Write(w io.Writer, form Form, by string, whole any, rows ...any) error {
	if len(rows) != len(s.rows) {
		return fmt.Errorf("answer: got %d lists; want %d", len(rows), len(s.rows))
	}
	if form == JSON {
		if s.whole == nil {
			return s.writeList(w, rows[0])
		}
		if got := indirect(reflect.TypeOf(whole)); got != s.whole {
			return fmt.Errorf("answer: got %v; want %v", got, s.whole)
		}
		return writeObject(w, whole)
	}
	for i, r := range s.rows {
		if r.Name != by && by != "" {
			continue
		}
		if got := reflect.TypeOf(rows[i]); got.Kind() != reflect.Slice || got.Elem() != r.row {
			return fmt.Errorf("answer: %s: got %v; want []%v", r.Name, got, r.row)
		}
		return writeRows(w, form, r.row, reflect.ValueOf(rows[i]))
	}
	return fmt.Errorf("answer: got list %q; want one of %s", by, strings.Join(s.Names(), ", "))
}

func (s Shape) writeList(w io.Writer, rows any) error {
	list, err := encode(rows, "  ")
	if err != nil {
		return err
	}
	name := s.rows[0].Name
	_, err = fmt.Fprintf(w, "{\n  \"schema\": %d,\n  %q: %s\n}\n", Schema, name, list)
	return err
}

// WriteLines writes lines of JSON as an object that has them in a list.
func WriteLines(w io.Writer, name string, lines io.Reader) error {
	rows := []json.RawMessage{}
	for d := json.NewDecoder(lines); ; {
		var row json.RawMessage
		if err := d.Decode(&row); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	return List[json.RawMessage](name).writeList(w, rows)
}

// writeObject writes an object with the version of the schema before its fields.
func writeObject(w io.Writer, v any) error {
	text, err := encode(v, "")
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(text, []byte("{\n"))
	if !ok {
		return fmt.Errorf("answer: %T is no object with fields", v)
	}
	_, err = fmt.Fprintf(w, "{\n  \"schema\": %d,\n%s\n", Schema, rest)
	return err
}

// WithoutSchema is what Write wrote as JSON, without the version of the schema.
func WithoutSchema(text []byte) []byte {
	return bytes.Replace(text, fmt.Appendf(nil, "{\n  \"schema\": %d,\n", Schema), []byte("{\n"), 1)
}

// WriteError writes an error as the object that programs get.
func WriteError(w io.Writer, message string, status int) error {
	line, err := encodeLine(struct {
		Schema int `json:"schema"`
		Error  struct {
			Message string `json:"message"`
			Status  int    `json:"exit_status"`
		} `json:"error"`
	}{Schema, struct {
		Message string `json:"message"`
		Status  int    `json:"exit_status"`
	}{message, status}})
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// encode is v's indented JSON without a line's end.
func encode(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent(prefix, "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(filled(v))
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(filled(v))
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// filled is v with empty lists and maps in the place of nil ones.
func filled(v any) any {
	if v == nil {
		return nil
	}
	copied := reflect.New(reflect.TypeOf(v)).Elem()
	copied.Set(reflect.ValueOf(v))
	fill(copied)
	return copied.Interface()
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct && v.Type().Elem() != reflect.TypeFor[time.Time]() {
			copied := reflect.New(v.Type().Elem())
			copied.Elem().Set(v.Elem())
			fill(copied.Elem())
			v.Set(copied)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			return
		}
		if k := v.Type().Elem().Kind(); k == reflect.Struct || k == reflect.Pointer {
			copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(copied, v)
			for i := range copied.Len() {
				fill(copied.Index(i))
			}
			v.Set(copied)
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
}

// writeRows writes a list row by row.
func writeRows(w io.Writer, form Form, row reflect.Type, list reflect.Value) error {
	var b bytes.Buffer
	columns := fieldsOf(row)
	each := func(cell func(Field, reflect.Value) (string, error), before, between, after string) error {
		for i := range list.Len() {
			b.WriteString(before)
			for j, f := range columns {
				if j > 0 {
					b.WriteString(between)
				}
				text, err := cell(f, f.in(list.Index(i)))
				if err != nil {
					return err
				}
				b.WriteString(text)
			}
			b.WriteString(after)
		}
		return nil
	}
	names := make([]string, len(columns))
	for i, f := range columns {
		names[i] = f.Name
	}
	var err error
	switch form {
	case Lines:
		for i := range list.Len() {
			line, err := encodeLine(list.Index(i).Interface())
			if err != nil {
				return err
			}
			b.Write(append(line, '\n'))
		}
	case CSV:
		for i, name := range names {
			names[i] = quoted(name)
		}
		fmt.Fprintln(&b, strings.Join(names, ","))
		err = each(csvCell, "", ",", "\n")
	case Markdown:
		fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
		err = each(markdownCell, "| ", " | ", " |\n")
	default:
		err = fmt.Errorf("answer: got form %q; want one of %s", form, strings.Join(Forms(), ", "))
	}
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	return err
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// csvCell is a value as ClickHouse reads it: text in quotes, what is not known
// (null) as nothing.
func csvCell(f Field, v reflect.Value) (string, error) {
	text, err := plain(f, v)
	if err == nil && known(v) && !f.bare() {
		text = quoted(text)
	}
	return text, err
}

func markdownCell(f Field, v reflect.Value) (string, error) {
	text, err := plain(f, v)
	return strings.NewReplacer("|", `\|`, "\r\n", "<br>", "\n", "<br>").Replace(text), err
}

func known(v reflect.Value) bool { return v.IsValid() && !(v.Kind() == reflect.Pointer && v.IsNil()) }

// plain is a value as text: times in UTC as ClickHouse writes them, whatever has
// parts as JSON.
func plain(f Field, v reflect.Value) (string, error) {
	if !known(v) {
		return "", nil
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if t, ok := v.Interface().(time.Time); ok {
		layout := time.DateTime
		if t.Nanosecond() != 0 {
			layout = "2006-01-02 15:04:05.000"
		}
		return t.UTC().Format(layout), nil
	}
	switch f.kind {
	case text:
		if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.String {
			return s.String(), nil
		}
		return v.String(), nil
	case integer:
		if v.CanUint() {
			return strconv.FormatUint(v.Uint(), 10), nil
		}
		return strconv.FormatInt(v.Int(), 10), nil
	case number:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), nil
	case boolean:
		return strconv.FormatBool(v.Bool()), nil
	}
	line, err := encodeLine(v.Interface())
	return string(line), err
}

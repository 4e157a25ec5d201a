package answer

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
)

// Described is a command with the shape of its answer.
type Described struct {
	Command string // as it is typed: statline report
	Shape   Shape
	// Short is what --json is short for.
	Short Form
}

// Page writes the page that documents the shapes of all commands.
func Page(w io.Writer, commands []Described) error {
	var b strings.Builder
	b.WriteString(head)
	p := page{named: map[reflect.Type]bool{}}
	for _, c := range commands {
		fmt.Fprintf(&b, "\n## %s\n\n", c.Command)
		if c.Shape.whole != nil {
			p.fields(&b, c.Shape.whole)
		} else {
			fmt.Fprintf(&b, "| field | value | |\n|---|---|---|\n| `%s` | list of %s |  |\n", c.Shape.rows[0].Name,
				p.name(c.Shape.rows[0].row))
		}
		var rows []string
		for _, r := range c.Shape.rows {
			rows = append(rows, fmt.Sprintf("`%s` (%s)", r.Name, p.name(r.row)))
		}
		switch {
		case len(rows) > 1:
			fmt.Fprintf(&b, "\nRows of `ndjson`, `csv` and `md`, chosen by `--by`: %s.", strings.Join(rows, ", "))
		case c.Shape.whole != nil:
			fmt.Fprintf(&b, "\nRows of `ndjson`, `csv` and `md`: %s.", rows[0])
		}
		if c.Short != "" {
			fmt.Fprintf(&b, "\n`--json` is `--output %s`.", c.Short)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n# Objects\n")
	for i := 0; i < len(p.order); i++ { // it grows
		fmt.Fprintf(&b, "\n## %s\n\n", titleOf(p.order[i]))
		p.fields(&b, p.order[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const head = `# What --output prints

<!-- made by go generate ./cmd/statline from the types that are printed: do not edit -->

Every command that prints rows takes ` + "`--output table|json|ndjson|csv|md`" + `.

- ` + "`table`" + ` is for people and may change with every version.
- ` + "`json`" + ` is one object. ` + "`schema`" + ` is the version of all shapes on this page; it rises when a field changes
  its meaning or goes, not when one is added. An empty list is ` + "`[]`" + `, never null.
- ` + "`ndjson`" + ` is a row a line, ` + "`csv`" + ` a row a line below the names of the columns, ` + "`md`" + ` a table for a ticket.
- Times are RFC 3339 in JSON; in ` + "`csv`" + ` and ` + "`md`" + ` they are UTC without a zone, as ClickHouse reads and writes them.
- ` + "`csv`" + ` is ClickHouse's CSVWithNames: text is in quotes, a value that is not known (null) is nothing, lists
  and objects are JSON in quotes.
- An error is, with ` + "`json`" + ` and ` + "`ndjson`" + `, one object on standard error:
  ` + "`{\"schema\":1,\"error\":{\"message\":\"…\",\"exit_status\":2}}`" + `.

The exit status is 0 when all is fine, 1 when something failed, 2 when the command line, a setting or the
configuration file is wrong, 3 when the command did its work and the data is not as it should be, 130 after Ctrl-C.

# Commands
`

// page collects the objects that the commands' fields name.
type page struct {
	named map[reflect.Type]bool
	order []reflect.Type
}

func (p *page) fields(b *strings.Builder, t reflect.Type) {
	b.WriteString("| field | value | |\n|---|---|---|\n")
	for _, f := range fieldsOf(t) {
		value := p.name(f.Type)
		if f.Nullable {
			value += " or null"
		}
		note := f.Help
		if f.Optional {
			note = strings.TrimSpace("may be missing " + note)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Name, value, note)
	}
}

// name is what a value is called; an object's is a link to it.
func (p *page) name(t reflect.Type) string {
	t = indirect(t)
	if k := kindOf(t); k != parts {
		return string(k)
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "list of " + p.name(t.Elem())
	case reflect.Map:
		return "map to " + p.name(t.Elem())
	case reflect.Interface:
		return "anything"
	}
	if !p.named[t] {
		p.named[t] = true
		p.order = append(p.order, t)
	}
	title := titleOf(t)
	return "[" + title + "](#" + strings.ReplaceAll(strings.ToLower(title), " ", "-") + ")"
}

// titleOf is a type's name in words.
func titleOf(t reflect.Type) string {
	var b strings.Builder
	for i, r := range t.Name() {
		switch {
		case i == 0:
			b.WriteRune(unicode.ToUpper(r))
		case unicode.IsUpper(r):
			b.WriteString(" " + string(unicode.ToLower(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

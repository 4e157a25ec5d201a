package config

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Example writes a config file with every key and what it does. Settings stand
// there with their defaults; the keys of sections are commented out: a
// threshold that is written down would no longer follow the preset. A line
// whose # is followed by a letter or a dash holds a value: without the # it
// counts.
func Example(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `# statline's configuration: every key, with its default. Keep what you change.
# A flag beats the environment, the environment beats this file; a key may be
# written with _ for -. "statline config show" says what is in force and why.
`)
	for _, o := range Options() {
		fmt.Fprintln(out)
		comment(out, "", o.about())
		if o.section == nil {
			fmt.Fprintf(out, "%s: %s\n", o.Name, scalar(o))
			continue
		}
		fmt.Fprintf(out, "%s:\n", o.Name)
		v := reflect.ValueOf(o.section).Elem()
		if o.sample != nil {
			v = reflect.ValueOf(o.sample)
		}
		section(out, "  ", v)
	}
	return out.Flush()
}

// about is the comment on an option in the example file.
func (o Option) about() string {
	s := o.Help
	if o.section == nil {
		s += " (" + o.Kind() + "; " + o.Env() + ")"
	}
	if o.NoFlag {
		s += "; better in a file of its own or in the environment than here"
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// scalar is an option's value in the example file.
func scalar(o Option) string {
	text := cmp.Or(o.value.String(), o.Example)
	switch o.value.(type) {
	case list:
		if text == "" {
			return "[]"
		}
		return "[" + text + "]"
	case flag, number:
		return text
	}
	if text == "" {
		return `""`
	}
	return inline(text)
}

const width = 96

// comment writes words as comment lines.
func comment(out io.Writer, indent, words string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(words) {
		if len(line)+1+len(word) > width {
			fmt.Fprintln(out, line)
			line = indent + "#"
		}
		line += " " + word
	}
	fmt.Fprintln(out, line)
}

// section writes the keys of v, commented out.
func section(out io.Writer, indent string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Len() > 0 {
			for _, k := range keysOf(v.Index(0)) {
				comment(out, indent, k.name+": "+k.help)
			}
		}
		for i := range v.Len() {
			fmt.Fprintf(out, "%s#- %s\n", indent, inline(tree(v.Index(i))))
		}
	case reflect.Struct:
		for _, k := range keysOf(v) {
			if k.name == "mute" { // a section of its own
				continue
			}
			comment(out, indent, k.help)
			switch nested := k.value; {
			case nested.Kind() == reflect.Struct,
				nested.Kind() == reflect.Slice && below(nested.Type()).Kind() == reflect.Struct:
				fmt.Fprintf(out, "%s#%s:\n", indent, k.name)
				section(out, indent+"  ", nested)
			case nested.Kind() == reflect.Map:
				fmt.Fprintf(out, "%s#%s:\n", indent, k.name)
				entry(out, indent+"  ", nested.Type())
			case nested.Kind() == reflect.Slice:
				fmt.Fprintf(out, "%s#%s: []\n", indent, k.name)
			default:
				fmt.Fprintf(out, "%s#%s: %s\n", indent, k.name, inline(tree(nested)))
			}
		}
	}
}

// entry writes one entry of a map of structs: a name of the user's, with the
// values that change nothing.
func entry(out io.Writer, indent string, t reflect.Type) {
	m := yaml.MapSlice{}
	for _, k := range keysOf(reflect.Zero(below(t))) {
		comment(out, indent, k.name+": "+k.help)
		m = append(m, yaml.MapItem{Key: k.name, Value: tree(k.value)})
	}
	fmt.Fprintf(out, "%s#NAME: %s\n", indent, inline(m))
}

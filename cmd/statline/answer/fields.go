package answer

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// kind is what a value is in JSON.
type kind string

// The kinds of value.
const (
	text    kind = "text"
	integer kind = "integer"
	number  kind = "number"
	boolean kind = "boolean"
	moment  kind = "time"
	parts   kind = "parts" // an object, a list or a map
)

// Field is one field of an object.
type Field struct {
	Name string
	// Nullable may be null; Optional is left out when there is nothing to say.
	Nullable, Optional bool
	Type               reflect.Type
	Help               string

	kind  kind
	index []int
}

// bare says that CSV has no quotes around it.
func (f Field) bare() bool { return f.kind == integer || f.kind == number || f.kind == boolean }

// in is the field's value in an object; the zero value below a nil pointer.
func (f Field) in(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// fieldsOf lists the fields of a struct as encoding/json names them, those of
// embedded structs in their place.
func fieldsOf(t reflect.Type) []Field {
	var all []Field
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			for _, inner := range fieldsOf(indirect(f.Type)) {
				inner.index = append([]int{i}, inner.index...)
				all = append(all, inner)
			}
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		all = append(all, Field{Name: name, Nullable: f.Type.Kind() == reflect.Pointer &&
			!strings.Contains(options, "omitempty"),
			Optional: strings.Contains(options, "omitempty"), Type: indirect(f.Type), Help: f.Tag.Get("help"),
			kind: kindOf(indirect(f.Type)), index: []int{i}})
	}
	return all
}

func indirect(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return moment
	case t.Implements(reflect.TypeFor[json.Marshaler]()), t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return text
	}
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return integer
	case reflect.Float32, reflect.Float64:
		return number
	case reflect.Bool:
		return boolean
	}
	return parts
}

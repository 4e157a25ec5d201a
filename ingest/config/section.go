package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// key is a key of a section, with the help that its struct gives it.
type key struct {
	name, help string
	value      reflect.Value
	omit       bool // where it says nothing
}

// keysOf lists the keys of a struct, as the tag koanf names them.
func keysOf(v reflect.Value) []key {
	var all []key
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name, how, _ := strings.Cut(tag.Get("koanf"), ",")
		switch {
		case how == "squash":
			all = append(all, keysOf(v.Field(i))...)
		case name != "" && name != "-":
			all = append(all, key{name: name, help: tag.Get("help"), value: v.Field(i), omit: how == "omitempty"})
		}
	}
	return all
}

var index = regexp.MustCompile(`\[[^]]*\]`)

// keysBeside lists the keys that could stand where path stands: those of the
// struct that holds it.
func keysBeside(dest any, path string) []string {
	t := reflect.TypeOf(dest)
	parts := strings.Split(index.ReplaceAllString(path, ""), ".")
	for _, part := range parts[:len(parts)-1] {
		if t = below(t); t.Kind() != reflect.Struct {
			break
		}
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("koanf"), ","); name == part {
				t = t.Field(i).Type
				break
			}
		}
	}
	var names []string
	if t = below(t); t.Kind() == reflect.Struct {
		for _, k := range keysOf(reflect.Zero(t)) {
			names = append(names, k.name)
		}
	}
	return names
}

// below is what a pointer, list or map holds.
func below(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

// kindOf is what a value of a type is called in an error.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list"
	}
	return "nested keys"
}

// tree is a value with its keys as the file writes them.
func tree(v reflect.Value) any { return treeOf(v, false) }

// treeOf is tree; sparse leaves out what says nothing.
func treeOf(v reflect.Value, sparse bool) any {
	if m, ok := v.Interface().(shortened); ok && m.short() != "" {
		return m.short()
	}
	switch v.Kind() {
	case reflect.Struct:
		m := yaml.MapSlice{}
		for _, k := range keysOf(v) {
			if !k.value.IsZero() || !k.omit && !sparse {
				m = append(m, yaml.MapItem{Key: k.name, Value: treeOf(k.value, k.omit)})
			}
		}
		return m
	case reflect.Slice:
		l := make([]any, v.Len())
		for i := range l {
			l[i] = tree(v.Index(i))
		}
		return l
	case reflect.Map:
		m := map[string]any{}
		for _, k := range v.MapKeys() {
			m[k.String()] = tree(v.MapIndex(k))
		}
		return m
	case reflect.String:
		return v.String()
	}
	return v.Interface()
}

// inline is a value on one line, as the file may write it.
func inline(v any) string {
	b, err := yaml.MarshalWithOptions(v, yaml.Flow(true))
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(string(b))
}

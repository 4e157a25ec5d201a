package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	koanffile "github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// file is a parsed config file. The zero value is an empty file.
type file struct {
	path  string
	koanf *koanf.Koanf
	lines map[string]int // of each key: detect.spike.tiers[0].ratio
}

func readFile(path string) (*file, error) {
	f := &file{path: path, koanf: koanf.New(delimiter), lines: map[string]int{}}
	if path == "" {
		return f, nil
	}
	if err := f.koanf.Load(koanffile.Provider(path), f); err != nil {
		return nil, fmt.Errorf("config %s: %w", path, err)
	}
	known := names()
	for key := range f.koanf.Raw() {
		if _, ok := find(key); !ok {
			return nil, fmt.Errorf("config %s: %w key %q; %s", f.where(key), errUnknown, key, Nearest(key, known))
		}
	}
	return f, nil
}

// Unmarshal implements koanf.Parser. It takes key_labels for key-labels, since
// YAML is often written so, and a name of before for today's.
func (f *file) Unmarshal(b []byte) (map[string]any, error) {
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, err
	}
	if len(tree.Docs) > 1 {
		return nil, errors.New("got several YAML documents; want one")
	}
	for _, d := range tree.Docs {
		note(f.lines, "", d.Body)
	}
	m := map[string]any{}
	if err := yaml.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	for key, value := range m {
		dashed := today(strings.ReplaceAll(key, "_", "-"))
		if dashed == key {
			continue
		}
		if _, ok := m[dashed]; ok {
			return nil, fmt.Errorf("got both %q and %q; want one of them", key, dashed)
		}
		delete(m, key)
		m[dashed] = value
		if line, ok := f.lines[strings.ReplaceAll(key, "_", "-")]; ok {
			f.lines[dashed] = line
		}
	}
	return m, nil
}

// Marshal implements koanf.Parser; nothing is written.
func (f *file) Marshal(m map[string]any) ([]byte, error) { return yaml.Marshal(m) }

// note remembers the line of each key.
func note(lines map[string]int, path string, n ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			note(lines, path, v)
		}
	case *ast.MappingValueNode:
		at := n.Key.GetToken()
		key := at.Value
		if path == "" {
			key = strings.ReplaceAll(key, "_", "-")
		} else {
			key = path + "." + key
		}
		lines[key] = at.Position.Line
		note(lines, key, n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			key := path + "[" + strconv.Itoa(i) + "]"
			lines[key] = v.GetToken().Position.Line
			note(lines, key, v)
		}
	}
}

// where is the position of a key: statline.yaml:12.
func (f *file) where(key string) string {
	if line, ok := f.lines[key]; ok {
		return filepath.Base(f.path) + ":" + strconv.Itoa(line)
	}
	return filepath.Base(f.path)
}

// text is a value of the file; a key without a value does not count.
func (f *file) text(name string) (text string, ok bool, err error) {
	value := f.koanf.Raw()[name]
	switch value := value.(type) {
	case nil:
		return "", false, nil
	case map[string]any:
		return "", false, fmt.Errorf("config %s: %s: got nested keys; want a value", f.where(name), name)
	case []any:
		words := make([]string, len(value))
		for i, w := range value {
			words[i] = fmt.Sprint(w)
		}
		return strings.Join(words, ","), true, nil
	}
	return fmt.Sprint(value), true, nil
}

func (f *file) section(name string) (raw any, ok bool) {
	raw = f.koanf.Raw()[name]
	return raw, raw != nil
}

// decode reads a section strictly: an unknown key and a value of another type
// are errors that name it.
func (f *file) decode(name string, raw, dest any) error {
	var meta mapstructure.Metadata
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: dest, TagName: "koanf", Metadata: &meta,
		MatchName: func(key, field string) bool { return key == field },
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(),
			mapstructure.TextUnmarshallerHookFunc(),
		),
	})
	if err != nil {
		return fmt.Errorf("section %s: %w", name, err)
	}
	if err := d.Decode(raw); err != nil {
		return f.wrongType(name, err)
	}
	if len(meta.Unused) > 0 {
		key := meta.Unused[0]
		path := name + "." + key
		if strings.HasPrefix(key, "[") {
			path = name + key
		}
		last := key[strings.LastIndexByte(key, '.')+1:]
		return fmt.Errorf("config %s: %w key %q; %s", f.where(path), errUnknown, path,
			Nearest(last, keysBeside(dest, key)))
	}
	return nil
}

// wrongType says which value has the wrong type.
func (f *file) wrongType(name string, err error) error {
	var at *mapstructure.DecodeError
	if !errors.As(err, &at) {
		return fmt.Errorf("config %s: %s: %w", f.where(name), name, err)
	}
	path := name
	switch key := at.Name(); {
	case strings.HasPrefix(key, "["):
		path += key
	case key != "":
		path += "." + key
	}
	var unconvertible *mapstructure.UnconvertibleTypeError
	var parse *mapstructure.ParseError
	switch {
	case errors.As(err, &unconvertible):
		return fmt.Errorf("config %s: %s: got %v; want %s", f.where(path), path, unconvertible.Value,
			kindOf(unconvertible.Expected.Type()))
	case errors.As(err, &parse):
		return fmt.Errorf("config %s: %s: got %v; want %s", f.where(path), path, parse.Value,
			kindOf(parse.Expected.Type()))
	}
	return fmt.Errorf("config %s: %s: %w", f.where(path), path, at.Unwrap())
}

package config

import (
	"bytes"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/classify/detect"
)

// paths lists the keys below a section, as the file writes them; a name of the
// user's is NAME.
func paths(path string, t reflect.Type) (all []string) {
	if t.Kind() == reflect.Map {
		path += ".NAME"
	}
	if t = below(t); t.Kind() != reflect.Struct {
		return nil
	}
	for _, k := range keysOf(reflect.Zero(t)) {
		if k.name == "mute" {
			continue
		}
		all = append(all, path+"."+k.name)
		if _, ok := k.value.Interface().(shortened); !ok {
			all = append(all, paths(path+"."+k.name, k.value.Type())...)
		}
	}
	return all
}

// uncommented makes every commented value of an example file count.
func uncommented(text string) string {
	return regexp.MustCompile(`(?m)^( *)#([^ \n])`).ReplaceAllString(text, "$1$2")
}

// The example file can be used as it is and changes nothing; with every value
// of its sections it still holds, and every key is in it.
func TestExample(t *testing.T) {
	var b bytes.Buffer
	if err := Example(&b); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Sources{Command: "run", File: configFile(t, b.String())})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Kafka.Brokers, want.ClickHouse.URL = []string{"127.0.0.1:9092"}, "http://127.0.0.1:8123"
	want.Lines.KeyNames, want.Kafka.Scopes = nil, nil
	c.origins, want.origins = nil, nil
	if d := cmp.Diff(want, c, cmp.AllowUnexported(Config{})); d != "" {
		t.Errorf("the example is not the default (-want +got):\n%s", d)
	}

	text := uncommented(b.String())
	f, err := readFile(configFile(t, text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, o := range Options() {
		if _, ok := f.lines[o.Name]; !ok {
			t.Errorf("the example lacks %s", o.Name)
		}
		if !o.Section() {
			continue
		}
		for _, path := range paths(o.Name, reflect.TypeOf(o.section).Elem()) {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(f.lines)),
				func(line string) bool { return index.ReplaceAllString(line, "") == path }) {
				t.Errorf("the example lacks %s", path)
			}
		}
	}
	c, err = Load(Sources{Command: "run", File: configFile(t, text)})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	preset, err := detect.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Detect.Detectors
	if len(got.Mute) != 1 || len(c.Lines.Routes) != 1 || c.Lines.Mapping.Time == "" {
		t.Errorf("the samples are not read: %v %v %v", got.Mute, c.Lines.Routes, c.Lines.Mapping)
	}
	if d := cmp.Diff(preset.Spike, got.Spike); d != "" {
		t.Errorf("spike is not the preset's: %s", d)
	}
}

// Each key of a section says what it means.
func TestEveryKeyIsDescribed(t *testing.T) {
	var walk func(path string, v reflect.Type)
	walk = func(path string, v reflect.Type) {
		if v = below(v); v.Kind() != reflect.Struct {
			return
		}
		for _, k := range keysOf(reflect.Zero(v)) {
			if k.help == "" {
				t.Errorf("%s.%s has no help", path, k.name)
			}
			walk(path+"."+k.name, k.value.Type())
		}
	}
	for _, o := range Options() {
		if o.Help == "" {
			t.Errorf("%s has no help", o.Name)
		}
		if o.Section() {
			walk(o.Name, reflect.TypeOf(o.section))
		}
	}
}

// The page of settings is what go generate would write.
func TestReferenceIsCurrent(t *testing.T) {
	var b bytes.Buffer
	if err := Reference(&b); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(page), b.String()); d != "" {
		t.Errorf("REFERENCE.md is old; make generate (-committed +now):\n%s", d)
	}
}

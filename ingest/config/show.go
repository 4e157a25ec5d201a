package config

import (
	"reflect"
	"strconv"
	"strings"
)

// Setting is one value in force.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Show lists what is in force and where it came from, secrets masked, in the
// order of the example file. Structured values are written as YAML.
func (c *Config) Show() []Setting {
	var all []Setting
	for _, o := range c.options() {
		if o.section != nil {
			if o.Name != "mute" { // shown as detect.mute's, which it is
				all = append(all, c.showSection(o.Name, reflect.ValueOf(o.section).Elem())...)
			} else {
				all = append(all, c.showLeaf("mute", reflect.ValueOf(o.section).Elem()))
			}
			continue
		}
		text := o.value.String()
		if o.Mask != nil {
			text = o.Mask(text)
		}
		all = append(all, Setting{o.Name, text, c.origins[o.Name].String()})
	}
	return all
}

// showSection lists the values below a key. A list of structs is shown element
// by element.
func (c *Config) showSection(path string, v reflect.Value) []Setting {
	switch {
	case v.Kind() == reflect.Struct:
		var all []Setting
		for _, k := range keysOf(v) {
			if k.name != "mute" {
				all = append(all, c.showSection(path+"."+k.name, k.value)...)
			}
		}
		return all
	case v.Kind() == reflect.Slice && v.Len() > 0 && v.Type().Elem().Kind() == reflect.Struct:
		var all []Setting
		for i := range v.Len() {
			all = append(all, c.showLeaf(path+"["+strconv.Itoa(i)+"]", v.Index(i)))
		}
		return all
	}
	return []Setting{c.showLeaf(path, v)}
}

func (c *Config) showLeaf(path string, v reflect.Value) Setting {
	text := inline(tree(v))
	if v.Kind() == reflect.String {
		text = v.String()
	}
	return Setting{path, text, c.sectionOrigin(path).String()}
}

// sectionOrigin is where the value of a key of a section came from: the
// nearest key at or above it that the file holds.
func (c *Config) sectionOrigin(path string) Origin {
	if o, ok := c.origins[path]; ok {
		return o
	}
	if strings.HasPrefix(path, "detect.") {
		return Origin{Where: "preset " + c.Detect.Preset}
	}
	return Origin{}
}

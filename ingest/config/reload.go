package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Takeover compares what holds with what was read again. It returns what holds
// from now on: the new values of the settings that a running daemon takes
// over, the old ones of the others. changed names what is new, restart what
// waits for a restart.
func (c *Config) Takeover(read *Config) (next *Config, changed, restart []string) {
	next = c.clone()
	now, to := read.options(), next.options()
	for i, o := range c.options() {
		if same(o.pointer(), now[i].pointer()) {
			continue
		}
		if !o.Reload {
			restart = append(restart, o.Name)
			continue
		}
		changed = append(changed, o.Name)
		to[i].pointer().Set(now[i].pointer())
	}
	for key, from := range read.origins {
		if o, ok := find(optionOf(key)); ok && o.Reload {
			next.origins[key] = from
		}
	}
	for key := range next.origins {
		if _, ok := read.origins[key]; !ok {
			if o, known := find(optionOf(key)); known && o.Reload {
				delete(next.origins, key)
			}
		}
	}
	return next, changed, restart
}

func (c *Config) clone() *Config {
	next := *c
	next.origins = maps.Clone(c.origins)
	return &next
}

// optionOf is the option that a key of a section belongs to.
func optionOf(key string) string {
	if i := strings.IndexAny(key, ".["); i >= 0 {
		return key[:i]
	}
	return key
}

// pointer is where the option's value stands in its Config.
func (o Option) pointer() reflect.Value {
	if o.section != nil {
		return reflect.ValueOf(o.section).Elem()
	}
	return reflect.ValueOf(o.value.pointer()).Elem()
}

func same(x, y reflect.Value) bool {
	if x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(x.Interface(), y.Interface())
}

// Changes reports whether one of the named options belongs to one of the sets.
func Changes(names []string, sets ...Set) bool {
	for _, name := range names {
		o, _ := find(name)
		if slices.Contains(sets, o.Set) {
			return true
		}
	}
	return false
}

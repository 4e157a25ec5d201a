package config

import "reflect"

// Takeover compares what holds with what was read again. It returns what holds
// from now on: the new values of the settings that a running daemon takes
// over, the old ones of the others. changed names what is new, restart what
// waits for a restart.
func (c *Config) Takeover(read *Config) (next *Config, changed, restart []string) {
	next = c.clone()
	for _, o := range Options() {
		if o.same(c, read) {
			continue
		}
		if !o.Reload {
			restart = append(restart, o.Name)
			continue
		}
		changed = append(changed, o.Name)
		o.copy(next, read)
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
	next.origins = make(map[string]Origin, len(c.origins))
	for key, from := range c.origins {
		next.origins[key] = from
	}
	return &next
}

// optionOf is the option that a key of a section belongs to.
func optionOf(key string) string {
	for i, r := range key {
		if r == '.' || r == '[' {
			return key[:i]
		}
	}
	return key
}

// pointer is where an option's value stands in a Config.
func (o Option) pointer(c *Config) reflect.Value {
	if o.section != nil {
		return reflect.ValueOf(o.section(c)).Elem()
	}
	return reflect.ValueOf(o.value(c).pointer()).Elem()
}

func (o Option) same(a, b *Config) bool {
	x, y := o.pointer(a), o.pointer(b)
	if x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(x.Interface(), y.Interface())
}

func (o Option) copy(to, from *Config) { o.pointer(to).Set(o.pointer(from)) }

// Changes reports whether one of the named options belongs to one of the sets.
func Changes(names []string, sets ...Set) bool {
	for _, name := range names {
		o, _ := find(name)
		for _, s := range sets {
			if o.Set == s {
				return true
			}
		}
	}
	return false
}

package config

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/knadh/koanf/v2"
)

// Sources are what Load reads. The same Sources read again give what has
// changed since.
type Sources struct {
	// Command is the path of the command that asks, such as "rejects list".
	Command string
	// File is the path of the config file; "" takes STATLINE_CONFIG's.
	File string
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// Flags are the flags that were given, each with its values in order.
	Flags map[string][]string
}

// delimiter keeps koanf's keys flat: no name holds it.
const delimiter = "\x00"

// Load reads and checks the settings of a command. What the command does not
// take is checked too: a file is right or wrong as a whole.
func Load(s Sources) (*Config, error) {
	c, err := Read(s)
	if err != nil {
		return nil, err
	}
	if err := c.require(uses[s.Command].required); err != nil {
		return nil, err
	}
	return c, nil
}

// Read is Load for a command that can do without what run needs.
func Read(s Sources) (*Config, error) {
	environment, err := readEnvironment(s.Environ)
	if err != nil {
		return nil, err
	}
	f, err := readFile(cmp.Or(s.File, environment.String(configKey)))
	if err != nil {
		return nil, err
	}
	c := Default()
	for _, o := range c.options() {
		if o.value == nil {
			continue
		}
		if err := c.set(o, s, f, environment); err != nil {
			return nil, err
		}
	}
	if err := c.sections(f); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// set gives one option its value: the highest layer that has one counts.
func (c *Config) set(o Option, s Sources, f *file, environment *koanf.Koanf) error {
	v := o.value
	if def, ok := uses[s.Command].defaults[o.Name]; ok {
		if err := v.Set(def); err != nil {
			return fmt.Errorf("default of %s: %s: %w", s.Command, o.Name, err)
		}
		c.origins[o.Name] = Origin{Where: "default of " + s.Command}
	}
	if given, ok := s.Flags[o.Name]; ok {
		return c.put(o, v, strings.Join(given, ","), Origin{FromFlag, "--" + o.Name})
	}
	if text := environment.String(o.Name); environment.Exists(o.Name) && (text != "" || o.Empty) {
		return c.put(o, v, text, Origin{FromEnvironment, o.Env()})
	}
	if raw, ok := f.section(o.Name); ok && o.section != nil {
		if _, isText := raw.(string); !isText {
			return nil // the section, read later
		}
	}
	if text, ok, err := f.text(o.Name); err != nil {
		return err
	} else if ok {
		return c.put(o, v, text, Origin{FromFile, f.where(o.Name)})
	}
	return nil
}

func (c *Config) put(o Option, v Value, text string, from Origin) error {
	if text == "" && v.String() == "" {
		return nil // said, but nothing was said
	}
	if err := v.Set(text); err != nil {
		return fmt.Errorf("%s: %s: %w", from, o.Name, err)
	}
	c.origins[o.Name] = from
	return nil
}

// sections reads the structured parts of the file over what stands there by
// default.
func (c *Config) sections(f *file) error {
	preset, err := presetOf(c.Detect.Preset)
	if err != nil {
		return err
	}
	c.Detect = preset
	for _, o := range c.options() {
		if o.section == nil {
			continue
		}
		raw, ok := f.section(o.Name)
		if _, isText := raw.(string); !ok || isText && o.value != nil {
			continue
		}
		if o.Name == "mute" && len(c.Detect.Detectors.Mute) > 0 {
			return fmt.Errorf("file %s: got both mute and detect.mute; want one of them", f.where(o.Name))
		}
		if err := f.decode(o.Name, raw, o.section); err != nil {
			return err
		}
		for key := range f.lines {
			if key == o.Name || strings.HasPrefix(key, o.Name+".") || strings.HasPrefix(key, o.Name+"[") {
				c.origins[key] = Origin{FromFile, f.where(key)}
			}
		}
	}
	return nil
}

// errUnknown begins the error of a name that nobody knows.
var errUnknown = errors.New("unknown")

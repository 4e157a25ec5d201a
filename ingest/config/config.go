package config

import (
	"fmt"
	"slices"
	"strings"

	"statline/classify/detect"
)

// Config is the configuration. Start from Load, or from Default.
type Config struct {
	Kafka      Kafka
	ClickHouse ClickHouse
	Retention  Retention
	Lines      Lines
	Keys       Keys
	Detect     Detect
	Notify     Notify
	Daemon     Daemon
	Console    Console
	Log        Log
	Local      Local

	origins map[string]Origin // by option, and by key of a section: detect.spike.prior
}

// Default is the configuration without any settings.
func Default() *Config {
	return &Config{
		Kafka: defaultKafka(), ClickHouse: defaultClickHouse(), Lines: defaultLines(), Detect: defaultDetect(),
		Notify: defaultNotify(), Daemon: defaultDaemon(), Console: Console{Serve: "auto"}, Log: defaultLog(),
		origins: map[string]Origin{},
	}
}

// Layer is a source of values. A later one takes precedence.
type Layer uint8

// The layers.
const (
	FromDefault Layer = iota
	FromFile
	FromEnvironment
	FromFlag
)

// Origin is where a value came from.
type Origin struct {
	Layer Layer
	Where string // statline.yaml:12, STATLINE_TOPIC, --topic; "" for a default
}

// String is the origin for people.
func (o Origin) String() string {
	switch o.Layer {
	case FromFile:
		return "file " + o.Where
	case FromEnvironment:
		return "environment " + o.Where
	case FromFlag:
		return "flag " + o.Where
	}
	if o.Where != "" {
		return o.Where
	}
	return "default"
}

// Origin says where the value of an option came from.
func (c *Config) Origin(name string) Origin { return c.origins[name] }

// given reports that the option was set.
func (c *Config) given(name string) bool { return c.origins[name].Layer > FromDefault }

// validate checks what cannot be checked value by value.
func (c *Config) validate() error {
	for _, check := range []func(*Config) error{
		checkKafka, checkClickHouse, checkRetention, checkLines, checkKeys, checkDetect, checkNotify, checkDaemon,
		checkConsole,
	} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

// oneOf decides between two options for the same thing, such as a password and the
// file with it: the higher layer counts. Both in one layer is an error.
func (c *Config) oneOf(a, b string) (keep string, err error) {
	at, bt := c.origins[a], c.origins[b]
	switch {
	case at.Layer == FromDefault && bt.Layer == FromDefault:
		return "", nil
	case at.Layer > bt.Layer:
		return a, nil
	case bt.Layer > at.Layer:
		return b, nil
	}
	return "", fmt.Errorf("%s: got both %s (%s) and %s (%s); want one of them", a, a, at.Where, b, bt.Where)
}

// require says which of the options that a command needs are missing, and how to set
// them. For "a|b" either is enough.
func (c *Config) require(names []string) error {
	var missing []string
	for _, name := range names {
		name, instead, either := strings.Cut(name, "|")
		if c.has(name) || either && c.has(instead) {
			continue
		}
		o, _ := find(name) // the names are ours
		text := fmt.Sprintf("%s: got none; want %s, set with --%s, %s or the key %s of the config file", name, o.want(),
			name, o.Env(), name)
		if either {
			other, _ := find(instead)
			text += fmt.Sprintf("; or --%s, the %s of an embedded store", instead, other.Kind())
		}
		missing = append(missing, text)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s", strings.Join(missing, "\n"))
	}
	return nil
}

func (c *Config) has(name string) bool {
	o, ok := c.find(name)
	return !ok || o.value.String() != ""
}

// Asked is the directory of the embedded store that a command reads, "" for the server
// that clickhouse names.
func (c *Config) Asked() (dir string, err error) {
	keep, err := c.oneOf("data", "clickhouse")
	if keep == "data" {
		dir = c.Local.Data
	}
	return dir, err
}

// Detect is the detectors' configuration and the preset it began with.
type Detect struct {
	Preset    string
	Detectors detect.Config
}

func defaultDetect() Detect {
	d, _ := presetOf("default") // fails only for an unknown name
	return d
}

func presetOf(name string) (Detect, error) {
	detectors, err := detect.Preset(name)
	return Detect{Preset: name, Detectors: detectors}, err
}

func detectOptions(c *Config) []Option {
	return []Option{
		{Name: "preset", Set: SetDetect, Reload: true,
			Help:  "set of detector thresholds; the section detect of the config file changes single ones",
			value: choice{&c.Detect.Preset, detect.Presets()}},
		{Name: "detect", Set: SetDetect, Reload: true,
			Help:    "single detector thresholds; they override the preset's",
			section: &c.Detect.Detectors},
		{Name: "mute", Set: SetDetect, Reload: true,
			Help:    "incidents that are recorded but not sent, by kind, entity and end of the mute",
			section: &c.Detect.Detectors.Mute,
			sample:  []detect.Mute{{Kind: detect.Kinds()[0], Entity: "search", Until: "2026-06-01T08:00:00Z"}}},
	}
}

func checkDetect(c *Config) error {
	if err := c.Detect.Detectors.Validate(); err != nil {
		return fmt.Errorf("detect: %w", err)
	}
	return nil
}

// names lists the options' names, sorted.
func names() []string {
	var all []string
	for _, o := range Options() {
		all = append(all, o.Name)
	}
	slices.Sort(all)
	return all
}

package config

import (
	"slices"
	"strings"
)

// Option describes one setting, for every place where it can be given.
type Option struct {
	// Name is the flag and the key in the file; the variable follows from it.
	Name string
	// Was is the name that it had before, which is still read; "" for none.
	Was string
	// Set is the group of options it belongs to; commands take whole sets.
	Set Set
	// Type is what a value is called in --help: file, address, URL.
	Type string
	// Help says in one sentence what it does.
	Help string
	// Example stands in the example file where the default is empty and the
	// daemon cannot do without.
	Example string
	// NoFlag keeps secrets off command lines, which every user of a machine can
	// read. Mask hides what is secret in a value.
	NoFlag bool
	Mask   func(string) string
	// Reload says that a running daemon takes a new value over.
	Reload bool
	// Empty says that an empty value means something: an empty variable counts.
	Empty bool

	value   Value // in the Config that the option is of
	section any   // a structured part of it instead of a value, or as its other form
	sample  any   // an entry for the example file
}

// Set is a group of options that go together.
type Set string

// The sets, in the order of the example file.
const (
	SetTopic      Set = "topic"
	SetKafka      Set = "kafka"
	SetGroup      Set = "group"
	SetClickHouse Set = "clickhouse"
	SetServer     Set = "clickhouse-server"
	SetLines      Set = "lines"
	SetCatalogue  Set = "catalogue"
	SetHMAC       Set = "hmac"
	SetLabels     Set = "labels"
	SetLimits     Set = "limits"
	SetDetect     Set = "detect"
	SetNotify     Set = "notify"
	SetDaemon     Set = "daemon"
	SetTLS        Set = "tls"
	SetConsole    Set = "console"
	SetLog        Set = "log"
	SetRetention  Set = "retention"
	SetData       Set = "data"
	SetEngine     Set = "engine"
)

// Sets lists the sets, in the order of the example file.
func Sets() []Set {
	var all []Set
	for _, o := range Options() {
		if !slices.Contains(all, o.Set) {
			all = append(all, o.Set)
		}
	}
	return all
}

// Options lists every setting, in the order of the example file.
func Options() []Option { return Default().options() }

// options lists every setting of c.
func (c *Config) options() []Option {
	return slices.Concat(kafkaOptions(c), clickHouseOptions(c), retentionOptions(c), linesOptions(c), keysOptions(c),
		detectOptions(c), notifyOptions(c), daemonOptions(c), consoleOptions(c), logOptions(c), localOptions(c))
}

func find(name string) (Option, bool) { return Default().find(name) }

func (c *Config) find(name string) (Option, bool) {
	for _, o := range c.options() {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

// today is the name of an option that may be called by the name it had before.
func today(name string) string {
	for _, o := range Options() {
		if o.Was == name && name != "" {
			return o.Name
		}
	}
	return name
}

// prefix begins the name of every variable.
const prefix = "STATLINE_"

// Env is the environment variable of the option, "" for a section.
func (o Option) Env() string {
	if o.value == nil {
		return ""
	}
	return variable(o.Name)
}

func variable(name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Section reports whether the option is a structured part of the file.
func (o Option) Section() bool { return o.value == nil }

// Secret reports whether its value, or a part of it, is a secret.
func (o Option) Secret() bool { return o.Mask != nil }

// Kind is what a value is called: the option's own word, or its type's.
func (o Option) Kind() string {
	if o.value == nil {
		return "section"
	}
	if o.Type != "" {
		return o.Type
	}
	return o.value.kind()
}

// Words are the values to choose from, nil for an option that takes others.
func (o Option) Words() []string {
	if c, ok := o.value.(choice); ok {
		return c.words
	}
	return nil
}

// want is what an error asks for.
func (o Option) want() string {
	if o.Example != "" {
		return o.Kind() + " such as " + o.Example
	}
	return o.Kind()
}

// Value is the option's value, in a Config of the list that the option is from; for flags.
func (o Option) Value() Value { return o.value }

// Default is the option's default as a command sees it, "" for none.
func (o Option) Default(command string) string {
	if o.value == nil {
		return ""
	}
	if text, ok := uses[command].defaults[o.Name]; ok {
		return text
	}
	return o.value.String()
}

package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"statline/ingest/decode"
	"statline/ingest/fold"
)

// TopicLines is how one topic's lines are read, where that is not as for all. What
// it does not say is as for all.
type TopicLines struct {
	Topic     string       `koanf:"topic,omitempty" help:"name of the topic that the entry is for"`
	Pattern   string       `koanf:"pattern,omitempty" help:"or a regular expression for topic names; the first entry that matches a topic counts"`
	Format    string       `koanf:"format,omitempty" help:"log format"`
	Service   string       `koanf:"default-service,omitempty" help:"service of lines that do not name one"`
	Zone      string       `koanf:"zone,omitempty" help:"time zone of timestamps that do not name one"`
	RouteFrom string       `koanf:"route-from,omitempty" help:"where routes come from"`
	Columns   string       `koanf:"w3c-fields,omitempty" help:"columns of W3C lines"`
	Mapping   TopicMapping `koanf:"mapping,omitempty" help:"like the section mapping, or the name of a built-in one; an entry with format or mapping ignores the mapping and w3c-fields outside topics"`
}

// TopicMapping is a mapping, or the name of one.
type TopicMapping struct {
	Preset         string `koanf:"-"`
	decode.Mapping `koanf:",squash"`
}

// UnmarshalText takes the name of a mapping.
func (m *TopicMapping) UnmarshalText(text []byte) error {
	if _, err := decode.FindPreset(string(text)); err != nil {
		return err
	}
	m.Preset = string(text)
	return nil
}

func (m TopicMapping) short() string { return m.Preset }

// shortened is a value that may be written as one word. Its keys are those of
// another section, where they are described.
type shortened interface{ short() string }

func topicsOption(c *Config) Option {
	return Option{Name: "topics", Set: SetLines, Reload: true,
		Help:    "settings for single topics, when several are read; an entry overrides the setting of the same name, even one given as a flag",
		section: &c.Lines.Topics,
		sample: []TopicLines{{Topic: "edge", Format: "combined", Service: "edge", Zone: "Europe/Berlin"},
			{Pattern: `^iis\.`, Format: "w3c", Columns: "date time c-ip cs-method cs-uri-stem sc-status"},
			{Topic: "gateway", Format: "json", RouteFrom: "path", Mapping: TopicMapping{Preset: decode.Presets()[0].Name}}},
	}
}

// about reports whether an entry is about a topic.
func (t *TopicLines) about(topic string) bool {
	if t.Topic != "" {
		return t.Topic == topic
	}
	pattern, err := regexp.Compile(t.Pattern) // checked when it was read
	return err == nil && pattern.MatchString(topic)
}

// of is how the lines of a topic are read.
func (l *Lines) of(topic string) Lines {
	own := *l
	own.Topics = nil
	at := slices.IndexFunc(l.Topics, func(t TopicLines) bool { return t.about(topic) })
	if at < 0 {
		return own
	}
	t := l.Topics[at]
	if t.Format != "" || t.Mapping != (TopicMapping{}) {
		own.Mapping, own.Preset, own.Columns = t.Mapping.Mapping, t.Mapping.Preset, ""
	}
	for _, x := range []struct {
		to   *string
		said string
	}{{&own.Format, t.Format}, {&own.Service, t.Service}, {&own.Zone, t.Zone}, {&own.RouteFrom, t.RouteFrom},
		{&own.Columns, t.Columns}} {
		if x.said != "" {
			*x.to = x.said
		}
	}
	return own
}

// FoldOf is Fold for the lines of a topic.
func (c *Config) FoldOf(topic string, secret []byte) (fold.Config, error) {
	own := *c
	own.Lines = c.Lines.of(topic)
	return own.Fold(secret)
}

// checkTopics reads the entries of topics as each topic's lines will be.
func (l *Lines) checkTopics() error {
	for i, t := range l.Topics {
		fail := func(err error) error { return fmt.Errorf("topics[%d]: %w", i, err) }
		if (t.Topic == "") == (t.Pattern == "") {
			return fail(fmt.Errorf("got topic %q and pattern %q; want exactly one of them", t.Topic, t.Pattern))
		}
		if _, err := regexp.Compile(t.Pattern); err != nil {
			return fail(fmt.Errorf("pattern: got %q; want a regular expression: %w", t.Pattern, err))
		}
		if t.Zone != "" {
			if err := (zone{new(string)}).Set(t.Zone); err != nil {
				return fail(fmt.Errorf("zone: %w", err))
			}
		}
		if t.RouteFrom != "" {
			if err := routeFrom(new(string)).Set(t.RouteFrom); err != nil {
				return fail(fmt.Errorf("route-from: %w", err))
			}
		}
		for _, other := range l.Topics[:i] {
			if other.Topic == t.Topic && other.Pattern == t.Pattern {
				return fail(fmt.Errorf("got two entries for %s%s; want one", t.Topic, t.Pattern))
			}
		}
		one := *l
		one.Topics = []TopicLines{t}
		one.Topics[0].Topic, one.Topics[0].Pattern = "each", ""
		one = one.of("each")
		cfg, err := one.Decode(nil)
		if err == nil {
			_, err = decode.New(cfg)
		}
		if err != nil {
			return fail(err)
		}
	}
	return nil
}

// topicNames is one topic, or several with commas between them.
type topicNames struct{ to *string }

func (v topicNames) Set(s string) error {
	var names []string
	if err := (list{&names}).Set(s); err != nil {
		return err
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("got %q twice; want each topic once", name)
		}
	}
	*v.to = strings.Join(names, ",")
	return nil
}

func (v topicNames) String() string { return *v.to }
func (v topicNames) kind() string   { return "names" }
func (v topicNames) pointer() any   { return v.to }

// pattern is a regular expression.
type pattern struct{ to *string }

func (v pattern) Set(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf(`got %q; want a regular expression such as ^access\..+: %w`, s, err)
	}
	*v.to = s
	return nil
}

func (v pattern) String() string { return *v.to }
func (v pattern) kind() string   { return "regexp" }
func (v pattern) pointer() any   { return v.to }

// Topics are the topics that are named; none when a pattern is.
func (k *Kafka) Topics() []string {
	if k.Topic == "" {
		return nil
	}
	return strings.Split(k.Topic, ",")
}

// Pattern is what topics have to match that are read; nil when they are named.
func (k *Kafka) Pattern() *regexp.Regexp {
	if k.TopicPattern == "" {
		return nil
	}
	return regexp.MustCompile(k.TopicPattern) // checked when it was read
}

// Several reports whether more than one topic may be read.
func (k *Kafka) Several() bool { return k.TopicPattern != "" || len(k.Topics()) > 1 }

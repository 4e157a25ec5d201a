package config

import (
	"slices"
	"strings"
	"testing"
)

// reading reads a file with flags.
func reading(t *testing.T, text string, flags map[string][]string) (*Config, error) {
	t.Helper()
	return Read(Sources{Command: "run", File: configFile(t, text), Flags: flags})
}

// Promise: one topic is what it was, several are named with commas or as a list, and
// a pattern stands in for names; the higher layer counts, and both in one are refused.
func TestWhichTopics(t *testing.T) {
	for _, c := range []struct {
		file    string
		flags   map[string][]string
		names   []string
		pattern string
		fails   string
	}{
		{names: []string{"access"}},
		{file: "topic: edge", names: []string{"edge"}},
		{file: "topic: [edge, access]", names: []string{"edge", "access"}},
		{flags: map[string][]string{"topic": {"edge, access"}}, names: []string{"edge", "access"}},
		{file: `topic-pattern: '^access\..+'`, pattern: `^access\..+`},
		{file: "topic: edge", flags: map[string][]string{"topic-pattern": {"^a"}}, pattern: "^a"},
		{file: "topic-pattern: ^a", flags: map[string][]string{"topic": {"edge"}}, names: []string{"edge"}},
		{file: "topic: edge\ntopic-pattern: ^a", fails: "got both topic"},
		{file: "topic: [edge, edge]", fails: "each topic once"},
		{file: "topic-pattern: '('", fails: "want a regular expression"},
	} {
		got, err := reading(t, c.file, c.flags)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: got %v; want %q", c.file, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.file, err)
		}
		if k := got.Kafka; !slices.Equal(k.Topics(), c.names) || k.TopicPattern != c.pattern ||
			k.Several() != (c.pattern != "" || len(c.names) > 1) {
			t.Errorf("%s %v: got %q and %q; want %q and %q", c.file, c.flags, k.Topics(), k.TopicPattern, c.names,
				c.pattern)
		}
	}
}

const byTopic = `
format: json
mapping: {time: when, status: code}
zone: Europe/Berlin
topics:
  - {topic: edge, format: combined, default-service: edge}
  - {pattern: '^access\.', default-service: web, zone: UTC}
  - {topic: access.never, default-service: never}
  - {topic: caddy, format: json, mapping: {time: t, status: s}}
`

// Promise: what an entry says beats the setting of all, a flag too; what it does not
// say is as for all, but a mapping goes with its format. The first that fits counts.
func TestLinesByTopic(t *testing.T) {
	c, err := reading(t, byTopic, map[string][]string{"default-service": {"flag"}})
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string][4]string{
		"edge":         {"combined", "edge", "Europe/Berlin", ""},
		"access.app":   {"json", "web", "UTC", "when"},
		"access.never": {"json", "web", "UTC", "when"},
		"caddy":        {"json", "flag", "Europe/Berlin", "t"},
		"other":        {"json", "flag", "Europe/Berlin", "when"},
	} {
		l := c.Lines.of(topic)
		if got := [4]string{l.Format, l.Service, l.Zone, l.Mapping.Time}; got != want {
			t.Errorf("%s: got %q; want %q", topic, got, want)
		}
	}
}

// Promise: a topic that no entry is about has the hash that it always had.
func TestHashWithoutAnEntry(t *testing.T) {
	with, err := reading(t, byTopic, nil)
	if err != nil {
		t.Fatal(err)
	}
	general, err := with.Fold(nil)
	if err != nil {
		t.Fatal(err)
	}
	alone, _, _ := strings.Cut(byTopic, "topics:")
	before, err := reading(t, alone, nil)
	if err != nil {
		t.Fatal(err)
	}
	was, err := before.Fold(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := with.FoldOf("other", nil)
	if err != nil {
		t.Fatal(err)
	}
	edge, err := with.FoldOf("edge", nil)
	if err != nil {
		t.Fatal(err)
	}
	if other.Hash() != was.Hash() || general.Hash() != was.Hash() || edge.Hash() == was.Hash() {
		t.Errorf("hashes: alone %s, of all %s, without an entry %s, with one %s", was.Hash(), general.Hash(),
			other.Hash(), edge.Hash())
	}
}

// Promise: an entry that cannot be is an error that names it.
func TestBadTopicEntries(t *testing.T) {
	for text, want := range map[string]string{
		"topics: [{format: json}]":                                          "topics[0]: got topic",
		"topics: [{topic: a, pattern: b}]":                                  "want exactly one of them",
		"topics: [{pattern: '('}]":                                          "regular expression",
		"topics: [{topic: a, zone: Nowhere}]":                               "topics[0]: zone",
		"topics: [{topic: a, format: nonsense}]":                            "nonsense",
		"topics: [{topic: a, route-from: moon}]":                            "route-from",
		"topics: [{topic: a}, {topic: a, zone: UTC}]":                       "topics[1]: got two entries for a",
		"topics: [{topic: a, mapping: nonsense}]":                           "nonsense",
		"topics: [{topic: a, defautl-service: x}]":                          `did you mean "default-service"`,
		"topics: [{topic: a, format: json, mapping: {time: t, stauts: s}}]": `did you mean "status"`,
	} {
		if _, err := reading(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %q", text, err, want)
		}
	}
}

// Promise: an entry is shown without what it does not say, and a new one is taken
// over by a reload.
func TestTopicEntriesShownAndRereading(t *testing.T) {
	c, err := reading(t, byTopic, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "{topic: edge, format: combined, default-service: edge}"
	if !slices.ContainsFunc(c.Show(), func(s Setting) bool { return s.Key == "topics[0]" && s.Value == want }) {
		t.Errorf("got %+v; want topics[0] as %s", c.Show(), want)
	}
	read, err := reading(t, strings.Replace(byTopic, "default-service: edge", "default-service: new", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	next, changed, restart := c.Takeover(read)
	if !slices.Equal(changed, []string{"topics"}) || len(restart) > 0 || next.Lines.of("edge").Service != "new" {
		t.Errorf("changed %v, restart %v, %+v", changed, restart, next.Lines.Topics)
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"statline/ingest/config"
)

// spanValue is a flag for a duration that may be given in days: 90s, 1h, 7d.
type spanValue time.Duration

func (d *spanValue) String() string { return time.Duration(*d).String() }
func (d *spanValue) Type() string   { return "duration" }

func (d *spanValue) Set(s string) error {
	v, err := config.ParseSpan(s)
	if err == nil {
		*d = spanValue(v)
	}
	return err
}

// choiceValue is a flag that takes one of a few words.
type choiceValue struct {
	value *string
	words []string
}

func (c choiceValue) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c choiceValue) Type() string { return strings.Join(c.words, "|") }

func (c choiceValue) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("got %q; want one of %s", s, strings.Join(c.words, ", "))
	}
	*c.value = s
	return nil
}

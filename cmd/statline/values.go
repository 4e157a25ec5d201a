package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// bytesValue is a flag for a number of bytes: 268435456, 256MiB, 1GB.
type bytesValue int64

func (b *bytesValue) String() string { return humanize.IBytes(uint64(*b)) }
func (b *bytesValue) Type() string   { return "bytes" }

func (b *bytesValue) Set(s string) error {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > 1<<50 {
		return fmt.Errorf("got %q; want a number of bytes such as 256MiB", s)
	}
	*b = bytesValue(n)
	return nil
}

// spanValue is a flag for a duration that may also be counted in days: 90s, 1h, 7d.
type spanValue time.Duration

func (d *spanValue) String() string { return time.Duration(*d).String() }
func (d *spanValue) Type() string   { return "duration" }

func (d *spanValue) Set(s string) error {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n > 0 && n < 36500 {
			*d = spanValue(n * 24 * float64(time.Hour))
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("got %q; want a duration such as 90s, 1h or 7d", s)
	}
	*d = spanValue(v)
	return nil
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
	for _, w := range c.words {
		if s == w {
			*c.value = s
			return nil
		}
	}
	return fmt.Errorf("got %q; want one of %s", s, strings.Join(c.words, ", "))
}

// storeURL is a flag for ClickHouse's address.
type storeURL string

func (u *storeURL) String() string { return string(*u) }
func (u *storeURL) Type() string   { return "URL" }

func (u *storeURL) Set(s string) error {
	p, err := url.Parse(s)
	if err != nil {
		return errors.New("want http://host:8123 or clickhouse://user:pass@host:9000/db; got what is no URL") // it may hold a password
	}
	switch {
	case p.Scheme != "http" && p.Scheme != "https" && p.Scheme != "clickhouse":
		return fmt.Errorf("got scheme %q; want http://host:8123, https://host:8443 or clickhouse://user:pass@host:9000/db", p.Scheme)
	case p.Hostname() == "":
		return fmt.Errorf("got no host; want for example %s://127.0.0.1:8123", p.Scheme)
	}
	*u = storeURL(s)
	return nil
}

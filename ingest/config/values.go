package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"statline/ingest/decode"
)

// Value is one setting as text. Set reads what String writes.
type Value interface {
	Set(text string) error
	String() string
	kind() string // what --help calls it
	pointer() any // where it stands
}

// text is any text.
type text struct{ to *string }

func (v text) Set(s string) error { *v.to = s; return nil }
func (v text) String() string     { return *v.to }
func (v text) kind() string       { return "text" }
func (v text) pointer() any       { return v.to }

// list is words with commas between them.
type list struct{ to *[]string }

func (v list) Set(s string) error {
	words := []string{}
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	*v.to = words
	return nil
}

func (v list) String() string { return strings.Join(*v.to, ",") }
func (v list) kind() string   { return "list" }
func (v list) pointer() any   { return v.to }

// flag is yes or no.
type flag struct{ to *bool }

func (v flag) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("got %q; want true or false", s)
	}
	*v.to = b
	return nil
}

func (v flag) String() string { return strconv.FormatBool(*v.to) }
func (v flag) kind() string   { return "bool" }
func (v flag) pointer() any   { return v.to }

// IsBool reports whether the option is a switch, whose flag needs no value.
func IsBool(v Value) bool { _, ok := v.(flag); return ok }

// number is a count from 0.
type number struct{ to *uint32 }

func (v number) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return fmt.Errorf("got %q; want a number from 0 to 4294967295", s)
	}
	*v.to = uint32(n)
	return nil
}

func (v number) String() string { return strconv.FormatUint(uint64(*v.to), 10) }
func (v number) kind() string   { return "number" }
func (v number) pointer() any   { return v.to }

// size is a number of bytes: 268435456, 256MiB, 1GB.
type size struct{ to *int }

func (v size) Set(s string) error {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > 1<<50 {
		return fmt.Errorf("got %q; want a number of bytes such as 256MiB", s)
	}
	*v.to = int(n)
	return nil
}

func (v size) String() string {
	for _, u := range []struct {
		unit int
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if *v.to >= u.unit && *v.to%u.unit == 0 {
			return strconv.Itoa(*v.to/u.unit) + u.name
		}
	}
	return strconv.Itoa(*v.to)
}

func (v size) kind() string { return "bytes" }
func (v size) pointer() any { return v.to }

// span is a duration that may also be counted in days: 90s, 1h, 7d.
type span struct{ to *time.Duration }

func (v span) Set(s string) error {
	d, err := ParseSpan(s)
	if err == nil {
		*v.to = d
	}
	return err
}

func (v span) String() string { return v.to.String() }
func (v span) kind() string   { return "duration" }
func (v span) pointer() any   { return v.to }

// ParseSpan reads a duration: 90s, 1h or 7d.
func ParseSpan(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n > 0 && n < 36500 {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("got %q; want a duration such as 90s, 1h or 7d", s)
	}
	return d, nil
}

// choice is one of a few words; its default may be none of them.
type choice struct {
	to    *string
	words []string
}

func (v choice) Set(s string) error {
	for _, w := range v.words {
		if s == w {
			*v.to = s
			return nil
		}
	}
	return fmt.Errorf("got %q; want one of %s", s, strings.Join(v.words, ", "))
}

func (v choice) String() string { return *v.to }
func (v choice) kind() string   { return strings.Join(v.words, "|") }
func (v choice) pointer() any   { return v.to }

// zone is the name of a time zone.
type zone struct{ to *string }

func (v zone) Set(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "" {
		return fmt.Errorf("got %q; want UTC, Local or a name such as Europe/Berlin", s)
	}
	*v.to = s
	return nil
}

func (v zone) String() string { return *v.to }
func (v zone) kind() string   { return "zone" }
func (v zone) pointer() any   { return v.to }

// addressBits is what is kept of addresses.
type addressBits struct{ to **decode.AddressBits }

func (v addressBits) Set(s string) (err error) {
	*v.to, err = decode.ParseAddressBits(s)
	return err
}

func (v addressBits) String() string { return (*v.to).String() }
func (v addressBits) kind() string   { return "bits" }
func (v addressBits) pointer() any   { return v.to }

// server is ClickHouse's address.
type server struct{ to *string }

func (v server) Set(s string) error {
	p, err := url.Parse(s)
	if err != nil { // it may hold a password: nothing of it is shown
		return errors.New("got an invalid URL; want http://host:8123 or clickhouse://user:pass@host:9000/db")
	}
	switch {
	case p.Scheme != "http" && p.Scheme != "https" && p.Scheme != "clickhouse":
		return fmt.Errorf("got scheme %q; want http://host:8123, https://host:8443 or clickhouse://user:pass@host:9000/db", p.Scheme)
	case p.Hostname() == "":
		return fmt.Errorf("got no host; want for example %s://127.0.0.1:8123", p.Scheme)
	}
	*v.to = s
	return nil
}

func (v server) String() string { return *v.to }
func (v server) kind() string   { return "URL" }
func (v server) pointer() any   { return v.to }

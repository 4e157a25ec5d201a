package config

import (
	"fmt"
	"strconv"
	"time"

	"statline/ingest/schema"
)

// Retention is for how many days rows are kept, by level; nil leaves it as the
// database has it, 0 keeps them forever.
type Retention struct{ Minutes, Hours, Samples *int }

func retentionOptions(c *Config) []Option {
	return []Option{
		{Name: "retention-minutes", Set: SetRetention,
			Help:  "days to keep minute rows, such as 90d; 0: forever (default: keep the database's setting; 30d in a new one)",
			value: days{&c.Retention.Minutes}},
		{Name: "retention-hours", Set: SetRetention,
			Help:  "days to keep hour rows, such as 800d; 0: forever (default: keep the database's setting; 396d in a new one)",
			value: days{&c.Retention.Hours}},
		{Name: "retention-samples", Set: SetRetention,
			Help:  "days to keep samples and rejects, such as 14d; 0: forever (default: keep the database's setting; 7d in a new one)",
			value: days{&c.Retention.Samples}},
	}
}

func checkRetention(c *Config) error {
	m, h := c.Retention.Minutes, c.Retention.Hours
	if m != nil && h != nil && *h > 0 && (*m == 0 || *m > *h) {
		return fmt.Errorf("retention-hours: got %s; want at least retention-minutes (%s)", days{&h}, days{&m})
	}
	return nil
}

// Change is what the settings say of a database's rows.
func (r *Retention) Change() *schema.Change {
	return &schema.Change{MinuteDays: r.Minutes, HourDays: r.Hours, SampleDays: r.Samples}
}

// days is a number of whole days, 0 forever, or nothing.
type days struct{ to **int }

func (v days) Set(s string) error {
	d, err := ParseSpan(s)
	if err != nil || d%(24*time.Hour) != 0 || d > mostDays*24*time.Hour {
		return fmt.Errorf("got %q; want whole days such as 30d, at most %dd, or 0 forever", s, mostDays)
	}
	n := int(d / (24 * time.Hour))
	*v.to = &n
	return nil
}

// mostDays is more than any log is old.
const mostDays = 36500

func (v days) String() string {
	switch {
	case *v.to == nil:
		return ""
	case **v.to == 0:
		return "0"
	}
	return strconv.Itoa(**v.to) + "d"
}

func (v days) kind() string { return "days" }
func (v days) pointer() any { return v.to }

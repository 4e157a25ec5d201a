package schema

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// DedupWindow is how many insert tokens a table remembers, and DedupSeconds for how long
// when it is replicated: the token window of the exactly-once protocol. A plain table has
// no limit in time.
const (
	DedupWindow  = 100_000
	DedupSeconds = 604_800
)

// TTL is how many days rows live, by level; 0 keeps them forever.
type TTL struct {
	MinuteDays, HourDays, SampleDays int
}

// DefaultTTL keeps minute rows 30 days, hour rows 13 months, samples and
// rejects 7 days.
func DefaultTTL() TTL { return TTL{MinuteDays: 30, HourDays: 396, SampleDays: 7} }

// Days is how long the rows of a level live; 0 forever.
func (t TTL) Days(l Level) int {
	switch l {
	case MinuteLevel:
		return t.MinuteDays
	case HourLevel:
		return t.HourDays
	case SampleLevel:
		return t.SampleDays
	default:
		return 0
	}
}

// Change changes a database's TTL, in days by level; nil leaves a level as it is.
type Change struct {
	MinuteDays, HourDays, SampleDays *int
}

// of is the changed TTL.
func (c *Change) of(t TTL) TTL {
	for _, x := range []struct{ to, days *int }{{&t.MinuteDays, c.MinuteDays}, {&t.HourDays, c.HourDays},
		{&t.SampleDays, c.SampleDays}} {
		if x.days != nil {
			*x.to = *x.days
		}
	}
	return t
}

// Options says where and how the tables are made.
type Options struct {
	// Database holds the tables; Migrate creates it.
	Database string
	// Cluster, when set, makes every table on each node of that ClickHouse
	// cluster, with the Replicated engines at the servers' default_replica_path,
	// and a Distributed table over them. When the tables exist, it may be empty, and a
	// cluster other than theirs is refused.
	Cluster string
	// TTL's zero value keeps everything, as the analysis of old logs needs: a merge would
	// drop their rows at once.
	TTL TTL
	// Change, when set, is applied to the TTL of an existing database; TTL is then for a
	// new one only.
	Change *Change
	// Temporary tables are removed with the process that made them: they need not survive
	// a power cut, and merged parts are removed at once rather than by the thousands when
	// the process ends.
	Temporary bool

	layout Layout // of the tables; see settle
	// lazily says that the server has the setting merge_selector_base; see knowsMergeBase.
	lazily bool
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

func (o Options) check() error {
	if !identifier.MatchString(o.Database) {
		return fmt.Errorf("database name: got %q; want letters, digits and underscores", o.Database)
	}
	if o.Cluster != "" && !identifier.MatchString(o.Cluster) {
		return fmt.Errorf("cluster name: got %q; want letters, digits and underscores", o.Cluster)
	}
	if o.TTL.MinuteDays < 0 || o.TTL.HourDays < 0 || o.TTL.SampleDays < 0 {
		return fmt.Errorf("ttl: got %+v; want days of 0 (forever) or more", o.TTL)
	}
	return nil
}

// Qualified is the name of t in statements: database and table, quoted.
func Qualified(database string, t Table) string {
	return "`" + database + "`.`" + string(t) + "`"
}

func (o Options) engine(family string, args ...string) string {
	if o.layout.Replicated {
		family = "Replicated" + family
	}
	return family + "(" + strings.Join(args, ", ") + ")"
}

func (o Options) ttl(column string, level Level) string {
	if e := o.ttlExpression(column, level); e != "" {
		return "TTL " + e
	}
	return ""
}

func (o Options) ttlExpression(column string, level Level) string {
	days := o.TTL.Days(level)
	if days == 0 {
		return ""
	}
	return fmt.Sprintf("toDateTime(%s) + INTERVAL %d DAY", column, days)
}

// mergeBase is how many times as large as its largest part a merge should be. With the
// server's own 5 each row is rewritten many times while a day fills: merges are half of
// the server's work on our inserts. With 12 a day's partition has about twice as many
// parts, a dozen.
const mergeBase = 12

// knowsMergeBase reports whether the server has the setting, by its version: listing the
// settings takes more rights than ours. (A cluster is not asked, since its servers may
// have several versions.)
func knowsMergeBase(ctx context.Context, conn Conn) (bool, error) {
	var rows []struct {
		Version string `ch:"version"`
	}
	if err := conn.Select(ctx, &rows, "SELECT version() AS version"); err != nil || len(rows) == 0 {
		return false, err
	}
	var major, minor int
	if _, err := fmt.Sscanf(rows[0].Version, "%d.%d", &major, &minor); err != nil {
		return false, nil // not ClickHouse's own numbers
	}
	return major > 25 || major == 25 && minor >= 10, nil
}

// settings are those of every table. Only whole parts expire, because rewriting parts to
// drop single rows costs more than keeping a day on disk. An insert is on disk before it is
// answered: after a power cut the ledger must not list rows that are lost. (Merged parts
// need no sync: the parts that they replace stay for eight minutes.)
func (o Options) settings() string {
	s := fmt.Sprintf("ttl_only_drop_parts = 1, non_replicated_deduplication_window = %d", DedupWindow)
	if o.Temporary {
		s += ", old_parts_lifetime = 1, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 2"
	} else {
		s += ", fsync_after_insert = 1, fsync_part_directory = 1"
	}
	if o.lazily {
		s += fmt.Sprintf(", merge_selector_base = %d", mergeBase)
	}
	if o.layout.Replicated {
		s += fmt.Sprintf(", replicated_deduplication_window = %d, replicated_deduplication_window_seconds = %d",
			DedupWindow, DedupSeconds)
	}
	return s
}

package schema

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"statline/ingest/retry"
)

// The keys of the table meta.
const (
	metaVersion = "schema_version"
	metaSecret  = "secret_id"
	metaTTL     = "ttl"
	// sinceSuffix follows a table's name, see WholeSince.
	sinceSuffix = "_since"
)

// ErrSecret: the database was filled under another HMAC secret. It is permanent.
var ErrSecret = fmt.Errorf("%w: another HMAC secret", retry.ErrPermanent)

type meta struct {
	version int
	secret  string
	ttl     string
	since   map[Table]time.Time
}

// readMeta reads the table meta; the zero value when there is none yet.
func readMeta(ctx context.Context, conn Conn, database string) (meta, error) {
	var tables []struct {
		Name string `ch:"name"`
	}
	err := conn.Select(ctx, &tables, "SELECT name FROM system.tables WHERE database = ? AND name = ?", database,
		string(Meta))
	if err != nil || len(tables) == 0 {
		return meta{}, err
	}
	var rows []struct {
		Key   string `ch:"key"`
		Value string `ch:"value"`
	}
	err = conn.Select(ctx, &rows, "SELECT key, value FROM "+Qualified(database, Meta)+" FINAL")
	if err != nil {
		return meta{}, err
	}
	m := meta{since: map[Table]time.Time{}}
	for _, r := range rows {
		if table, ok := strings.CutSuffix(r.Key, sinceSuffix); ok {
			seconds, err := strconv.ParseInt(r.Value, 10, 64)
			if err != nil {
				return meta{}, fmt.Errorf("%w: meta.%s: got %q; want seconds since 1970", retry.ErrPermanent, r.Key,
					r.Value)
			}
			m.since[Table(table)] = time.Unix(seconds, 0).UTC()
			continue
		}
		switch r.Key {
		case metaVersion:
			if m.version, err = strconv.Atoi(r.Value); err != nil {
				return meta{}, fmt.Errorf("%w: meta.schema_version: got %q; want a number", retry.ErrPermanent, r.Value)
			}
		case metaSecret:
			m.secret = r.Value
		case metaTTL:
			m.ttl = r.Value
		}
	}
	return m, nil
}

// writeMeta appends a value; of several for one key the highest version wins.
func (o Options) writeMeta(ctx context.Context, conn Conn, key, value string, version uint64) error {
	err := conn.Exec(ctx, "INSERT INTO "+Qualified(o.Database,
		Meta)+" (key, value, version)"+o.layout.insertClause()+" SELECT ?, ?, toUInt64(?)",
		key, value, strconv.FormatUint(version, 10))
	if err != nil {
		return fmt.Errorf("write meta.%s: %w", key, err)
	}
	return nil
}

// CheckSecret compares the fingerprint of the instance's secret with the one recorded in
// the database; the first instance records its own. Under two secrets one API key would
// count as two. The error wraps ErrSecret.
func CheckSecret(ctx context.Context, conn Conn, database, secretID string) error {
	if secretID == "" {
		return errors.New("check secret: got an empty fingerprint")
	}
	m, err := readMeta(ctx, conn, database)
	if err != nil {
		return fmt.Errorf("check secret: %w", err)
	}
	if m.secret == "" {
		o := Options{Database: database}
		if err := o.settle(ctx, conn); err != nil {
			return fmt.Errorf("check secret: %w", err)
		}
		// Of several writers the first wins: its version is the highest.
		first := math.MaxUint64 - uint64(time.Now().UnixNano())
		if err := o.writeMeta(ctx, conn, metaSecret, secretID, first); err != nil {
			return fmt.Errorf("check secret: %w", err)
		}
		if m, err = readMeta(ctx, conn, database); err != nil {
			return fmt.Errorf("check secret: %w", err)
		}
	}
	if err := sameSecret(m, database, secretID); err != nil {
		return fmt.Errorf("check secret: %w", err)
	}
	return nil
}

func sameSecret(m meta, database, secretID string) error {
	if m.secret != secretID {
		return fmt.Errorf("database %s holds key ids made with secret %s, this instance has secret %s: %w; start it with the same secret, or give it a database of its own",
			database, m.secret, secretID, ErrSecret)
	}
	return nil
}

// StoredTTL is the TTL that the last Migrate recorded. An audit uses it rather than the
// auditor's configuration.
func StoredTTL(ctx context.Context, conn Conn, database string) (TTL, error) {
	m, err := readMeta(ctx, conn, database)
	if err != nil {
		return TTL{}, fmt.Errorf("read ttl of database %s: %w", database, err)
	}
	t, err := m.parseTTL()
	if err != nil {
		return TTL{}, fmt.Errorf("read ttl of database %s: %w; is it one of statline's? run: statline migrate",
			database, err)
	}
	return t, nil
}

func (m meta) parseTTL() (t TTL, err error) {
	if _, err := fmt.Sscanf(m.ttl, ttlForm, &t.MinuteDays, &t.HourDays, &t.SampleDays); err != nil {
		return TTL{}, fmt.Errorf("%w: meta.ttl: got %q; want days such as 30/396/7", retry.ErrPermanent, m.ttl)
	}
	return t, nil
}

// wanted is the TTL that the tables are to have.
func (o Options) wanted(have meta) (TTL, error) {
	if o.Change == nil {
		return o.TTL, nil
	}
	base := o.TTL
	if have.ttl != "" {
		var err error
		if base, err = have.parseTTL(); err != nil {
			return TTL{}, err
		}
	}
	return o.Change.of(base), nil
}

// WholeSince has the incomplete tables and the time from which on each is complete. A
// table is incomplete when it was added after others had rows, or when its TTL was raised.
func WholeSince(ctx context.Context, conn Conn, database string) (map[Table]time.Time, error) {
	m, err := readMeta(ctx, conn, database)
	return m.since, err
}

// ttlForm is the form of meta.ttl: days of minute rows, hour rows and samples.
const ttlForm = "%d/%d/%d"

// applyTTL changes the tables' TTL when it is not the recorded one. It looks up which
// tables have a TTL to remove, so that the next run completes a change that was cut off.
func (o Options) applyTTL(ctx context.Context, conn Conn, have meta) error {
	want := fmt.Sprintf(ttlForm, o.TTL.MinuteDays, o.TTL.HourDays, o.TTL.SampleDays)
	if have.ttl == want {
		return nil
	}
	if have.ttl != "" {
		if err := o.noteLonger(ctx, conn, have); err != nil {
			return err
		}
		if err := o.alterTTLs(ctx, conn); err != nil {
			return fmt.Errorf("change ttl from %s to %s days (minutes/hours/samples): %w", have.ttl, want, err)
		}
	}
	return o.writeMeta(ctx, conn, metaTTL, want, uint64(time.Now().UnixNano()))
}

// noteLonger records, before a TTL is raised, from when on each table is complete: older
// rows may have expired.
func (o Options) noteLonger(ctx context.Context, conn Conn, have meta) error {
	was, err := have.parseTTL()
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	for _, t := range Tables() {
		old, days := was.Days(LevelOf(t)), o.TTL.Days(LevelOf(t))
		if old == 0 || days > 0 && days <= old {
			continue
		}
		since := now.AddDate(0, 0, -old)
		if known := have.since[t]; known.After(since) {
			since = known
		}
		if err := o.writeMeta(ctx, conn, string(t)+sinceSuffix, strconv.FormatInt(since.Unix(), 10),
			uint64(now.UnixNano())); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) alterTTLs(ctx context.Context, conn Conn) error {
	var tables []struct {
		Name string `ch:"name"`
	}
	err := conn.Select(ctx, &tables, "SELECT name FROM system.tables WHERE database = ? AND engine_full LIKE '% TTL %'",
		o.Database)
	if err != nil {
		return err
	}
	expiring := make(map[Table]bool, len(tables))
	for _, t := range tables {
		expiring[Table(t.Name)] = true
	}
	for _, t := range Tables() {
		if LevelOf(t) == Forever {
			continue
		}
		if alter := o.alterTTL(t, expiring[o.layout.Storage(t)]); alter != "" {
			if err := conn.Exec(ctx, alter); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
		}
	}
	return nil
}

// alterTTL is the statement that sets or removes t's TTL; "" when there is none to remove.
func (o Options) alterTTL(t Table, expiring bool) string {
	column := Minute
	switch t {
	case Rejects:
		column = StoredAt
	case OldRejects:
		column = RecordTS
	}
	alter := "ALTER TABLE " + Qualified(o.Database, o.layout.Storage(t)) + " " + o.layout.OnCluster()
	if e := o.ttlExpression(string(column), LevelOf(t)); e != "" {
		return alter + " MODIFY TTL " + e
	}
	if !expiring {
		return ""
	}
	return alter + " REMOVE TTL"
}

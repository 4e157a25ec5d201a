package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"statline/ingest/retry"
)

// Conn runs statements. clickhouse-go's driver.Conn is one.
type Conn interface {
	Exec(ctx context.Context, query string, args ...any) error
	// Select scans all rows of a query into dest, a pointer to a slice of
	// structs with `ch` tags.
	Select(ctx context.Context, dest any, query string, args ...any) error
}

// ErrNewer: the database was made by a newer statline. It is permanent.
var ErrNewer = fmt.Errorf("%w: the database's schema is newer than this binary", retry.ErrPermanent)

// Version is the schema version of this binary: the number of its newest
// migration.
func Version() int {
	list, err := load(migrations)
	if err != nil {
		return 0 // the embedded files are fixed at build time; a test loads them
	}
	return list[len(list)-1].number
}

// Migrate brings the database to Version. Every statement of a migration is
// idempotent and the version is recorded after the last one: a run that was cut off is
// repeated as a whole, and concurrent runs do the same work twice.
// A change of Options.TTL, or Options.Change, is applied to existing tables.
func Migrate(ctx context.Context, conn Conn, o Options) error {
	return migrate(ctx, conn, o, migrations)
}

func migrate(ctx context.Context, conn Conn, o Options, files fs.FS) error {
	if err := o.check(); err != nil {
		return fmt.Errorf("migrate: %w: %w", retry.ErrPermanent, err)
	}
	list, err := load(files)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := o.settle(ctx, conn); err != nil {
		return fmt.Errorf("migrate database %s: %w", o.Database, err)
	}
	have, err := readMeta(ctx, conn, o.Database)
	if err != nil {
		return fmt.Errorf("migrate database %s: %w", o.Database, err)
	}
	from, newest := have.version, list[len(list)-1].number
	if err := notNewer(have, o.Database, newest); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if o.TTL, err = o.wanted(have); err != nil {
		return fmt.Errorf("migrate database %s: %w", o.Database, err)
	}
	if err := o.check(); err != nil {
		return fmt.Errorf("migrate: %w: %w", retry.ErrPermanent, err)
	}
	steps := make([][]migration, 0, newest)
	for _, m := range list[min(from, newest):] {
		steps = append(steps, []migration{m})
	}
	if from == 0 && o.layout.Cluster == "" {
		steps = [][]migration{list}
		if o.lazily, err = knowsMergeBase(ctx, conn); err != nil {
			return fmt.Errorf("migrate database %s: read the server's version: %w", o.Database, err)
		}
	}
	for _, step := range steps {
		if err := o.apply(ctx, conn, step); err != nil {
			return fmt.Errorf("migrate database %s to version %d: %w", o.Database, step[len(step)-1].number, err)
		}
	}
	if err := o.applyTTL(ctx, conn, have); err != nil {
		return fmt.Errorf("migrate database %s: %w", o.Database, err)
	}
	return nil
}

func notNewer(have meta, database string, newest int) error {
	if have.version > newest {
		return fmt.Errorf("database %s has version %d, this binary knows up to %d: %w; run the newer statline, or give this one another database",
			database, have.version, newest, ErrNewer)
	}
	return nil
}

// Fits returns an error that wraps ErrNewer or ErrSecret when this binary with this secret
// cannot work on the database. It writes nothing. An empty secretID is not compared, and a
// database that does not exist yet fits.
func Fits(ctx context.Context, conn Conn, database, secretID string) error {
	have, err := readMeta(ctx, conn, database)
	if err != nil {
		return fmt.Errorf("read meta of database %s: %w", database, err)
	}
	if err := notNewer(have, database, Version()); err != nil || secretID == "" || have.secret == "" {
		return err
	}
	return sameSecret(have, database, secretID)
}

type migration struct {
	number int
	name   string
	text   string
}

var fileName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// load reads the migrations in order; numbers run from 1 without holes.
func load(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var list []migration
	for _, name := range names {
		m := fileName.FindStringSubmatch(path.Base(name))
		if m == nil {
			return nil, fmt.Errorf("migration %s: want a name like 0001_tables.sql", name)
		}
		n, _ := strconv.Atoi(m[1])
		if n != len(list)+1 {
			return nil, fmt.Errorf("migration %s: got number %d; want %d", name, n, len(list)+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		list = append(list, migration{number: n, name: path.Base(name), text: string(text)})
	}
	if len(list) == 0 {
		return nil, errors.New("no migrations")
	}
	return list, nil
}

// apply applies consecutive migrations and records the last one. The columns that several
// of them add to one table become one statement, which makes a new database in two fifths
// of the time.
func (o Options) apply(ctx context.Context, conn Conn, step []migration) error {
	var statements []string
	for _, m := range step {
		if m.number == 1 {
			statements = append(statements, fmt.Sprintf("CREATE DATABASE IF NOT EXISTS `%s` %s", o.Database,
				o.layout.OnCluster()))
		}
		rendered, err := o.render(m)
		if err != nil {
			return err
		}
		statements = append(statements, rendered...)
	}
	if len(step) > 1 {
		statements = joined(statements)
	}
	for _, s := range statements {
		if err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", firstLine(s), err)
		}
	}
	last := step[len(step)-1].number
	return o.writeMeta(ctx, conn, metaVersion, strconv.Itoa(last), uint64(last))
}

var alteration = regexp.MustCompile(`^(ALTER TABLE \S+)\s+(ADD COLUMN (?s:.*))$`)

// joined combines the statements that add columns to one table into the first of them.
func joined(statements []string) []string {
	var list []string
	at := map[string]int{} // where a table's statement is
	for _, s := range statements {
		m := alteration.FindStringSubmatch(s)
		if m == nil {
			list = append(list, s)
			continue
		}
		if slices.Contains(list, s) {
			continue // said for the Distributed table too
		}
		if i, ok := at[m[1]]; ok {
			list[i] += ",\n    " + m[2]
			continue
		}
		at[m[1]] = len(list)
		list = append(list, s)
	}
	return list
}

// render fills the placeholders of a migration and splits it at the lines
// that hold only a semicolon.
func (o Options) render(m migration) ([]string, error) {
	t, err := template.New(m.name).Funcs(template.FuncMap{
		"table":           func(t string) string { return Qualified(o.Database, o.layout.Storage(Table(t))) },
		"name":            func(t string) string { return Qualified(o.Database, Table(t)) },
		"on_cluster":      o.layout.OnCluster,
		"engine":          o.engine,
		"ttl":             func(column, level string) string { return o.ttl(column, Level(level)) },
		"settings":        o.settings,
		"insert_settings": o.layout.insertClause,
		"added":           func(t, column string) string { return o.added(Table(t), column) },
		"distributed": func(t string) string {
			return o.distributed(Table(t))
		},
	}).Parse(m.text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	var statements []string
	for s := range strings.SplitSeq(b.String(), "\n;\n") {
		if s = stripComments(s); s != "" {
			statements = append(statements, s)
		}
	}
	return statements, nil
}

// distributed is the statement that makes a Distributed table over the shards of t;
// "" without a cluster.
func (o Options) distributed(t Table) string {
	if o.layout.Cluster == "" {
		return ""
	}
	return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s %s AS %s ENGINE = Distributed(`%s`, `%s`, `%s`, %s)\n;\n",
		Qualified(o.Database, t), o.layout.OnCluster(), Qualified(o.Database, t.Local()), o.layout.Cluster, o.Database,
		t.Local(), shardBy(t))
}

// added is the statement that adds a column of t to the Distributed table over it;
// "" without a cluster.
func (o Options) added(t Table, column string) string {
	if o.layout.Cluster == "" {
		return ""
	}
	return "ALTER TABLE " + Qualified(o.Database, t) + " " + o.layout.OnCluster() + " ADD COLUMN IF NOT EXISTS " +
		column + "\n;\n"
}

// stripComments drops the lines and line ends that are comments, and blank
// lines: no string in a migration holds two dashes.
func stripComments(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "--")
		if line = strings.TrimRight(line, " \t\n;"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

package schema

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"statline/ingest/retry"
)

// Layout is how the tables of a database are distributed. Options.Cluster chooses it
// when Migrate makes the tables; from then on the database itself is asked (ReadLayout),
// so that writes agree with the tables.
type Layout struct {
	// Cluster, when set, is the ClickHouse cluster with a local table on every node and
	// a Distributed table over them.
	Cluster string
	// Replicated says that the tables that hold the rows are replicated.
	Replicated bool
}

// ErrLayout: the database was made for one server or for another cluster.
var ErrLayout = fmt.Errorf("%w: the tables lie on other servers", retry.ErrPermanent)

var distributedOver = regexp.MustCompile(`^Distributed\('([^']*)'`)

// ReadLayout reads the layout of a database; found is false when it has no tables yet.
func ReadLayout(ctx context.Context, conn Conn, database string) (l Layout, found bool, err error) {
	var tables []struct {
		Name   string `ch:"name"`
		Engine string `ch:"engine"`
		Full   string `ch:"engine_full"`
	}
	err = conn.Select(ctx, &tables,
		"SELECT name, engine, engine_full FROM system.tables WHERE database = ? AND name IN (?, ?)",
		database, string(Ledger), string(Ledger.Local()))
	if err != nil {
		return Layout{}, false, fmt.Errorf("read how the tables of database %s lie: %w", database, err)
	}
	// Migrate makes replicated tables in a cluster. This is assumed of a local table that
	// the user may not see.
	replicated := true
	for _, t := range tables {
		switch {
		case t.Name == string(Ledger.Local()):
			replicated = strings.HasPrefix(t.Engine, "Replicated")
		case t.Engine != "Distributed":
			l, found = Layout{Replicated: strings.HasPrefix(t.Engine, "Replicated")}, true
		default:
			m := distributedOver.FindStringSubmatch(t.Full)
			if m == nil {
				return Layout{}, false,
					fmt.Errorf("read how the tables of database %s lie: got engine %s of %s; want Distributed('cluster', ...)",
						database, t.Full, Ledger)
			}
			l.Cluster, found = m[1], true
		}
	}
	if l.Cluster != "" {
		l.Replicated = replicated
	}
	return l, found, nil
}

// Storage is the table that holds t's rows on a node.
func (l Layout) Storage(t Table) Table {
	if l.Cluster != "" {
		return t.Local()
	}
	return t
}

// OnCluster is the clause that runs a statement on every node; "" on one server.
func (l Layout) OnCluster() string {
	if l.Cluster == "" {
		return ""
	}
	return "ON CLUSTER `" + l.Cluster + "`"
}

// InsertSettings are the settings of every INSERT. It is answered when the rows are in
// the tables of all shards, and on most replicas of each.
func (l Layout) InsertSettings() map[string]any {
	settings := map[string]any{}
	if l.Cluster != "" {
		settings["distributed_foreground_insert"] = 1
	}
	if l.Replicated {
		settings["insert_quorum"] = "auto"
	}
	return settings
}

// insertClause is InsertSettings as a clause of INSERT ... SELECT, placed after the
// columns.
func (l Layout) insertClause() string {
	settings := l.InsertSettings()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := fmt.Sprint(settings[name])
		if _, text := settings[name].(string); text {
			value = "'" + value + "'"
		}
		list = append(list, name+" = "+value)
	}
	if len(list) == 0 {
		return ""
	}
	return " SETTINGS " + strings.Join(list, ", ")
}

// settle sets o.layout to that of the existing tables, or to the one that o asks for when
// there are none. An o.Cluster other than theirs is an error.
func (o *Options) settle(ctx context.Context, conn Conn) error {
	have, found, err := ReadLayout(ctx, conn, o.Database)
	switch {
	case err != nil:
		return err
	case !found:
		o.layout = Layout{Cluster: o.Cluster, Replicated: o.Cluster != ""}
	case o.Cluster != "" && o.Cluster != have.Cluster:
		made := "one server"
		if have.Cluster != "" {
			made = "cluster " + have.Cluster
		}
		return fmt.Errorf("got cluster %s, its tables were made for %s: %w; leave cluster out, or give it another database",
			o.Cluster, made, ErrLayout)
	default:
		o.layout = have
	}
	return nil
}

// Package schema defines what statline stores: the tables, their columns, and the
// numbered SQL migrations that make them. Package aggregate describes the tables of counts.
// Its guarantee: Migrate brings a database of any older version, or none, to
// Version without losing a row; running it again, or at the same time from
// several processes, changes nothing; a database of a newer version is
// refused. It opens no connection and imports no driver.
//
// In a cluster (Options.Cluster) every statement has ON CLUSTER, the tables that hold
// the rows are Replicated ones at the servers' default_replica_path, and a Distributed
// table over the shards has the table's name. An INSERT waits for all its shards and, in
// each, for most replicas. With two replicas that is both, so a cluster that must write
// while a server is down needs three. The daemon's user needs SYSTEM SYNC REPLICA, and
// CLUSTER to make the tables.
//
// Tested, on the embedded engine beside a real ZooKeeper (package store/zookeepertest):
// every statement that makes a table, without its ON CLUSTER; ReadLayout; blocks, ledger
// and audit through Distributed tables over one shard without replicas. The engine parses
// INSERT with a quorum and SYNC REPLICA, and refuses them because it cannot be a replica.
// Not tested, for lack of such a server: ON CLUSTER, ALTER of a replicated table, a quorum
// that is reached, more than one shard or replica. The statements are in
// testdata/cluster.sql here and in store.
package schema

import (
	"embed"
	"strings"

	"statline/classify/aggregate"
)

// Table is the name of one of statline's tables.
type Table string

// The tables. In a cluster each name is a Distributed table over Local.
const (
	Responses     Table = "responses"
	ResponsesHour Table = "responses_hour"
	Services      Table = "services"
	ServicesHour  Table = "services_hour"
	Scores        Table = "scores"
	Keys          Table = "keys"
	KeysHour      Table = "keys_hour"
	Clients       Table = "clients"
	Agents        Table = "agents"
	AgentsHour    Table = "agents_hour"
	Samples       Table = "samples"
	KeyNames      Table = "key_names"
	Rejects       Table = "rejected_lines"
	OldRejects    Table = "rejects" // of versions before schema 9; see RejectsOf
	Ledger        Table = "ledger"
	Incidents     Table = "incidents"
	Pipeline      Table = "pipeline"
	Meta          Table = "meta"
	KeyLabels     Table = "key_labels"
	Configs       Table = "configs"
	IncidentNotes Table = "incident_notes"
	Deploys       Table = "deploys"
)

// Tables lists every table.
func Tables() []Table {
	tables := []Table{
		Scores, Samples, KeyNames, Rejects, OldRejects, Ledger, Incidents, Pipeline, Meta, KeyLabels, Configs,
		IncidentNotes, Deploys,
	}
	for _, r := range aggregate.Rollups() {
		tables = append(tables, Table(r.Name))
	}
	return tables
}

// rollup is the description of t; false when t holds no counts.
func rollup(t Table) (aggregate.Rollup, bool) {
	for _, r := range aggregate.Rollups() {
		if Table(r.Name) == t {
			return r, true
		}
	}
	return aggregate.Rollup{}, false
}

// Local is the table that holds one shard's rows of t in a cluster.
func (t Table) Local() Table { return t + "_local" }

// shardBy is a table's sharding key: rows that the engine merges into one must be in one
// shard.
func shardBy(t Table) string {
	if r, ok := rollup(t); ok {
		return "cityHash64(" + strings.Join(r.Shard, ", ") + ")"
	}
	switch t {
	case Scores, Deploys:
		return "cityHash64(service)"
	case KeyNames, KeyLabels:
		return "cityHash64(key_id)"
	case Samples:
		return "cityHash64(service, outcome)"
	case Rejects, OldRejects, Ledger, Pipeline:
		return "cityHash64(topic, partition)"
	case Incidents:
		return "cityHash64(id)"
	case Configs:
		return "cityHash64(config_hash)"
	case IncidentNotes:
		return "cityHash64(incident)"
	default:
		return "cityHash64(key)"
	}
}

// Column is the name of a column.
type Column string

// The columns that code refers to by name.
const (
	Minute     Column = "minute"
	Service    Column = "service"
	Route      Column = "route"
	Method     Column = "method"
	HTTPStatus Column = "http_status"
	Code       Column = "code"
	Outcome    Column = "outcome"
	Requests   Column = "requests"
	LatencyUS  Column = "latency_us"

	KeyID    Column = "key_id"
	ClientIP Column = "client_ip"

	Slot           Column = "slot"
	TS             Column = "ts"
	Path           Column = "path"
	Message        Column = "message"
	UpstreamStatus Column = "upstream_status"
	RequestID      Column = "request_id"
	UserAgent      Column = "user_agent"
	Partition      Column = "partition"
	Offset         Column = "offset"
	Name           Column = "name"
	Revision       Column = "revision"

	Cluster        Column = "cluster"
	Topic          Column = "topic"
	Epoch          Column = "epoch"
	Index          Column = "idx"
	RecordTS       Column = "record_ts"
	StoredAt       Column = "stored_at"
	Reason         Column = "reason"
	Detail         Column = "detail"
	Format         Column = "format"
	DecoderVersion Column = "decoder_version"
	Raw            Column = "raw"

	First        Column = "first"
	End          Column = "end"
	Kind         Column = "kind"
	State        Column = "state"
	Group        Column = "group"
	Instance     Column = "instance"
	ConfigHash   Column = "config_hash"
	Build        Column = "version"
	Records      Column = "records"
	Responded    Column = "responses"
	Rejected     Column = "rejected"
	Holes        Column = "holes"
	Days         Column = "days"
	DayAgented   Column = "day_agented"
	MinEvent     Column = "min_event"
	MaxEvent     Column = "max_event"
	LastRecordTS Column = "last_record_ts"
	DeclaredAt   Column = "declared_at"
	Mixed        Column = "mixed"
	Inserts      Column = "inserts"
	TopicID      Column = "topic_id"
	Body         Column = "body"
	Note         Column = "note"
	WrittenAt    Column = "written_at"
)

// Level is how long the rows of a table live.
type Level string

// The levels. Forever is the level of the ledger, the incidents and the names.
const (
	MinuteLevel Level = "minute"
	HourLevel   Level = "hour"
	SampleLevel Level = "sample"
	Forever     Level = ""
)

// LevelOf is the level of a table.
func LevelOf(t Table) Level {
	if r, ok := rollup(t); ok {
		return RollupLevel(r)
	}
	switch t {
	case Scores, Pipeline:
		return MinuteLevel
	case Samples, Rejects, OldRejects:
		return SampleLevel
	default:
		return Forever
	}
}

// RollupLevel is the level of a table of counts.
func RollupLevel(r aggregate.Rollup) Level {
	if r.Level == aggregate.Hour {
		return HourLevel
	}
	return MinuteLevel
}

//go:embed migrations/*.sql
var migrations embed.FS

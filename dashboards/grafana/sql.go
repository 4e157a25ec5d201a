package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

const (
	pluginID = "grafana-clickhouse-datasource"
	// pluginVersion is the version of the plugin that the queries are written
	// for; docker-compose.yml installs it.
	pluginVersion = "4.20.0"
)

// Format is how the data source's backend shapes a result. Older backends read
// the number only.
type Format int

// The formats used here.
const (
	TimeSeries Format = 0
	Table      Format = 1
)

// SQL is one query of Grafana's ClickHouse data source: the fields that its editor
// and its backend read. The SDK has no type for it.
type SQL struct {
	EditorType string `json:"editorType"`
	// QueryType tells the editor what Format tells the backend: if they differ, the
	// first edit in the browser breaks the panel.
	QueryType     string `json:"queryType"`
	RawSQL        string `json:"rawSql"`
	Format        Format `json:"format"`
	PluginVersion string `json:"pluginVersion"`
}

// Query is a query of a classic dashboard, which names its data source itself.
type Query struct {
	Datasource common.DataSourceRef `json:"datasource"`
	RefID      string               `json:"refId"`
	SQL
}

func newSQL(sql string, f Format) SQL {
	kind := "table"
	if f == TimeSeries {
		kind = "timeseries"
	}
	return SQL{EditorType: "sql", QueryType: kind, RawSQL: sql, Format: f, PluginVersion: pluginVersion}
}

func newQuery(refID, sql string, f Format, uid string) Query {
	source := pluginID
	return Query{Datasource: common.DataSourceRef{Type: &source, Uid: &uid}, RefID: refID, SQL: newSQL(sql, f)}
}

// ImplementsDataqueryVariant marks q as a query for the SDK.
func (q SQL) ImplementsDataqueryVariant() {}

// DataqueryType is the data source's plugin id.
func (q SQL) DataqueryType() string { return pluginID }

// Equals reports whether other is the same query.
func (q SQL) Equals(other variants.Dataquery) bool { return reflect.DeepEqual(q, other) }

// Equals reports whether other is the same query.
func (q Query) Equals(other variants.Dataquery) bool { return reflect.DeepEqual(q, other) }

// buildErrors are the only errors that the SDK accepts of a query.
type buildErrors struct{ cog.BuildErrors }

func (e *buildErrors) bad(field, format string, args ...any) {
	e.BuildErrors = append(e.BuildErrors, &cog.BuildError{Path: field, Message: fmt.Sprintf(format, args...)})
}

func (e *buildErrors) err() error {
	if len(e.BuildErrors) == 0 {
		return nil
	}
	return e.BuildErrors
}

// Validate checks what the SDK cannot know: the two names of the format agree
// and nothing is empty. Its errors are cog.BuildErrors.
func (q SQL) Validate() error {
	var e buildErrors
	q.check(&e)
	return e.err()
}

// Validate checks the data source and the refId too.
func (q Query) Validate() error {
	var e buildErrors
	q.check(&e)
	if q.RefID == "" {
		e.bad("refId", "empty")
	}
	if q.Datasource.Uid == nil || *q.Datasource.Uid == "" {
		e.bad("datasource.uid", "empty")
	}
	return e.err()
}

func (q SQL) check(e *buildErrors) {
	switch want := map[Format]string{TimeSeries: "timeseries", Table: "table"}[q.Format]; {
	case want == "":
		e.bad("format", "got %d; want 0 (time series) or 1 (table)", q.Format)
	case want != q.QueryType:
		e.bad("queryType", "got %q; want %q, as format says", q.QueryType, want)
	}
	if q.RawSQL == "" {
		e.bad("rawSql", "empty")
	}
	if q.EditorType != "sql" {
		e.bad("editorType", "got %q; want sql", q.EditorType)
	}
}

// registerQuery lets the SDK read queries of the ClickHouse data source back. The SDK
// keeps its registry in a global variable.
func registerQuery() {
	plugins.RegisterDefaultPlugins()
	read := func(raw []byte) (variants.Dataquery, error) {
		var q Query
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		err := d.Decode(&q)
		return q, err
	}
	// The strict reader of schema 2 asks for the other one.
	cog.NewRuntime().RegisterDataqueryVariant(variants.DataqueryConfig{
		Identifier: pluginID, DataqueryUnmarshaler: read, StrictDataqueryUnmarshaler: read,
	})
}

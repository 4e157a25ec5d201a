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

// Query is one query of Grafana's ClickHouse data source: the fields that its
// editor and its backend read. The SDK has no type for it.
type Query struct {
	Datasource common.DataSourceRef `json:"datasource"`
	RefID      string               `json:"refId"`
	EditorType string               `json:"editorType"`
	// QueryType says to the editor what Format says to the backend: out of
	// step, the first edit in the browser turns the panel over.
	QueryType     string `json:"queryType"`
	RawSQL        string `json:"rawSql"`
	Format        Format `json:"format"`
	PluginVersion string `json:"pluginVersion"`
}

func newQuery(refID, sql string, f Format, uid string) Query {
	kind, source := "table", pluginID
	if f == TimeSeries {
		kind = "timeseries"
	}
	return Query{
		Datasource: common.DataSourceRef{Type: &source, Uid: &uid}, RefID: refID, EditorType: "sql", QueryType: kind,
		RawSQL: sql, Format: f, PluginVersion: pluginVersion,
	}
}

// ImplementsDataqueryVariant marks q as a query for the SDK.
func (q Query) ImplementsDataqueryVariant() {}

// DataqueryType is the data source's plugin id.
func (q Query) DataqueryType() string { return pluginID }

// Equals reports whether other is the same query.
func (q Query) Equals(other variants.Dataquery) bool { return reflect.DeepEqual(q, other) }

// Validate checks what the SDK cannot know: the two names of the format agree
// and nothing is empty. Its errors are cog.BuildErrors, the only type that the
// SDK accepts.
func (q Query) Validate() error {
	var errs cog.BuildErrors
	bad := func(field, format string, args ...any) {
		errs = append(errs, &cog.BuildError{Path: field, Message: fmt.Sprintf(format, args...)})
	}
	switch want := map[Format]string{TimeSeries: "timeseries", Table: "table"}[q.Format]; {
	case want == "":
		bad("format", "got %d; want 0 (time series) or 1 (table)", q.Format)
	case want != q.QueryType:
		bad("queryType", "got %q; want %q, as format says", q.QueryType, want)
	}
	if q.RefID == "" {
		bad("refId", "empty")
	}
	if q.RawSQL == "" {
		bad("rawSql", "empty")
	}
	if q.EditorType != "sql" {
		bad("editorType", "got %q; want sql", q.EditorType)
	}
	if q.Datasource.Uid == nil || *q.Datasource.Uid == "" {
		bad("datasource.uid", "empty")
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// registerQuery lets the SDK read queries of the ClickHouse data source back.
// The SDK keeps its registry in a global of its own.
func registerQuery() {
	plugins.RegisterDefaultPlugins()
	read := func(strict bool) func([]byte) (variants.Dataquery, error) {
		return func(raw []byte) (variants.Dataquery, error) {
			var q Query
			d := json.NewDecoder(bytes.NewReader(raw))
			if strict {
				d.DisallowUnknownFields()
			}
			err := d.Decode(&q)
			return q, err
		}
	}
	cog.NewRuntime().RegisterDataqueryVariant(variants.DataqueryConfig{
		Identifier: pluginID, DataqueryUnmarshaler: read(false), StrictDataqueryUnmarshaler: read(true),
	})
}

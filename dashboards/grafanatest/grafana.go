// Package grafanatest runs every query of package dashboards as Grafana does:
// the data source's backend (sqlds and the plugin SDK, with the ClickHouse
// plugin's macros) over clickhouse-go, against the embedded engine. It is a
// module of its own because those libraries bring three hundred others.
package grafanatest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
	"github.com/grafana/sqlds/v5"
)

// driver is the ClickHouse plugin's part of the backend: how to connect, and
// its macros and converters as far as the dashboards use them.
type driver struct{ url string }

func (d driver) Connect(context.Context, backend.DataSourceInstanceSettings, json.RawMessage) (*sql.DB, error) {
	o, err := clickhouse.ParseDSN(d.url)
	if err != nil {
		return nil, err
	}
	return clickhouse.OpenDB(o), nil
}

func (driver) Settings(context.Context, backend.DataSourceInstanceSettings) sqlds.DriverSettings {
	return sqlds.DriverSettings{Timeout: time.Minute, FillMode: &data.FillMissing{Mode: data.FillModeNull}}
}

func (driver) Macros() sqlds.Macros {
	moment := func(pick func(backend.TimeRange) time.Time) sqlds.MacroFunc {
		return func(q *sqlds.Query, _ []string) (string, error) {
			return fmt.Sprintf("toDateTime(%d)", pick(q.TimeRange).Unix()), nil
		}
	}
	return sqlds.Macros{
		"fromTime": moment(func(r backend.TimeRange) time.Time { return r.From }),
		"toTime":   moment(func(r backend.TimeRange) time.Time { return r.To }),
		"interval_s": func(q *sqlds.Query, _ []string) (string, error) {
			return fmt.Sprint(max(1, int64(q.Interval.Seconds()))), nil
		},
	}
}

// Converters maps what clickhouse-go scans to what a frame holds.
func (driver) Converters() []sqlutil.Converter {
	nullable := func(name string, in any, out data.FieldType, convert func(any) (any, error)) sqlutil.Converter {
		return sqlutil.Converter{Name: name, InputScanType: reflect.TypeOf(in),
			InputTypeRegex: regexp.MustCompile("^" + name + "$"),
			FrameConverter: sqlutil.FrameConverter{FieldType: out, ConverterFunc: convert}}
	}
	return []sqlutil.Converter{
		nullable(`Nullable\(Float64\)`, (**float64)(nil), data.FieldTypeNullableFloat64, deref[float64]),
		nullable(`Nullable\(UInt64\)`, (**uint64)(nil), data.FieldTypeNullableUint64, deref[uint64]),
		nullable(`Nullable\(Int64\)`, (**int64)(nil), data.FieldTypeNullableInt64, deref[int64]),
		nullable(`Nullable\(UInt16\)`, (**uint16)(nil), data.FieldTypeNullableUint16, deref[uint16]),
		nullable(`Nullable\(Int16\)`, (**int16)(nil), data.FieldTypeNullableInt16, deref[int16]),
		nullable(`Nullable\(DateTime.*\)`, (**time.Time)(nil), data.FieldTypeNullableTime, deref[time.Time]),
		nullable(`Nullable\(String\)`, (**string)(nil), data.FieldTypeNullableString, deref[string]),
	}
}

// deref turns the **T that was scanned into a *T, nil for NULL.
func deref[T any](in any) (any, error) {
	p, ok := in.(**T)
	if !ok {
		return nil, fmt.Errorf("scanned %T; want %T", in, p)
	}
	return *p, nil
}

// Grafana asks one store.
type Grafana struct{ source *sqlds.SQLDatasource }

// Open makes a data source of the store at a URL of clickhouse-go.
func Open(ctx context.Context, url string) (*Grafana, error) {
	ds := sqlds.NewDatasource(driver{url})
	settings := backend.DataSourceInstanceSettings{UID: "clickhouse", Name: "ClickHouse", JSONData: []byte("{}")}
	instance, err := ds.NewDatasource(ctx, settings)
	if err != nil {
		return nil, err
	}
	return &Grafana{instance.(*sqlds.SQLDatasource)}, nil
}

// Close ends its connections.
func (g *Grafana) Close() { g.source.Dispose() }

// Ask runs one text over a span. format is the query's; interval is what
// Grafana works out from the panel's width.
func (g *Grafana) Ask(ctx context.Context, text string, format int, from, to time.Time,
	interval time.Duration) (data.Frames, error) {
	model, err := json.Marshal(map[string]any{"refId": "A", "rawSql": text, "format": format})
	if err != nil {
		return nil, err
	}
	r, err := g.source.QueryData(ctx, &backend.QueryDataRequest{
		PluginContext: backend.PluginContext{
			DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{UID: "clickhouse", JSONData: []byte("{}")},
		},
		Queries: []backend.DataQuery{{RefID: "A", JSON: model, Interval: interval, MaxDataPoints: 1000,
			TimeRange: backend.TimeRange{From: from, To: to}}},
	})
	if err != nil {
		return nil, err
	}
	return r.Responses["A"].Frames, r.Responses["A"].Error
}

// Choice is what a reader chose for the dashboards' variables; a variable that
// is missing stands at All.
type Choice map[string][]string

const conditional = "$__conditionalAll("

var listed = regexp.MustCompile(`\$\{(\w+):queryparam\}`)

// Apply does what the browser does before it sends a text: the plugin's macro,
// then the variables.
func (c Choice) Apply(text string) string {
	for {
		before, rest, found := strings.Cut(text, conditional)
		if !found {
			break
		}
		condition, variable, after := arguments(rest)
		if len(c[strings.TrimPrefix(variable, "$")]) == 0 {
			condition = "1=1"
		}
		text = before + condition + after
	}
	return listed.ReplaceAllStringFunc(text, func(m string) string {
		name := listed.FindStringSubmatch(m)[1]
		var list []string
		for _, v := range c[name] {
			list = append(list, "var-"+name+"="+strictly(v))
		}
		return strings.Join(list, "&")
	})
}

// arguments cuts a macro's two arguments off.
func arguments(rest string) (first, second, after string) {
	depth, comma := 1, 0
	for i, r := range rest {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 1 {
				comma = i
			}
		}
		if depth == 0 {
			return rest[:comma], strings.TrimSpace(rest[comma+1 : i]), rest[i+1:]
		}
	}
	return "", "", rest
}

// strictly encodes as the browser's encodeURIComponent and, beyond it, what
// Grafana does: !'()*.
func strictly(v string) string {
	return strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
}

// Interval is Grafana's for a span on a panel of a number of points: at least a
// minute, rounded to a step that people know.
func Interval(span time.Duration, points int) time.Duration {
	exact := span / time.Duration(points)
	for _, step := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		15 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour} {
		if exact <= step {
			return step
		}
	}
	return 12 * time.Hour
}

package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"statline/dashboards"
	"statline/dashboards/query"
)

// grafanaUnits are Grafana's names of the units.
func grafanaUnits() map[dashboards.Unit]string {
	return map[dashboards.Unit]string{
		dashboards.None: units.NoUnit, dashboards.Count: units.Short, dashboards.Share: units.PercentUnit,
		dashboards.PerSecond: units.RequestsPerSecond, dashboards.Records: units.RecordsPerSecond,
		dashboards.Micros: units.Microseconds, dashboards.Seconds: units.Seconds,
		dashboards.Duration: units.DurationSeconds,
		dashboards.Bytes:    units.BytesIEC, dashboards.Moment: units.DatetimeISO, dashboards.Times: "suffix:×",
	}
}

// panel makes Grafana's panel of p, without its place.
func panel(p dashboards.Panel, on dashboards.Board, target query.Target) (dashboard.Panel, error) {
	k, err := kindOf(p)
	if err != nil {
		return dashboard.Panel{}, err
	}
	out, err := k.build.Build()
	if err != nil {
		return out, fmt.Errorf("panel %q: %w", p.Title, err)
	}
	if t, ok := out.Options.(*table.Options); ok {
		t.Footer = nil // the SDK writes one that its own strict reader refuses, and Grafana 13 has none
	}
	source := source()
	out.Title, out.Description, out.Datasource = &p.Title, &p.About, &source
	out.Targets = append(out.Targets, newQuery("A", p.Query.Grafana(target), k.format, dataSource))
	if k.format == TimeSeries {
		out.Interval = cog.ToPtr("1m") // the finest that the store has
	}
	if p.MaxPoints > 0 {
		out.MaxDataPoints = cog.ToPtr(float64(p.MaxPoints))
	}
	if out.FieldConfig == nil {
		out.FieldConfig = dashboard.NewFieldConfigSource()
	}
	f := &out.FieldConfig.Defaults
	f.Unit, f.NoValue, f.Decimals = cog.ToPtr(grafanaUnits()[p.Unit]), &p.Empty, decimals(p.Decimals)
	f.Thresholds = thresholds(p.Limits)
	f.Color = &dashboard.FieldColor{Mode: k.color}
	if k.format == Table {
		// The text for no data is for the whole table: an empty cell stays empty.
		out.FieldConfig.Overrides = append(out.FieldConfig.Overrides, dashboard.DashboardFieldConfigSourceOverrides{
			Matcher:    dashboard.MatcherConfig{Id: "byRegexp", Options: "/.*/"},
			Properties: []property{{Id: "noValue", Value: ""}}})
	}
	if p.Kind == dashboards.Table {
		// Without a width every column takes the same, at least 150 pixels: numbers
		// and times take what they need, and leave the rest to text.
		out.FieldConfig.Overrides = append(out.FieldConfig.Overrides, widthOf("number", numberWidth),
			widthOf("time", timeWidth))
	}
	for _, c := range p.Columns {
		out.FieldConfig.Overrides = append(out.FieldConfig.Overrides, override(c, p.Kind, on))
	}
	return out, nil
}

// Pixels of a column of a table that has no width of its own.
const (
	numberWidth = 95
	timeWidth   = 155 // 2026-11-30 18:08:03
)

func widthOf(fieldType string, pixels int) dashboard.DashboardFieldConfigSourceOverrides {
	return dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byType", Options: fieldType},
		Properties: []property{{Id: "custom.width", Value: pixels}}}
}

func decimals(n *int) *float64 {
	if n == nil {
		return nil
	}
	return cog.ToPtr(float64(*n))
}

// thresholds colours by limits; without any, everything is one calm colour.
func thresholds(limits []dashboards.Step) *dashboard.ThresholdsConfig {
	if limits == nil {
		limits = []dashboards.Step{{Color: dashboards.Note}}
	}
	steps := make([]dashboard.Threshold, len(limits))
	for i, l := range limits {
		steps[i].Color = l.Color
		if i > 0 {
			steps[i].Value = cog.ToPtr(l.From)
		}
	}
	return &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: steps}
}

func source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(pluginID), Uid: cog.ToPtr(dataSource)}
}

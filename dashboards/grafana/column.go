package grafana

import (
	"maps"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"statline/dashboards"
)

type property = dashboard.DynamicConfigValue

// override makes the override of one column, with its properties always in this order.
func override(c dashboards.Column, of dashboards.Kind,
	on dashboards.Board) dashboard.DashboardFieldConfigSourceOverrides {
	var list []property
	add := func(id string, value any) { list = append(list, property{Id: id, Value: value}) }
	if c.Link != nil {
		add("links", []map[string]any{{"title": c.Link.Title, "url": address(*c.Link, on)}})
	}
	if c.Words != nil {
		add("mappings", mappings(c.Words))
	}
	if c.Limits != nil {
		add("thresholds", *thresholds(c.Limits))
	}
	if of == dashboards.Table && (c.Words != nil || c.Limits != nil) {
		add("custom.cellOptions", map[string]any{"type": "color-text"})
	}
	if c.Wrapped { // Grafana before 12.2 cuts the text
		add("custom.wrapText", true)
	}
	if c.Color != "" {
		add("color", map[string]any{"mode": "fixed", "fixedColor": c.Color})
	}
	if c.Unit != "" {
		add("unit", grafanaUnits()[c.Unit])
	}
	if c.Decimals != nil {
		add("decimals", *c.Decimals)
	}
	if c.As != "" {
		add("displayName", c.As)
	}
	if c.Unfilled {
		add("custom.fillOpacity", 0)
	}
	if c.Dashed {
		add("custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{8, 6}})
	}
	if c.Width > 0 {
		add("custom.width", c.Width)
	}
	if c.Hidden { // for Grafana before 13 and since
		add("custom.hidden", true)
		add("custom.hideFrom", map[string]any{"viz": true, "legend": true, "tooltip": true})
	}
	return dashboard.DashboardFieldConfigSourceOverrides{Matcher: dashboard.MatcherConfig{Id: "byName",
		Options: c.Name}, Properties: list}
}

// mappings colours words.
func mappings(colors map[string]string) []dashboard.ValueMap {
	results := map[string]dashboard.ValueMappingResult{}
	for i, word := range slices.Sorted(maps.Keys(colors)) {
		results[word] = dashboard.ValueMappingResult{Text: cog.ToPtr(word), Color: cog.ToPtr(colors[word]),
			Index: cog.ToPtr(int32(i))}
	}
	return []dashboard.ValueMap{{Type: dashboard.MappingTypeValueToText, Options: results}}
}

// address is the address of another dashboard: with the same time, data source and
// choices, and one variable set from the row that was clicked.
func address(l dashboards.Link, on dashboards.Board) string {
	if l.Place != "" {
		return "/d/${__data.fields." + l.Place + ":raw}&${ds:queryparam}"
	}
	value := "${__value.raw:percentencode}"
	if l.Column != "" {
		value = "${__data.fields." + l.Column + ":percentencode}"
	}
	kept := ""
	for _, v := range on.Variables {
		if v.Name != l.Variable && dashboards.HasVariable(l.Board, v.Name) {
			kept += "&${" + v.Name + ":queryparam}"
		}
	}
	return "/d/" + l.Board + "?${ds:queryparam}&${__url_time_range}" + kept + "&var-" + l.Variable + "=" + value
}

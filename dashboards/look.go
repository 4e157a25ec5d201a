package dashboards

import (
	"maps"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"statline/classify"
)

// The colours of states.
const (
	good, fair, bad, note, plain = "#56A64B", "#FF9830", "#E02F44", "#3274D9", "#8E8E8E"
)

// units in which the queries answer.
const (
	perSecond = units.RequestsPerSecond
	share     = units.PercentUnit
	micros    = units.Microseconds
	count     = units.Short
	seconds   = units.Seconds
	bytesUnit = units.BytesIEC
	recordsPS = units.RecordsPerSecond
	span      = units.DurationSeconds
)

var calm = []dashboard.Threshold{{Color: note}}

// outcomeColors gives each outcome one colour on every panel: green for
// success, blue to violet for what the caller did, amber for limits and keys,
// red for what failed on the server's side.
func outcomeColors() map[classify.Outcome]string {
	return map[classify.Outcome]string{
		classify.Success: "#56A64B", classify.Redirect: "#96D98D",
		classify.RateLimited: "#FF9830", classify.SuspendedKey: "#E0B400", classify.DisabledAccount: "#CC9D00",
		classify.InvalidKey: "#FADE2A", classify.UnverifiedAccount: "#FFF899",
		classify.AuthFailed: "#8F3BB8", classify.AccessDenied: "#A352CC",
		classify.InvalidRequest: "#3274D9", classify.NotFound: "#8AB8FF", classify.Duplicate: "#5794F2",
		classify.Unsupported: "#1F60C4", classify.ClientError: "#C0D8FF", classify.ClientClosed: "#B877D9",
		classify.Timeout: "#E02F44", classify.Offline: "#AD0317", classify.InternalError: "#FF7383", classify.ServerError: "#F2495C",
		classify.Unknown: "#8E8E8E",
	}
}

// step is a threshold; the first has none.
func step(from float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: cog.ToPtr(from), Color: color}
}

// rising is green below warn, amber from warn, red from alarm.
func rising(warn, alarm float64) []dashboard.Threshold {
	return []dashboard.Threshold{{Color: good}, step(warn, fair), step(alarm, bad)}
}

// falling is red below alarm, amber below warn.
func falling(alarm, warn float64) []dashboard.Threshold {
	return []dashboard.Threshold{{Color: bad}, step(alarm, fair), step(warn, good)}
}

type (
	overrides = []dashboard.DashboardFieldConfigSourceOverrides
	property  = dashboard.DynamicConfigValue
)

// order is that of a field's properties, whatever order they are given in.
func order(p property) int {
	return slices.Index([]string{"links", "mappings", "thresholds", "custom.cellOptions", "color", "unit", "decimals", "displayName",
		"custom.fillOpacity", "custom.lineStyle", "custom.width", "custom.hidden", "custom.hideFrom"}, p.Id)
}

// field changes the field of that name.
func field(name string, properties ...property) dashboard.DashboardFieldConfigSourceOverrides {
	properties = slices.Clone(properties)
	slices.SortStableFunc(properties, func(a, b property) int { return order(a) - order(b) })
	return dashboard.DashboardFieldConfigSourceOverrides{Matcher: dashboard.MatcherConfig{Id: "byName", Options: name}, Properties: properties}
}

func unit(u string) property   { return property{Id: "unit", Value: u} }
func width(px int) property    { return property{Id: "custom.width", Value: px} }
func decimals(n int) property  { return property{Id: "decimals", Value: n} }
func nameAs(s string) property { return property{Id: "displayName", Value: s} }
func fixed(color string) property {
	return property{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": color}}
}
func fill(percent int) property { return property{Id: "custom.fillOpacity", Value: percent} }
func dashed() property {
	return property{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 6}}}
}
func hide() property {
	return property{Id: "custom.hideFrom", Value: map[string]any{"viz": true, "legend": true, "tooltip": true}}
}

// hidden leaves a column of a table out, for Grafana before 13 and since.
func hidden(name string) dashboard.DashboardFieldConfigSourceOverrides {
	return field(name, property{Id: "custom.hidden", Value: true}, hide())
}

// limits colours a column's text by thresholds.
func limits(steps []dashboard.Threshold) []property {
	return []property{
		{Id: "thresholds", Value: dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: steps}},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
	}
}

// words colours a column's words.
func words(colors map[string]string) []property {
	results := map[string]dashboard.ValueMappingResult{}
	for i, word := range slices.Sorted(maps.Keys(colors)) {
		results[word] = dashboard.ValueMappingResult{Text: cog.ToPtr(word), Color: cog.ToPtr(colors[word]), Index: cog.ToPtr(int32(i))}
	}
	return []property{
		{Id: "mappings", Value: []dashboard.ValueMap{{Type: dashboard.MappingTypeValueToText, Options: results}}},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
	}
}

func severityWords() []property {
	return words(map[string]string{"page": bad, "ticket": fair, "info": note})
}

// outcomeWords colours a column of outcomes.
func outcomeWords() []property {
	colors := map[string]string{}
	for o, color := range outcomeColors() {
		colors[o.String()] = color
	}
	return words(colors)
}

// byOutcome colours series that are named after outcomes.
func byOutcome() overrides {
	var list overrides
	colors := outcomeColors()
	for _, o := range classify.Outcomes() {
		list = append(list, field(o.String(), fixed(colors[o])))
	}
	return list
}

// apart is green at 0 and red on either side.
func apart() []dashboard.Threshold {
	return []dashboard.Threshold{{Color: bad}, step(0, good), step(1, bad)}
}

func tenth() *float64     { return cog.ToPtr(1.0) }
func hundredth() *float64 { return cog.ToPtr(2.0) }

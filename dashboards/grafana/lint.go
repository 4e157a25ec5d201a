package grafana

//lint:file-ignore SA1019 the classic schema stays, for Grafana 11.6 and later; schema v2 is the other renderer

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"statline/dashboards"
)

// Lint checks one dashboard file: with the SDK's strict reader and its Validate, and
// for what they do not see: ids, the grid, refIds, variables, macros, words of
// enumerations, units, and that every panel says what it shows, in which unit, with
// which limits, and what it says without data.
func Lint(raw []byte) []error {
	registerQuery()
	errs := found("strict reading", new(dashboard.Dashboard).UnmarshalJSONStrict(raw))
	var d dashboard.Dashboard // the strict reader leaves out what is of several kinds
	var l linter
	if err := errors.Join(json.Unmarshal(raw, &d), json.Unmarshal(raw, &l.d)); err != nil {
		return append(errs, err)
	}
	errs = append(errs, found("validate", d.Validate())...)
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue
		}
		for _, target := range p.Panel.Targets {
			errs = append(errs, found(fmt.Sprintf("query of panel %q", *p.Panel.Title), target.Validate())...)
		}
	}
	l.dashboard()
	return append(errs, l.errs...)
}

// found is what the SDK says of a dashboard: it returns a list that may be empty as
// an error that is not nil.
func found(what string, err error) []error {
	if list, ok := err.(cog.BuildErrors); err == nil || ok && len(list) == 0 {
		return nil
	}
	return []error{fmt.Errorf("%s: %w", what, err)}
}

// linted is the part of a dashboard that Lint looks at, as plain JSON.
type linted struct {
	UID        string        `json:"uid"`
	Title      string        `json:"title"`
	Panels     []lintedPanel `json:"panels"`
	Templating struct {
		List []map[string]any `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []map[string]any `json:"list"`
	} `json:"annotations"`
}

type lintedPanel struct {
	ID          int              `json:"id"`
	Type        string           `json:"type"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	GridPos     *grid            `json:"gridPos"`
	Targets     []map[string]any `json:"targets"`
	Options     map[string]any   `json:"options"`
	Datasource  map[string]any   `json:"datasource"`
	FieldConfig struct {
		Defaults  map[string]any   `json:"defaults"`
		Overrides []lintedOverride `json:"overrides"`
	} `json:"fieldConfig"`
}

type lintedOverride struct {
	Matcher    map[string]any `json:"matcher"`
	Properties []struct {
		ID    string `json:"id"`
		Value any    `json:"value"`
	} `json:"properties"`
}

type grid struct{ X, Y, W, H int }

type linter struct {
	d    linted
	errs []error
}

func (l *linter) bad(where, format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

func (l *linter) dashboard() {
	if l.d.UID == "" || l.d.Title == "" {
		l.bad("dashboard", "no uid or no title")
	}
	defined := []string{}
	for _, v := range l.d.Templating.List {
		name, _ := v["name"].(string)
		if slices.Contains(defined, name) {
			l.bad("variable "+name, "defined twice")
		}
		defined = append(defined, name)
	}
	for _, v := range l.d.Templating.List {
		l.variables(fmt.Sprintf("variable %v", v["name"]),
			map[string]any{"query": v["query"], "datasource": v["datasource"]}, defined)
	}
	for _, a := range l.d.Annotations.List {
		l.variables(fmt.Sprintf("annotation %v", a["name"]), a, defined)
	}
	ids := map[int]string{}
	for i, p := range l.d.Panels {
		where := fmt.Sprintf("panel %d %q", p.ID, p.Title)
		if other, twice := ids[p.ID]; twice || p.ID == 0 {
			l.bad(where, "id %d: want one of its own over 0 (also %q)", p.ID, other)
		}
		ids[p.ID] = p.Title
		l.place(where, i, p)
		if p.Type != "row" {
			l.panel(where, p, defined)
		}
	}
}

func (l *linter) place(where string, i int, p lintedPanel) {
	g := p.GridPos
	if g == nil || g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > dashboards.GridWidth {
		l.bad(where, "place on the grid: got %+v; want it inside %d columns", g, dashboards.GridWidth)
		return
	}
	for _, other := range l.d.Panels[:i] {
		if o := other.GridPos; o != nil && g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
			l.bad(where, "overlaps panel %d %q", other.ID, other.Title)
		}
	}
}

func (l *linter) panel(where string, p lintedPanel, defined []string) {
	def := p.FieldConfig.Defaults
	if p.Title == "" || p.Description == "" {
		l.bad(where, "no title or no description")
	}
	if s, _ := def["noValue"].(string); s == "" {
		l.bad(where, "no text for no data")
	}
	if t, _ := def["thresholds"].(map[string]any); t == nil || t["steps"] == nil {
		l.bad(where, "no thresholds")
	}
	u, _ := def["unit"].(string)
	l.unit(where, u)
	if uid, _ := p.Datasource["uid"].(string); uid != dataSource {
		l.bad(where, "data source: got %q; want %q", uid, dataSource)
	}
	if len(p.Targets) == 0 {
		l.bad(where, "no query")
	}
	refs := map[any]bool{}
	for _, t := range p.Targets {
		if ref := t["refId"]; refs[ref] || ref == "" || ref == nil {
			l.bad(where, "refId %v: want one of its own", ref)
		}
		refs[t["refId"]] = true
		l.variables(where, t, defined)
	}
	l.words(where, p.Type, "options", p.Options)
	if custom, ok := def["custom"].(map[string]any); ok {
		l.words(where, p.Type, "custom", custom)
	}
	if color, ok := def["color"].(map[string]any); ok {
		l.words(where, p.Type, "fieldColor", color)
	}
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if !slices.Contains(propertyIDs(), property.ID) {
				l.bad(where, "override of %v: unknown property %q", o.Matcher["options"], property.ID)
			}
			if property.ID == "unit" {
				u, _ := property.Value.(string)
				l.unit(where, u)
			}
			l.variables(where, property.Value, defined)
		}
	}
}

func propertyIDs() []string {
	return []string{"unit", "decimals", "displayName", "color", "thresholds", "mappings", "links", "noValue", "min",
		"max",
		"custom.width", "custom.wrapText", "custom.hidden", "custom.hideFrom", "custom.cellOptions",
		"custom.fillOpacity", "custom.lineStyle"}
}

// knownUnits are the units in use, each a constant of the SDK.
func knownUnits() []string {
	var list []string
	for _, u := range grafanaUnits() {
		if !strings.HasPrefix(u, "suffix:") {
			list = append(list, u)
		}
	}
	return list
}

func (l *linter) unit(where, u string) {
	if !slices.Contains(knownUnits(), u) && !strings.HasPrefix(u, "suffix:") {
		l.bad(where, "unit: got %q; want one of the SDK's", u)
	}
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_]\w*)(?:[.:][^}]*)?\}|\$([A-Za-z_]\w*)`)

// given are Grafana's own names and the macros of the data source's backend.
func given() []string {
	return []string{"__fromTime", "__toTime", "__interval_s", "__conditionalAll", "__url_time_range", "__value",
		"__data", "__all"}
}

// variables checks every $name in the strings of a value.
func (l *linter) variables(where string, value any, defined []string) {
	switch v := value.(type) {
	case string:
		for _, m := range reference.FindAllStringSubmatch(v, -1) {
			name := m[1] + m[2]
			if !slices.Contains(defined, name) && !slices.Contains(given(), name) {
				l.bad(where, "variable $%s is not defined", name)
			}
		}
		if strings.Contains(v, "{db}") || strings.Contains(v, "{database}") || strings.Contains(v, "{parts}") {
			l.bad(where, "a placeholder of package query is left in %.40q", v)
		}
	case map[string]any:
		if v["type"] == pluginID && v["uid"] != dataSource {
			l.bad(where, "data source: got %v; want %q", v["uid"], dataSource)
		}
		for _, x := range v {
			l.variables(where, x, defined)
		}
	case []any:
		for _, x := range v {
			l.variables(where, x, defined)
		}
	}
}

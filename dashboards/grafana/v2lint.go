package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/dashboardv2"
)

// LintV2 checks one dashboard of schema 2 as it stands in its file: what Lint checks
// of a classic one, that each panel stands in one place, and that what is shown on a
// condition goes by a variable that there is.
func LintV2(raw []byte) []error {
	registerQuery()
	var r struct {
		Resource
		Spec json.RawMessage `json:"spec"`
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&r); err != nil {
		return []error{fmt.Errorf("strict reading: %w", err)}
	}
	var l linter
	if r.APIVersion != apiVersion || r.Kind != "Dashboard" || r.Metadata.Name == "" {
		l.bad("resource", "got %s %s %q; want %s Dashboard with a name", r.APIVersion, r.Kind, r.Metadata.Name,
			apiVersion)
	}
	l.errs = append(l.errs, found("strict reading", new(dashboardv2.Dashboard).UnmarshalJSONStrict(r.Spec))...)
	var d dashboardv2.Dashboard // the strict reader leaves out what is of several kinds
	if err := json.Unmarshal(r.Spec, &d); err != nil {
		l.bad("reading", "%v", err)
	}
	l.errs = append(l.errs, found("validate", d.Validate())...)
	if len(l.errs) > 0 {
		return l.errs
	}
	l.v2(d)
	return l.errs
}

func (l *linter) v2(d dashboardv2.Dashboard) {
	var defined []string
	for _, v := range d.Variables {
		name := nameOf(v)
		if name == "" || slices.Contains(defined, name) {
			l.bad("variable "+name, "defined twice, without a name, or of a kind that is not used")
		}
		defined = append(defined, name)
	}
	for _, v := range d.Variables {
		if q := v.QueryVariableKind; q != nil {
			l.queryV2("variable "+q.Spec.Name, q.Spec.Query, defined)
		}
	}
	for _, a := range d.Annotations {
		l.queryV2("annotation "+a.Spec.Name, a.Spec.Query, defined)
	}
	placed := map[string]int{}
	for _, of := range l.grids(d.Layout, defined) {
		l.d.Panels = nil
		for i, item := range of.Spec.Items {
			s := item.Spec
			placed[s.Element.Name]++
			l.d.Panels = append(l.d.Panels, lintedPanel{Title: s.Element.Name,
				GridPos: &grid{int(s.X), int(s.Y), int(s.Width), int(s.Height)}})
			l.place(s.Element.Name, i, l.d.Panels[i])
		}
	}
	for name, e := range d.Elements {
		if placed[name] != 1 {
			l.bad(name, "stands in %d places; want one", placed[name])
		}
		delete(placed, name)
		if e.PanelKind == nil || name != elementOf(uint32(e.PanelKind.Spec.Id)) {
			l.bad(name, "no panel, or one of another id")
			continue
		}
		l.panelV2(name, e.PanelKind.Spec, defined)
	}
	for name := range placed {
		l.bad(name, "a place of no panel")
	}
}

func nameOf(v dashboardv2.VariableKind) string {
	switch {
	case v.QueryVariableKind != nil:
		return v.QueryVariableKind.Spec.Name
	case v.CustomVariableKind != nil:
		return v.CustomVariableKind.Spec.Name
	case v.DatasourceVariableKind != nil:
		return v.DatasourceVariableKind.Spec.Name
	}
	return ""
}

// queryV2 checks a query and where it goes.
func (l *linter) queryV2(where string, q dashboardv2.DataQueryKind, defined []string) {
	if q.Group != pluginID || q.Datasource == nil || q.Datasource.Name == nil || *q.Datasource.Name != dataSource {
		l.bad(where, "data source: got %s %v; want %s %s", q.Group, q.Datasource, pluginID, dataSource)
	}
	asked, ok := q.Spec.(Query)
	if !ok {
		l.bad(where, "no query of the data source: %T", q.Spec)
		return
	}
	l.errs = append(l.errs, found(where, asked.SQL.Validate())...)
	l.variables(where, asked.RawSQL, defined)
}

// panelV2 checks a panel as a classic one.
func (l *linter) panelV2(where string, p dashboardv2.PanelSpec, defined []string) {
	var targets []map[string]any
	for _, q := range p.Data.Spec.Queries {
		l.queryV2(where, q.Spec.Query, defined)
		targets = append(targets, map[string]any{"refId": q.Spec.RefId})
	}
	var classic lintedPanel
	err := recast(map[string]any{"title": p.Title, "description": p.Description, "type": p.VizConfig.Group,
		"targets": targets,
		"options": p.VizConfig.Spec.Options, "fieldConfig": p.VizConfig.Spec.FieldConfig,
		"datasource": map[string]any{"uid": dataSource}}, &classic)
	if err != nil {
		l.bad(where, "%v", err)
		return
	}
	l.panel(where+" "+p.Title, classic, defined)
}

// grids lists the grids of a layout, and checks what is shown on a condition.
func (l *linter) grids(layout anyLayout, defined []string) (list []*dashboardv2.GridLayoutKind) {
	rows := func(of *dashboardv2.RowsLayoutKind) {
		if of == nil || len(of.Spec.Rows) == 0 {
			l.bad("layout", "no rows")
			return
		}
		for _, r := range of.Spec.Rows {
			l.condition(r.Spec.ConditionalRendering, defined)
			if r.Spec.Layout.GridLayoutKind == nil {
				l.bad("layout", "a row without a grid")
				continue
			}
			list = append(list, r.Spec.Layout.GridLayoutKind)
		}
	}
	if layout.TabsLayoutKind == nil {
		rows(layout.RowsLayoutKind)
		return list
	}
	for _, tab := range layout.TabsLayoutKind.Spec.Tabs {
		l.condition(tab.Spec.ConditionalRendering, defined)
		if tab.Spec.Title == nil || *tab.Spec.Title == "" {
			l.bad("layout", "a tab without a title")
		}
		rows(tab.Spec.Layout.RowsLayoutKind)
	}
	return list
}

func (l *linter) condition(group *dashboardv2.ConditionalRenderingGroupKind, defined []string) {
	if group == nil {
		return
	}
	for _, item := range group.Spec.Items {
		if one := item.ConditionalRenderingVariableKind; one == nil || !slices.Contains(defined, one.Spec.Variable) {
			l.bad("layout", "a condition of no variable that there is: %+v", one)
		}
	}
}

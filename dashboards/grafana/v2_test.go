package grafana

//lint:file-ignore SA1019 the classic schema stays, for Grafana 11.6 and later; schema v2 is the other renderer

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/dashboardv2"

	"statline/dashboards"
)

func v2Options() Options {
	o := DefaultOptions()
	o.Schema = V2
	return o
}

// tree is a value as plain JSON, without the fields that stand at nothing.
func tree(t *testing.T, value any) any {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return bare(out)
}

func bare(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k, x := range v {
			if x = bare(x); x == nil {
				delete(v, k)
			} else {
				v[k] = x
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return value
}

// The dashboards of both schemas hold the same panels, with the same numbers, the same
// looks and the same queries, the same choices and the same marks.
func TestSchemasAgree(t *testing.T) {
	classic, err := Boards(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	resources, err := Resources(v2Options())
	if err != nil || len(resources) != len(classic) || len(classic) < 9 {
		t.Fatalf("%d resources of %d dashboards: %v", len(resources), len(classic), err)
	}
	compared := 0
	for _, b := range classic {
		r := resources[b.Name]
		d := r.Spec
		if r.Metadata.Name != *b.Dashboard.Uid || d.Title != *b.Dashboard.Title ||
			*d.Description != *b.Dashboard.Description {
			t.Errorf("%s: got %s %q; want %s %q", b.Name, r.Metadata.Name, d.Title, *b.Dashboard.Uid,
				*b.Dashboard.Title)
		}
		panels := 0
		for _, p := range b.Dashboard.Panels {
			if p.Panel == nil {
				continue
			}
			panels++
			compared++
			e, ok := d.Elements[elementOf(*p.Panel.Id)]
			if !ok {
				t.Errorf("%s: panel %d %q is missing", b.Name, *p.Panel.Id, *p.Panel.Title)
				continue
			}
			if diff := cmp.Diff(tree(t, ofClassic(*p.Panel)), tree(t, ofV2(e.PanelKind.Spec))); diff != "" {
				t.Errorf("%s: panel %q (-classic +v2):\n%s", b.Name, *p.Panel.Title, diff)
			}
		}
		if len(d.Elements) != panels {
			t.Errorf("%s: %d elements; want %d", b.Name, len(d.Elements), panels)
		}
		if diff := cmp.Diff(choices(b.Dashboard), choicesV2(d)); diff != "" {
			t.Errorf("%s: what can be chosen, and the marks (-classic +v2):\n%s", b.Name, diff)
		}
	}
	if compared < 60 {
		t.Errorf("%d panels compared; the search is broken", compared)
	}
}

// same is what a panel is in either schema.
type same struct {
	ID                 uint32
	Title, About, Type string
	Queries            map[string]SQL
	Interval           *string
	MaxPoints          float64
	Options, Fields    any
}

func ofClassic(p dashboard.Panel) same {
	s := same{ID: *p.Id, Title: *p.Title, About: *p.Description, Type: p.Type, Queries: map[string]SQL{},
		Interval: p.Interval, Options: p.Options, Fields: p.FieldConfig}
	for _, q := range p.Targets {
		s.Queries[q.(Query).RefID] = q.(Query).SQL
	}
	if p.MaxDataPoints != nil {
		s.MaxPoints = *p.MaxDataPoints
	}
	return s
}

func ofV2(p dashboardv2.PanelSpec) same {
	s := same{ID: uint32(p.Id), Title: p.Title, About: *p.Description, Type: p.VizConfig.Group,
		Queries:  map[string]SQL{},
		Interval: p.Data.Spec.QueryOptions.Interval, Options: p.VizConfig.Spec.Options,
		Fields: p.VizConfig.Spec.FieldConfig}
	for _, q := range p.Data.Spec.Queries {
		s.Queries[q.Spec.RefId] = q.Spec.Query.Spec.(SQL)
	}
	if n := p.Data.Spec.QueryOptions.MaxDataPoints; n != nil {
		s.MaxPoints = float64(*n)
	}
	return s
}

// choices are the variables and the marks of a dashboard, with what they ask.
func choices(d dashboard.Dashboard) map[string]string {
	all := map[string]string{}
	for _, v := range d.Templating.List {
		all[v.Name] = string(v.Type)
		if v.Query != nil && v.Query.Map != nil {
			all[v.Name] = v.Query.Map["rawSql"].(string)
		} else if v.Query != nil && v.Query.String != nil {
			all[v.Name] = *v.Query.String
		}
	}
	for _, a := range d.Annotations.List {
		all["mark "+a.Name] = a.IconColor + a.Target.(Query).RawSQL
	}
	return all
}

func choicesV2(d dashboardv2.Dashboard) map[string]string {
	all := map[string]string{}
	for _, v := range d.Variables {
		switch {
		case v.QueryVariableKind != nil:
			all[v.QueryVariableKind.Spec.Name] = v.QueryVariableKind.Spec.Query.Spec.(SQL).RawSQL
		case v.CustomVariableKind != nil:
			all[v.CustomVariableKind.Spec.Name] = v.CustomVariableKind.Spec.Query
		case v.DatasourceVariableKind != nil:
			all[v.DatasourceVariableKind.Spec.Name] = v.DatasourceVariableKind.Spec.PluginId
		}
	}
	for _, a := range d.Annotations {
		all["mark "+a.Spec.Name] = a.Spec.IconColor + a.Spec.Query.Spec.(SQL).RawSQL
	}
	return all
}

// Tabs and rows are those of the boards; a row about what is chosen is shown when
// something is, and so is a tab of nothing else.
func TestTabsAndConditions(t *testing.T) {
	got := map[string][]string{}
	resources, err := Resources(v2Options())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range dashboards.Boards(dashboards.UsualObjectives()) {
		layout := resources[b.Name].Spec.Layout
		if layout.TabsLayoutKind == nil {
			t.Errorf("%s has no tabs", b.Name)
			continue
		}
		for _, tab := range layout.TabsLayoutKind.Spec.Tabs {
			line := *tab.Spec.Title + condition(tab.Spec.ConditionalRendering) + ":"
			for _, row := range tab.Spec.Layout.RowsLayoutKind.Spec.Rows {
				line += strings.Repeat(" panel", len(row.Spec.Layout.GridLayoutKind.Spec.Items)) +
					condition(row.Spec.ConditionalRendering) + ";"
			}
			got[b.Name] = append(got[b.Name], line)
		}
	}
	for name, want := range map[string][]string{
		"keys": {"Suspended and disabled: panel panel panel;", "Invalid and unverified: panel;",
			"The chosen keys [key]: panel panel [key];"},
		"incident": {"What happened: panel panel; panel panel [incident];",
			"Consequences [incident]: panel panel [incident];"},
		"availability": {"Timeouts: panel panel panel panel panel panel panel panel panel;",
			"Offline: panel panel panel;", "Routes and examples: panel; panel [service];"},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: got %q; want %q", name, got[name], want)
		}
	}
}

func condition(g *dashboardv2.ConditionalRenderingGroupKind) string {
	if g == nil {
		return ""
	}
	one := g.Spec.Items[0].ConditionalRenderingVariableKind.Spec
	if g.Spec.Visibility != "show" || one.Operator != "notEquals" || one.Value != "All" {
		return " [?]"
	}
	return " [" + one.Variable + "]"
}

// The files of schema 2 stand beside no classic ones, nor a provider that would read
// them; alerts point at the same panels.
func TestFilesOfSchemaV2(t *testing.T) {
	all, classic := files(t, v2Options()), files(t, DefaultOptions())
	for name, content := range classic {
		switch {
		case strings.HasPrefix(name, "generated/"):
			if all[name] != nil || all["v2/"+strings.TrimPrefix(name, "generated/")] == nil {
				t.Errorf("%s: got it, or none in v2/", name)
			}
		case name == "provisioning/dashboards/statline.yaml":
			if all[name] != nil {
				t.Error("a provider that cannot read schema 2 is written")
			}
		case !bytes.Equal(all[name], content):
			t.Errorf("%s differs between the schemas", name)
		}
	}
	o := v2Options()
	o.Schema = "v3"
	if _, err := Files(o); err == nil {
		t.Error("schema v3: no error")
	}
}

// Each kind of mistake in a file of schema 2 is found.
func TestLintV2Finds(t *testing.T) {
	good := files(t, v2Options())["v2/keys.json"]
	if errs := LintV2(good); len(errs) != 0 {
		t.Fatal(errs)
	}
	cases := map[string]struct{ old, new, want string }{
		"an unknown field":          {`"cursorSync"`, `"cursorSink"`, "cursorS"},
		"an unknown field of SQL":   {`"rawSql":`, `"rawSQL2":`, "rawSQL2"},
		"another schema":            {`app/v2"`, `app/v2beta1"`, "v2beta1"},
		"a panel without a place":   {`"name": "panel-1"`, `"name": "panel-2"`, "stands in"},
		"a place of no panel":       {`"name": "panel-1"`, `"name": "panel-99"`, "a place of no panel"},
		"a panel off the grid":      {`"width": 24`, `"width": 25`, "inside 24 columns"},
		"an undefined variable":     {`${service:queryparam}`, `${servise:queryparam}`, "$servise is not defined"},
		"a condition of nothing":    {`"variable": "key"`, `"variable": "kei"`, "a condition of no variable"},
		"another data source":       {`"name": "${ds}"`, `"name": "clickhouse"`, "data source"},
		"a word of no enumeration":  {`"orientation": "auto"`, `"orientation": "up"`, `got "up"`},
		"a format out of step":      {`"queryType": "timeseries"`, `"queryType": "table"`, "as format says"},
		"a variable twice":          {`"name": "service"`, `"name": "ds"`, "defined twice"},
		"a field of the wrong type": {`"preload": false`, `"preload": "no"`, "strict reading"},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		raw := bytes.Replace(good, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(raw, good) {
			t.Errorf("%s: %q is not in the dashboard", name, c.old)
		} else if err := errors.Join(LintV2(raw)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v; want something about %q", name, err, c.want)
		}
	}
}

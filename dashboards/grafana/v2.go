package grafana

//lint:file-ignore SA1019 the classic schema stays, for Grafana 11.6 and later; schema v2 is the other renderer

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/dashboardv2"

	"statline/dashboards"
)

// apiVersion is the stable schema of Grafana 13.
const apiVersion = "dashboard.grafana.app/v2"

// Resource is a dashboard as Grafana 13 stores it: tabs instead of long pages, and
// rows that are shown when something is chosen. Its panels, their ids and their
// queries are those of the classic dashboard (a test compares them).
type Resource struct {
	APIVersion string                `json:"apiVersion"`
	Kind       string                `json:"kind"`
	Metadata   Metadata              `json:"metadata"`
	Spec       dashboardv2.Dashboard `json:"spec"`
}

// Metadata names a resource.
type Metadata struct {
	Name string `json:"name"` // the uid
}

// Resources makes Grafana 13's dashboards of every board, by the boards' names.
func Resources(o Options) (map[string]Resource, error) {
	all := map[string]Resource{}
	for _, b := range dashboards.Boards(o.objectives()) {
		classic, err := render(b, o)
		if err != nil {
			return nil, fmt.Errorf("build dashboard %s: %w", b.Name, err)
		}
		spec, err := renderV2(b, classic, o)
		if err != nil {
			return nil, fmt.Errorf("build dashboard %s: %w", b.Name, err)
		}
		all[b.Name] = Resource{apiVersion, "Dashboard", Metadata{b.UID}, spec}
	}
	return all, nil
}

// renderV2 puts the panels of a classic dashboard into the layout of schema 2.
func renderV2(b dashboards.Board, classic dashboard.Dashboard, o Options) (dashboardv2.Dashboard, error) {
	d := *dashboardv2.NewDashboard()
	d.Title, d.Description, d.Tags = *classic.Title, classic.Description, classic.Tags
	d.CursorSync, d.Editable = dashboardv2.DashboardCursorSyncCrosshair, cog.ToPtr(false)
	d.TimeSettings.Timezone, d.TimeSettings.From, d.TimeSettings.To, d.TimeSettings.AutoRefresh = cog.ToPtr("utc"),
		"now-6h", "now", "30s"
	if err := recast(classic.Links, &d.Links); err != nil {
		return d, fmt.Errorf("links: %w", err)
	}
	d.Variables = append(d.Variables, sourceVariable(o))
	for _, v := range b.Variables {
		d.Variables = append(d.Variables, variableV2(v, o.target()))
	}
	if b.Marks {
		for _, m := range marks() {
			a := dashboardv2.NewAnnotationQueryKind()
			a.Spec.Name, a.Spec.Enable, a.Spec.IconColor = m.name, true, m.color
			a.Spec.Query = queryV2(newSQL(m.query.Grafana(o.target()), Table))
			d.Annotations = append(d.Annotations, *a)
		}
	}
	for _, p := range classic.Panels {
		if p.Panel == nil {
			continue
		}
		element, err := panelV2(*p.Panel)
		if err != nil {
			return d, fmt.Errorf("panel %q: %w", *p.Panel.Title, err)
		}
		d.Elements[elementOf(*p.Panel.Id)] = dashboardv2.Element{PanelKind: &element}
	}
	d.Layout = layoutV2(b)
	return d, nil
}

func elementOf(id uint32) string { return fmt.Sprintf("panel-%d", id) }

// recast converts a value to another type with the same fields.
func recast(from, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// panelV2 is a classic panel, its place left out.
func panelV2(p dashboard.Panel) (dashboardv2.PanelKind, error) {
	out := dashboardv2.NewPanelKind()
	s := &out.Spec
	s.Id, s.Title, s.Description = float64(*p.Id), *p.Title, p.Description
	for _, target := range p.Targets {
		q := dashboardv2.NewPanelQueryKind()
		q.Spec.RefId = target.(Query).RefID
		q.Spec.Query = queryV2(target.(Query).SQL)
		s.Data.Spec.Queries = append(s.Data.Spec.Queries, *q)
	}
	s.Data.Spec.QueryOptions.Interval = p.Interval
	if p.MaxDataPoints != nil {
		s.Data.Spec.QueryOptions.MaxDataPoints = cog.ToPtr(int64(*p.MaxDataPoints))
	}
	s.VizConfig.Group, s.VizConfig.Spec.Options = p.Type, p.Options
	return *out, recast(p.FieldConfig, &s.VizConfig.Spec.FieldConfig)
}

// queryV2 asks the data source that is chosen at the top of the dashboard.
func queryV2(spec SQL) dashboardv2.DataQueryKind {
	q := dashboardv2.NewDataQueryKind()
	q.Group, q.Spec = pluginID, spec
	q.Datasource = &dashboardv2.Dashboardv2DataQueryKindDatasource{Name: cog.ToPtr(dataSource)}
	return *q
}

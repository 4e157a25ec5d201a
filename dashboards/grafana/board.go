package grafana

//lint:file-ignore SA1019 the classic schema stays, for Grafana 11.6 and later; schema v2 is the other renderer

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"statline/dashboards"
	"statline/dashboards/query"
)

// dataSource is the variable that names the data source of every panel.
const dataSource = "${ds}"

type panelOrRow = dashboard.PanelOrRowPanel

// Board is one dashboard: the name of its file and what the file says.
type Board struct {
	Name      string
	Dashboard dashboard.Dashboard
}

// Boards makes Grafana's dashboards of every board.
func Boards(o Options) ([]Board, error) {
	var list []Board
	for _, b := range dashboards.Boards(o.objectives()) {
		d, err := render(b, o)
		if err != nil {
			return nil, fmt.Errorf("build dashboard %s: %w", b.Name, err)
		}
		list = append(list, Board{b.Name, d})
	}
	return list, nil
}

// render makes one dashboard. Panels are in rows from the top; their ids follow that
// order.
func render(b dashboards.Board, o Options) (dashboard.Dashboard, error) {
	d, err := empty(b, o)
	if err != nil {
		return d, err
	}
	for _, v := range b.Variables {
		built, err := variable(v, o.target())
		if err != nil {
			return d, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		d.Templating.List = append(d.Templating.List, built)
	}
	if b.Marks {
		for _, m := range marks() {
			a, err := m.render(o.target())
			if err != nil {
				return d, fmt.Errorf("annotation %s: %w", m.name, err)
			}
			d.Annotations.List = append(d.Annotations.List, a)
		}
	}
	var ids, y uint32
	for _, r := range b.Rows {
		if r.Heading != "" {
			ids++
			d.Panels = append(d.Panels, panelOrRow{RowPanel: heading(r.Heading, ids, y)})
			y++
			continue
		}
		var x uint32
		for _, c := range r.Cells {
			p, err := panel(c.Panel, b, o.target())
			if err != nil {
				return d, err
			}
			ids++
			p.Id, p.GridPos = cog.ToPtr(ids), &dashboard.GridPos{X: x, Y: y, W: uint32(c.Width), H: uint32(r.Height)}
			x += uint32(c.Width)
			d.Panels = append(d.Panels, panelOrRow{Panel: &p})
		}
		if x != dashboards.GridWidth {
			return d, fmt.Errorf("row at %d is %d columns wide; want %d", y, x, dashboards.GridWidth)
		}
		y += uint32(r.Height)
	}
	return d, nil
}

// empty is a dashboard with the data source and the links to the others.
func empty(b dashboards.Board, o Options) (dashboard.Dashboard, error) {
	d, err := dashboard.NewDashboardBuilder("statline: "+b.Title).Uid(b.UID).Description(b.About).
		Tags([]string{"statline"}).
		Timezone("utc").Readonly().Tooltip(dashboard.DashboardCursorSyncCrosshair).Time("now-6h", "now").Refresh("30s").
		Link(dashboard.NewDashboardLinkBuilder("statline").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{"statline"}).
			Icon("external link").Tooltip("the other dashboards, same time and same choices").
			KeepTime(true).IncludeVars(true).AsDropdown(false)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("ds").Label("Data source").Type(pluginID).
			Current(dashboard.VariableOption{Text: one("ClickHouse"), Value: one(o.DatasourceUID)})).
		Build()
	for i := range d.Links {
		d.Links[i].Placement = nil // the default hides the link in a menu
	}
	return d, err
}

func one(s string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{String: &s}
}

func many(s string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{ArrayOfString: []string{s}}
}

// heading is a line across, with the title of what follows.
func heading(title string, id, y uint32) *dashboard.RowPanel {
	r := dashboard.NewRowPanel()
	r.Id, r.Title = id, &title
	r.GridPos = &dashboard.GridPos{Y: y, W: dashboards.GridWidth, H: 1}
	return r
}

// mark is what is shown on every time axis.
type mark struct {
	name, color string
	query       query.Text
}

func marks() []mark {
	return []mark{{"Incidents", dashboards.Bad, query.IncidentMarks()},
		{"Deploys", dashboards.Note, query.DeployMarks()}}
}

func (m mark) render(target query.Target) (dashboard.AnnotationQuery, error) {
	a, err := dashboard.NewAnnotationQueryBuilder().Name(m.name).Enable(true).IconColor(m.color).Datasource(source()).
		Target(ready{newQuery("Anno", m.query.Grafana(target), Table, dataSource)}).Build()
	a.Placement = nil
	return a, err
}

// ready is a query that is built already.
type ready struct{ Query }

func (r ready) Build() (variants.Dataquery, error) { return r.Query, nil }

func variable(v dashboards.Variable, target query.Target) (dashboard.VariableModel, error) {
	all := dashboard.VariableOption{Selected: cog.ToPtr(true), Text: many("All"), Value: many("$__all")}
	if v.Query == "" {
		return dashboard.NewCustomVariableBuilder(v.Name).Label(v.Label).Description(v.About).
			Values(dashboard.StringOrMap{String: cog.ToPtr(strings.Join(v.Values, ","))}).Multi(true).IncludeAll(true).
			Current(all).Build()
	}
	sql := v.Query.Grafana(target)
	return dashboard.NewQueryVariableBuilder(v.Name).Label(v.Label).Description(v.About).Datasource(source()).
		Query(dashboard.StringOrMap{Map: map[string]any{"refId": v.Name, "queryType": "sql", "rawSql": sql}}).
		Definition(sql).Multi(true).IncludeAll(true).AllowCustomValue(true).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortDisabled).Current(all).Build()
}

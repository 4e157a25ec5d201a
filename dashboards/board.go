package dashboards

import (
	"errors"
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"statline/classify"
	"statline/dashboards/query"
)

// dataSource is the variable that names the data source of every panel.
const dataSource = "${ds}"

// columns is the width of Grafana's grid.
const columns = 24

// The dashboards' uids: links and alert rules point at them.
const (
	overviewUID     = "statline-overview"
	statusUID       = "statline-status"
	limitsUID       = "statline-limits"
	keysUID         = "statline-keys"
	availabilityUID = "statline-availability"
	incidentsUID    = "statline-incidents"
	pipelineUID     = "statline-pipeline"
)

type panelOrRow = dashboard.PanelOrRowPanel

// Board is one dashboard: the name of its file and what the file says.
type Board struct {
	Name      string
	Dashboard dashboard.Dashboard
}

// board is a dashboard under construction. Panels stand in rows from the top;
// ids follow the order of placing.
type board struct {
	name   string
	target query.Target
	d      dashboard.Dashboard
	y      uint32
	ids    uint32
	errs   []error
}

// newBoard begins a dashboard with the data source, the links to the others
// and the incidents as annotations.
func newBoard(o Options, name, uid, title, about string) *board {
	b := &board{name: name, target: o.target()}
	d, err := dashboard.NewDashboardBuilder("statline: "+title).Uid(uid).Description(about).Tags([]string{"statline"}).Timezone("utc").
		Readonly().Tooltip(dashboard.DashboardCursorSyncCrosshair).Time("now-6h", "now").Refresh("30s").
		Link(dashboard.NewDashboardLinkBuilder("statline").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"statline"}).Icon("external link").
			Tooltip("the other dashboards, same time and same choices").KeepTime(true).IncludeVars(true).AsDropdown(false)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("ds").Label("Data source").Type(pluginID).
			Current(dashboard.VariableOption{Text: one("ClickHouse"), Value: one(o.DatasourceUID)})).
		Build()
	if err != nil {
		b.errs = append(b.errs, err)
	}
	for i := range d.Links {
		d.Links[i].Placement = nil // the default hides the link in a menu
	}
	b.d = d
	return b
}

func one(s string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{String: &s}
}

// marks shows the incidents on every time axis. It needs the variable service.
func (b *board) marks() {
	a, err := dashboard.NewAnnotationQueryBuilder().Name("Incidents").Enable(true).IconColor(bad).Datasource(b.source()).
		Target(ready{newQuery("Anno", query.IncidentMarks().For(b.target), Table, dataSource)}).Build()
	if err != nil {
		b.errs = append(b.errs, err)
	}
	a.Placement = nil
	b.d.Annotations.List = append(b.d.Annotations.List, a)
}

// ready is a query that is built already.
type ready struct{ Query }

func (r ready) Build() (variants.Dataquery, error) { return r.Query, nil }

func (b *board) source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(pluginID), Uid: cog.ToPtr(dataSource)}
}

// variable adds the values of a query as a variable of many values.
func (b *board) variable(name, label, about string, sql query.Text) {
	b.add(dashboard.NewQueryVariableBuilder(name).Label(label).Description(about).Datasource(b.source()).
		Query(dashboard.StringOrMap{Map: map[string]any{"refId": name, "queryType": "sql", "rawSql": sql.For(b.target)}}).
		Definition(sql.For(b.target)).Multi(true).IncludeAll(true).AllowCustomValue(true).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortDisabled).Current(all()))
}

func all() dashboard.VariableOption {
	return dashboard.VariableOption{Selected: cog.ToPtr(true), Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}, Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}}}
}

func (b *board) add(v cog.Builder[dashboard.VariableModel]) {
	built, err := v.Build()
	if err != nil {
		b.errs = append(b.errs, err)
	}
	b.d.Templating.List = append(b.d.Templating.List, built)
}

func (b *board) services() {
	b.variable("service", "Service", "services with responses in the time on screen, most requested first", query.Services())
}

func (b *board) routes() {
	b.variable("route", "Route", "route templates of the chosen services, most requested first", query.Routes())
}

func (b *board) keys() {
	b.variable("key", "Key", "keys by id, those refused most first; any id can be typed in (statline key-id prints it)", query.KeyList())
}

func (b *board) outcomes() {
	names := make([]string, 0, 20)
	for _, o := range classify.Outcomes() {
		names = append(names, o.String())
	}
	b.add(dashboard.NewCustomVariableBuilder("outcome").Label("Outcome").Description("why a response was what it was").
		Values(dashboard.StringOrMap{String: cog.ToPtr(strings.Join(names, ","))}).Multi(true).IncludeAll(true).Current(all()))
}

// cell is a panel and its width.
type cell struct {
	width uint32
	panel dashboard.Panel
}

// row places panels side by side.
func (b *board) row(height uint32, cells ...cell) {
	var x uint32
	for _, c := range cells {
		b.ids++
		p := c.panel
		p.Id = cog.ToPtr(b.ids)
		p.GridPos = &dashboard.GridPos{X: x, Y: b.y, W: c.width, H: height}
		x += c.width
		b.d.Panels = append(b.d.Panels, dashboard.PanelOrRowPanel{Panel: &p})
	}
	if x != columns {
		b.errs = append(b.errs, fmt.Errorf("dashboard %s: row at %d is %d columns wide; want %d", b.name, b.y, x, columns))
	}
	b.y += height
}

// heading is a line across, with the title of what follows.
func (b *board) heading(title string) {
	b.ids++
	r := dashboard.NewRowPanel()
	r.Id, r.Title = b.ids, &title
	r.GridPos = &dashboard.GridPos{Y: b.y, W: columns, H: 1}
	b.d.Panels = append(b.d.Panels, dashboard.PanelOrRowPanel{RowPanel: r})
	b.y++
}

func (b *board) build() (Board, error) {
	if err := errors.Join(b.errs...); err != nil {
		return Board{}, fmt.Errorf("build dashboard %s: %w", b.name, err)
	}
	return Board{Name: b.name, Dashboard: b.d}, nil
}

// Boards builds every dashboard, the overview first.
func Boards(o Options) ([]Board, error) {
	var list []Board
	for _, build := range []func(Options) (Board, error){overview, status, limitsBoard, keysBoard, availability, incidents, pipeline} {
		b, err := build(o)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// linkTo is a data link to another dashboard: the same time and data source,
// and one variable set from the row that was clicked.
func linkTo(title, uid, variable, value string) property {
	return property{Id: "links", Value: []map[string]any{{
		"title": title,
		"url":   "/d/" + uid + "?${ds:queryparam}&${__url_time_range}&var-" + variable + "=" + value,
	}}}
}

func serviceLink() property {
	return linkTo("Availability of this service", availabilityUID, "service", "${__value.raw:percentencode}")
}

func routeLink() property {
	return linkTo("Status codes of this route", statusUID, "route", "${__value.raw:percentencode}")
}

// keyLink leads to the key's detail; the row's column id holds the whole id.
func keyLink() property {
	return linkTo("What this key does", keysUID, "key", "${__data.fields.id:percentencode}")
}

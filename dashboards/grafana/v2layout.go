package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboardv2"

	"statline/dashboards"
)

// page is a tab: sections from the top.
type page struct {
	title    string
	sections []section
}

// section is a row of Grafana's: panels on a grid of their own, with or without a
// heading, shown always or when values of a variable are chosen.
type section struct {
	heading, chosen string
	height          int
	items           []dashboardv2.GridLayoutItemKind
}

// pagesOf splits a board's rows into tabs, and those into sections. Panels are counted
// as on the classic dashboard, where a heading has a number too.
func pagesOf(b dashboards.Board) []page {
	pages := []page{{}}
	var id uint32
	heading := ""
	for i, r := range b.Rows {
		if r.Tab != "" && i > 0 {
			pages = append(pages, page{})
		}
		p := &pages[len(pages)-1]
		if r.Tab != "" {
			p.title = r.Tab
		}
		if r.Heading != "" {
			id++
			heading = r.Heading
			continue
		}
		if n := len(p.sections); n == 0 || heading != "" || p.sections[n-1].chosen != r.Chosen {
			p.sections = append(p.sections, section{heading: heading, chosen: r.Chosen})
			heading = ""
		}
		s := &p.sections[len(p.sections)-1]
		x := 0
		for _, c := range r.Cells {
			id++
			item := dashboardv2.NewGridLayoutItemKind()
			item.Spec.X, item.Spec.Y, item.Spec.Width, item.Spec.Height = int64(x), int64(s.height), int64(c.Width),
				int64(r.Height)
			item.Spec.Element.Name = elementOf(id)
			s.items = append(s.items, *item)
			x += c.Width
		}
		s.height += r.Height
	}
	return pages
}

type anyLayout = dashboardv2.GridLayoutKindOrRowsLayoutKindOrAutoGridLayoutKindOrTabsLayoutKind

// layoutV2 is a board's layout: tabs when it has some.
func layoutV2(b dashboards.Board) anyLayout {
	pages := pagesOf(b)
	if b.Rows[0].Tab == "" {
		return anyLayout{RowsLayoutKind: rowsV2(pages[0])}
	}
	tabs := dashboardv2.NewTabsLayoutKind()
	for _, p := range pages {
		tab := dashboardv2.NewTabsLayoutTabKind()
		tab.Spec.Title, tab.Spec.Layout = cog.ToPtr(p.title), anyLayout{RowsLayoutKind: rowsV2(p)}
		if chosen := p.chosen(); chosen != "" {
			tab.Spec.ConditionalRendering = whenChosen(chosen)
		}
		tabs.Spec.Tabs = append(tabs.Spec.Tabs, *tab)
	}
	return anyLayout{TabsLayoutKind: tabs}
}

// chosen is the variable that all rows of a page are about: a tab whose rows are all
// hidden would be empty.
func (p page) chosen() string {
	for _, s := range p.sections {
		if s.chosen == "" || s.chosen != p.sections[0].chosen {
			return ""
		}
	}
	return p.sections[0].chosen
}

func rowsV2(p page) *dashboardv2.RowsLayoutKind {
	rows := dashboardv2.NewRowsLayoutKind()
	for _, s := range p.sections {
		grid := dashboardv2.NewGridLayoutKind()
		grid.Spec.Items = s.items
		row := dashboardv2.NewRowsLayoutRowKind()
		row.Spec.Title, row.Spec.Collapse, row.Spec.HideHeader = cog.ToPtr(s.heading), cog.ToPtr(false),
			cog.ToPtr(s.heading == "")
		row.Spec.Layout.GridLayoutKind = grid
		if s.chosen != "" {
			row.Spec.ConditionalRendering = whenChosen(s.chosen)
		}
		rows.Spec.Rows = append(rows.Spec.Rows, *row)
	}
	return rows
}

// whenChosen shows something unless a variable is set to All. Grafana compares with
// the displayed word.
func whenChosen(variable string) *dashboardv2.ConditionalRenderingGroupKind {
	one := dashboardv2.NewConditionalRenderingVariableKind()
	one.Spec.Variable, one.Spec.Operator, one.Spec.Value = variable,
		dashboardv2.ConditionalRenderingVariableSpecOperatorNotEquals, "All"
	group := dashboardv2.NewConditionalRenderingGroupKind()
	group.Spec.Visibility, group.Spec.Condition = dashboardv2.ConditionalRenderingGroupSpecVisibilityShow,
		dashboardv2.ConditionalRenderingGroupSpecConditionAnd
	group.Spec.Items = append(group.Spec.Items,
		dashboardv2.ConditionalRenderingVariableKindOrConditionalRenderingDataKindOrConditionalRenderingTimeRangeSizeKind{
			ConditionalRenderingVariableKind: one})
	return group
}

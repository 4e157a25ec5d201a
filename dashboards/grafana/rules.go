package grafana

import (
	"fmt"

	"statline/dashboards"
)

// Rules builds the rules, each with the panel that shows what it asks.
func Rules(o Options, boards []Board) (RuleFile, error) {
	api := RuleGroup{OrgID: 1, Name: "statline: the API", Folder: o.Folder, Interval: "1m"}
	self := RuleGroup{OrgID: 1, Name: "statline: the pipeline", Folder: o.Folder, Interval: "1m"}
	for _, a := range dashboards.Alerts() {
		id, err := panelOf(boards, a.Board, a.Shows.Grafana(o.target()))
		if err != nil {
			return RuleFile{}, fmt.Errorf("alert %s: %w", a.UID, err)
		}
		group := &api
		if a.Board == dashboards.PipelineUID {
			group = &self
		}
		group.Rules = append(group.Rules, rule(a, o, id))
	}
	return RuleFile{APIVersion: 1, Groups: []RuleGroup{api, self}}, nil
}

func rule(a dashboards.Alert, o Options, panelID uint32) Rule {
	window := TimeRange{From: 600}
	return Rule{
		UID: a.UID, Title: a.Title, Condition: "B", For: a.Lasting, NoDataState: a.NoData, ExecErrState: "Error",
		DashboardUID: a.Board, PanelID: panelID,
		Labels: map[string]string{"severity": a.Severity, "source": "statline"},
		Annotations: map[string]string{
			"summary": a.Summary, "description": a.Means, "runbook": a.ToDo, "no_data": a.WhyNoData,
		},
		Data: []RuleData{
			{RefID: "A", RelativeTimeRange: window, DatasourceUID: o.DatasourceUID, Model: RuleModel{
				RefID: "A", Datasource: RuleSource{pluginID, o.DatasourceUID}, EditorType: "sql", QueryType: "table", Format: Table,
				RawSQL: a.Query.Grafana(o.target()), IntervalMS: 60_000, MaxDataPoints: 43_200}},
			{RefID: "B", RelativeTimeRange: window, DatasourceUID: "__expr__", Model: RuleModel{
				RefID: "B", Type: "threshold", Expression: "A", Datasource: RuleSource{"__expr__", "__expr__"}, IntervalMS: 60_000, MaxDataPoints: 43_200,
				Conditions: []RuleCondition{{Evaluator{"gt", []float64{a.Over}}}}}},
		},
	}
}

// panelOf is the panel of a dashboard that shows a query.
func panelOf(boards []Board, uid, sql string) (uint32, error) {
	for _, b := range boards {
		if *b.Dashboard.Uid != uid {
			continue
		}
		for _, p := range b.Dashboard.Panels {
			if p.Panel == nil {
				continue
			}
			for _, t := range p.Panel.Targets {
				if q, ok := t.(Query); ok && q.RawSQL == sql {
					return *p.Panel.Id, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("dashboard %s has no panel that shows its query", uid)
}

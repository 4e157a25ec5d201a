package grafana

import (
	"fmt"
	"maps"
	"slices"

	"statline/dashboards"
)

// Rules builds the rules, each with the panel that shows the same query.
func Rules(o Options, boards []Board) (RuleFile, error) {
	api := RuleGroup{OrgID: 1, Name: "statline: the API", Folder: o.Folder, Interval: "1m"}
	self := RuleGroup{OrgID: 1, Name: "statline: the pipeline", Folder: o.Folder, Interval: "1m"}
	f := RuleFile{APIVersion: 1}
	for _, uid := range dashboards.FormerAlerts() {
		f.DeleteRules = append(f.DeleteRules, DeletedRule{OrgID: 1, UID: uid})
	}
	for _, a := range dashboards.Alerts() {
		if a.Query == "" {
			continue // the instances' own metrics, see package prometheus
		}
		id, err := panelOf(boards, a.Board, a.Shows.Grafana(o.target()))
		if err != nil {
			return RuleFile{}, fmt.Errorf("alert %s: %w", a.UID, err)
		}
		switch {
		case o.Alerts == PipelineAlerts && a.OfIncidents(): // statline's own notices tell of them
			f.DeleteRules = append(f.DeleteRules, DeletedRule{OrgID: 1, UID: a.UID})
		case a.Board == dashboards.PipelineUID:
			self.Rules = append(self.Rules, rule(a, o, id))
		default:
			api.Rules = append(api.Rules, rule(a, o, id))
		}
	}
	if len(api.Rules) > 0 {
		f.Groups = append(f.Groups, api)
	}
	f.Groups = append(f.Groups, self)
	return f, nil
}

// link is the address of a rule's board with the choices of its row. The template
// escapes the labels.
func link(a dashboards.Alert) string {
	address := "/d/" + a.Board + "?from=now-3h&to=now"
	for _, variable := range slices.Sorted(maps.Keys(a.Links)) {
		label := a.Links[variable]
		address += "{{ if $labels." + label + " }}&var-" + variable + "={{ urlquery $labels." + label + " }}{{ end }}"
	}
	return address
}

func rule(a dashboards.Alert, o Options, panelID uint32) Rule {
	window := TimeRange{From: 600}
	state := "KeepLast"
	if a.Sentinel {
		state = "Alerting"
	}
	labels := map[string]string{"source": "statline"}
	if a.Severity != "" {
		labels["severity"] = a.Severity
	}
	annotations := map[string]string{
		"summary": a.Summary, "description": a.Means, "runbook": a.ToDo, "no_data": a.WhyNoData, "link": link(a),
	}
	if o.Runbooks != "" {
		annotations["runbook_url"] = dashboards.RunbookURL(o.Runbooks, a)
	}
	return Rule{
		UID: a.UID, Title: a.Title, Condition: "B", For: a.Lasting, NoDataState: a.NoData, ExecErrState: state,
		DashboardUID: a.Board, PanelID: panelID,
		Labels: labels,
		NotificationSettings: NotificationSettings{Receiver: contact,
			GroupBy:   []string{"grafana_folder", "alertname", "service"},
			GroupWait: "10s", GroupInterval: "1m", RepeatInterval: "4h"},
		Annotations: annotations,
		Data: []RuleData{
			{RefID: "A", RelativeTimeRange: window, DatasourceUID: o.DatasourceUID, Model: RuleModel{
				RefID: "A", Datasource: RuleSource{pluginID, o.DatasourceUID}, EditorType: "sql", QueryType: "table",
				Format: Table,
				RawSQL: a.Query.Grafana(o.target()), IntervalMS: 60_000, MaxDataPoints: 43_200}},
			{RefID: "B", RelativeTimeRange: window, DatasourceUID: "__expr__", Model: RuleModel{
				RefID: "B", Type: "threshold", Expression: "A", Datasource: RuleSource{"__expr__", "__expr__"},
				IntervalMS: 60_000, MaxDataPoints: 43_200,
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

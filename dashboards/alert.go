package dashboards

import (
	"strings"

	"statline/dashboards/query"
)

// Alert is one alert rule: what it asks, when it fires, what it means and what
// to do then.
type Alert struct {
	UID, Title string
	Query      query.Text // of the store, by Grafana; empty when only the instances know
	Over       float64    // fires above this
	// the same of /metrics, in PromQL: fires while it returns a series; empty when only the store
	// knows
	Metrics string
	Lasting string // fires when it has been so for that long
	// Severity is page or ticket; "" when each row of the query says it.
	Severity string
	// NoData is the state when the query returns no row, and WhyNoData the
	// reason for it: the plan for that case.
	NoData, WhyNoData string
	// Sentinel fires when the query cannot be run. Every other rule keeps its
	// state then, so that one restart of the store is one alert.
	Sentinel    bool
	Summary     string // one sentence, with the labels of the row
	Means, ToDo string // the runbook
	Board       string // uid of the board whose panel shows the same
	Shows       query.Text
	// Links are the choices that a row sets on the board: a label by variable.
	Links map[string]string
}

// OfIncidents reports whether the rule tells of incidents, as the notices of statline
// itself do.
func (a Alert) OfIncidents() bool { return a.Severity == "" }

// Alerts lists the rules about the API first, then those about statline.
func Alerts() []Alert { return append(incidentAlerts(), pipelineAlerts()...) }

// FormerAlerts are uids of rules that are no more: Grafana keeps a rule that
// only left the file.
func FormerAlerts() []string { return []string{"statline-burn-fast", "statline-burn-slow"} }

// RunbookURL is where a page with the text of README.md, at address, says what
// an alert means and what to do: the headings are the alerts' titles.
func RunbookURL(address string, a Alert) string {
	return address + "#" + strings.ReplaceAll(strings.ToLower(a.Title), " ", "-")
}

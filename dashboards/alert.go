package dashboards

import (
	"strings"

	"statline/dashboards/query"
)

// Alert is one alert rule: what it queries, when it fires, what that means and what to
// do.
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
	// NoData is the state when the query returns no row, and WhyNoData the reason for
	// that choice.
	NoData, WhyNoData string
	// Sentinel fires when the query cannot be run. All other rules then keep their
	// state, so that a restart of the store is one alert.
	Sentinel    bool
	Summary     string // one sentence, with the labels of the row
	Means, ToDo string // the runbook
	Board       string // uid of the board whose panel shows the same
	Shows       query.Text
	// Links are the choices that a row makes on the board: a label for each variable.
	Links map[string]string
}

// OfIncidents reports that the rule is about incidents, as statline's own notices are.
func (a Alert) OfIncidents() bool { return a.Severity == "" }

// Alerts lists the rules about the API first, then those about statline.
func Alerts() []Alert { return append(incidentAlerts(), pipelineAlerts()...) }

// FormerAlerts are the uids of rules that were removed: Grafana keeps a rule that is
// merely no longer in the file.
func FormerAlerts() []string { return []string{"statline-burn-fast", "statline-burn-slow"} }

// RunbookURL is the address of an alert's runbook on a page with the text of
// README.md: the headings are the alerts' titles.
func RunbookURL(address string, a Alert) string {
	return address + "#" + strings.ReplaceAll(strings.ToLower(a.Title), " ", "-")
}

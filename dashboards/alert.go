package dashboards

import "statline/dashboards/query"

// Alert is one alert rule: what it asks, when it fires, what it means and what
// to do then.
type Alert struct {
	UID, Title string
	Query      query.Text
	Over       float64 // fires above this
	Lasting    string  // for that long
	Severity   string  // page, ticket
	// NoData is the state when the query returns no row, and WhyNoData the
	// reason for it: the plan for that case.
	NoData, WhyNoData string
	Summary           string // one sentence, with the labels of the row
	Means, ToDo       string // the runbook
	Board             string // uid of the board whose panel shows the same
	Shows             query.Text
}

const (
	// aboutIncident is the summary of a rule on incidents.
	aboutIncident = "{{ $labels.entity }}{{ if $labels.service }} ({{ $labels.service }}){{ end }}: {{ $labels.kind }}, {{ $values.A }} responses affected"
	// noIncident: no open incident is no row, and that is good. That nothing
	// writes incidents any more is what the rules about the pipeline see.
	noIncident = "no open incident is no row; a silent pipeline is the business of statline-pipeline-stalled"
	oneRow     = "the query always returns one row; none means that the store did not answer as it must"
)

// incidentAlert is a rule on open incidents: one alert an incident, resolved
// when the incident is closed and its row is gone.
func incidentAlert(uid, title, severity string, sql query.Text) Alert {
	return Alert{UID: "statline-" + uid, Title: title, Query: sql, Lasting: "0s", Severity: severity, NoData: "OK", WhyNoData: noIncident,
		Summary: aboutIncident, Board: incidentsUID, Shows: query.OpenIncidents()}
}

func (a Alert) text(means, todo string) Alert {
	a.Means, a.ToDo = means, todo
	return a
}

func (a Alert) at(board string, shows query.Text) Alert {
	a.Board, a.Shows = board, shows
	return a
}

// Alerts lists the rules about the API first, then those about statline.
func Alerts() []Alert {
	return []Alert{
		incidentAlert("offender", "Key over its rate limit", "ticket", query.OpenOffenders()).at(limitsUID, query.Offenders()).text(
			"One key has been refused for its rate in most ten-second slots for minutes and does not slow down.",
			"Open the panel: the highest count against the limit says whether it is a little or far over. Persists means that its client ignores 429: ask the owner for a back-off. A key that is always a little over needs another plan."),
		incidentAlert("flood", "Key floods the API", "page", query.OpenFloods()).at(limitsUID, query.Offenders()).text(
			"One key sends hundreds of refused requests a minute; refusing them costs the gateway as much as answering.",
			"Look whether latency suffers (Overview). Block the key or its addresses before the gateway, then reach the owner."),
		incidentAlert("dead-key", "Suspended key in use", "ticket", query.OpenDeadKeys()).at(keysUID, query.DeadKeys()).text(
			"A suspended key, or the key of a disabled account, is still being used.",
			"The panel shows since when, from which addresses and user agents. A fixed gap between uses is a forgotten job: tell the owner which. Many addresses are a leaked key."),
		incidentAlert("timeout-spike", "Timeouts far over normal", "page", query.OpenTimeoutSpikes()).at(availabilityUID, query.Baseline()).text(
			"A service times out far more often than the same time on other days and the last hours explain.",
			"Open the panel for the service. Whose side: upstream means the service or what it calls, gateway means a time limit or no connection. Routes that fail says where; compare with deployments at the time it began."),
		incidentAlert("outage", "Service offline", "page", query.OpenOutages()).at(availabilityUID, query.OfflineBaseline()).text(
			"A service answers that it is offline, far more often than usual.",
			"If maintenance is planned, mute the incident in statline's configuration. Otherwise treat it as an outage: the incident's children show what it causes elsewhere."),
		incidentAlert("error-spike", "Server errors far over normal", "page", query.OpenErrorSpikes()).at(availabilityUID, query.ServiceHealth()).text(
			"A service answers with server errors (500 and the like) far more often than the same time on other days and the last hours explain.",
			"Compare with deployments at the time it began, and roll back what changed. Status codes says which error on which route; the incident's episodes say whether it comes and goes."),
		incidentAlert("burn-fast", "Error budget burns fast", "page", query.OpenFastBurns()).at(availabilityUID, query.ServiceHealth()).text(
			"At this rate of failures on the server's side the service's error budget of 30 days is gone within five days or less.",
			"Act now: find the failing route, roll back what changed. The incident's evidence has the burn rate of both windows."),
		incidentAlert("burn-slow", "Error budget burns slowly", "ticket", query.OpenSlowBurns()).at(availabilityUID, query.ServiceHealth()).text(
			"The service fails a little more than its objective allows, for hours.",
			"Plan the repair: a route or one code is usually behind most of it (Status codes). If it is meant to be so, change the objective."),
		incidentAlert("key-scanning", "Client tries keys", "ticket", query.OpenScans()).at(keysUID, query.ScanningClients()).text(
			"One client address tries many different keys that do not exist: somebody guesses keys.",
			"Block the address before the gateway. Check that none of the keys it tried succeeded later (Keys, by its address)."),
		incidentAlert("credential-stuffing", "Client tries logins", "page", query.OpenStuffing()).at(keysUID, query.ScanningClients()).text(
			"One client address fails to log in again and again, mostly without success.",
			"Block the address. If some logins succeeded, have those accounts' sessions ended and passwords changed."),
		incidentAlert("contract-drift", "API breaks its contract", "ticket", query.OpenDrifts()).at(statusUID, query.DriftTable(catalogue())).text(
			"A code comes with another HTTP status than the catalogue promises, errors come without a code, or a code is unknown.",
			"The panel names service, route and pair. Usually a release changed an error handler: repair it there, or add the code to the catalogue if it is meant."),
		incidentAlert("traffic-drop", "Traffic dropped", "page", query.OpenDrops()).at(overviewUID, query.OutcomeRates()).text(
			"A service has far fewer requests than at the same time on other days.",
			"Callers cannot reach it, or its logs do not reach Kafka. Check the load balancer and DNS, then the log shipper; if other services on the same topic are normal it is not statline."),
		{
			UID: "statline-pipeline-stalled", Title: "Pipeline stalled", Query: query.PipelineSilence(), Over: 0.5, Lasting: "2m", Severity: "page",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "statline has not reported for five minutes, or a partition with something to read does not move",
			Means:   "No statline instance reports, or a partition is stuck. Figures and incidents are standing still.",
			ToDo:    "Is the process up (statline check)? The instances' log says what is retried: Kafka out of reach, ClickHouse refusing inserts, a block that needs a decision. Nothing is lost: it goes on where it stopped.",
			Board:   PipelineUID, Shows: query.StalledNow(),
		},
		{
			UID: "statline-lag", Title: "Pipeline behind", Query: query.LagRise(), Over: 300, Lasting: "10m", Severity: "ticket",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "the last record read is {{ humanizeDuration $values.A.Value }} old",
			Means:   "statline reads, but more slowly than records arrive, for ten minutes.",
			ToDo:    "See Behind, in records: one partition means skewed keys, all mean too little power. Start another instance in the same group, or look at ClickHouse's parts and merges (Tables).",
			Board:   PipelineUID, Shows: query.LagSeconds(),
		},
		{
			UID: "statline-rejects", Title: "Rejects rising", Query: query.RejectRise(), Over: 5, Lasting: "5m", Severity: "ticket",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "{{ printf \"%.1f\" $values.A.Value }} % of records cannot be decoded",
			Means:   "More than one record in twenty of the last fifteen minutes could not be decoded. Those responses are missing from every figure.",
			ToDo:    "What was rejected has the reason and an example: usually a changed log format, or another topic's lines. Correct the format, then replay the offsets.",
			Board:   PipelineUID, Shows: query.RejectTable(),
		},
		{
			UID: "statline-ledger", Title: "Ledger mismatch", Query: query.LedgerDifferences(), Over: 0.5, Lasting: "5m", Severity: "ticket",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "the audit found {{ $values.A }} differences between ledger and tables",
			Means:   "The stored sums are not those that the ledger promises: rows are missing or twice.",
			ToDo:    "Run statline check for the tables and days concerned. Usual causes: rows deleted by hand, a restored backup, a table dropped and made again. statline repair rebuilds the days from Kafka while the records are there.",
			Board:   PipelineUID, Shows: query.LedgerByDay(),
		},
	}
}

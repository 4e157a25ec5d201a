package dashboards

import (
	"strings"

	"statline/classify/detect"
	"statline/dashboards/query"
)

// kindOf is what readers are told about incidents of one kind.
type kindOf struct {
	kind        detect.Kind
	title       string
	board       string // where it is seen
	shows       query.Text
	means, todo string
}

// kinds lists every kind of incident.
// Long because it is data: one kind after the other.
func kinds() []kindOf {
	return []kindOf{
		{detect.Offender, "Key over its rate limit", limitsUID, query.Offenders(),
			"One key has been refused for its rate in most ten-second slots for minutes and does not slow down.",
			"Offenders, on the board of rate limits: the highest count against the limit says whether it is a " +
				"little or far over. Persists means that its client ignores 429: ask the owner for a back-off. A key " +
				"that is always a little over needs another plan."},
		{detect.Flood, "Key floods the API", limitsUID, query.Offenders(),
			"One key sends hundreds of refused requests a minute; refusing them costs the gateway as much as " +
				"answering.",
			"Look whether latency suffers (Overview). Block the key or its addresses before the gateway, then " +
				"reach the owner."},
		{detect.Throttled, "Key is throttled", limitsUID, query.Offenders(),
			"One key runs into its rate limit now and then: for its owner some requests fail.",
			"Nothing breaks. A client that is throttled at every peak needs a back-off or another plan; the " +
				"lanes of Who stopped, who goes on show its peaks."},
		{detect.DeadKey, "Suspended key in use", keysUID, query.DeadKeys(),
			"A suspended key, or the key of a disabled account, is still being used.",
			"Suspended and disabled keys in use, on the board of keys, shows since when, from which addresses " +
				"and user agents. A fixed gap between uses is a forgotten job: tell the owner which. Many addresses " +
				"are a leaked key."},
		{detect.InvalidKey, "Invalid key in use", keysUID, query.InvalidKeys(),
			"One key that does not exist is sent again and again.",
			"One key from many clients is a mistake that was shipped: the user agents in Invalid and unverified " +
				"keys in use, on the board of keys, name the release. One client with one key is a wrong " +
				"configuration: tell its owner."},
		{detect.TimeoutSpike, "Timeouts far over normal", availabilityUID, query.Baseline(),
			"A service times out far more often than the same time on other days and the last hours explain.",
			"Choose the service on the board of timeouts and availability. Whose side: upstream means the " +
				"service or what it calls, gateway means a time limit or no connection. Routes that fail says where; " +
				"compare with deployments at the time it began."},
		{detect.Outage, "Service offline", availabilityUID, query.OfflineBaseline(),
			"A service answers that it is offline, far more often than usual.",
			"If maintenance is planned, mute the incident in statline's configuration. Otherwise treat it as an " +
				"outage: This incident lists what it causes elsewhere."},
		{detect.ErrorSpike, "Server errors far over normal", availabilityUID, query.ServiceHealth(),
			"A service answers with server errors (500 and the like) far more often than the same time on other " +
				"days and the last hours explain.",
			"Compare with deployments at the time it began, and roll back what changed. Status codes says which " +
				"error on which route; the incident's episodes say whether it comes and goes."},
		{detect.SLOBurn, "Error budget burns", objectiveUID, query.IncidentsOf(string(detect.SLOBurn)),
			"At this rate of failures on the server's side the service's error budget of 30 days is gone too " +
				"soon: a page within days, a ticket within weeks.",
			"A page: find the failing route and roll back what changed. A ticket: plan the repair; a route or " +
				"one code is usually behind most of it (Status codes). The evidence of the incident has the burn " +
				"rate of both windows. If it is meant to be so, change the objective."},
		{detect.KeyScanning, "Client tries keys", clientsUID, query.ScanningClients(),
			"One client address tries many different keys that do not exist: somebody guesses keys.",
			"Block the address before the gateway. Clients that try keys or logins, on the board of clients, has " +
				"how many keys it tried, and how many requests of the same address succeeded: those keys are known " +
				"to it."},
		{detect.CredentialStuffing, "Client tries logins", clientsUID, query.ScanningClients(),
			"One client address fails to log in again and again, mostly without success.",
			"Block the address. If some of its requests succeeded, which Clients that try keys or logins counts, " +
				"have those accounts' sessions ended and passwords changed."},
		{detect.ContractDrift, "API breaks its contract", statusUID, query.DriftTable(catalogue()),
			"A code comes with another HTTP status than the catalogue promises, or errors come without a code.",
			"Codes that break the contract, on the board of status codes, names service, route and pair. Usually " +
				"a release changed an error handler: repair it there, or change the catalogue if it is meant."},
		{detect.UnknownCode, "Unknown code", statusUID, query.CodesByRoute(),
			"A code comes that the catalogue does not have.",
			"Where failing codes come from, on the board of status codes, names service and route. Usually a " +
				"release has a new error: add the code to the catalogue, so that it is counted for what it is."},
		{detect.TrafficDrop, "Traffic dropped", overviewUID, query.OutcomeRates(),
			"A service has far fewer requests than at the same time on other days.",
			"Callers cannot reach it, or its logs do not reach Kafka. Check the load balancer and DNS, then the " +
				"log shipper; if other services on the same topic are normal it is not statline."},
		{detect.TrafficSurge, "Traffic far over normal", overviewUID, query.OutcomeRates(),
			"A service has several times the requests of the same time on other days, and more than its own ups and " +
				"downs explain.",
			"Look which outcomes grow. Failures that grow with it are clients that try again: find the first failure. " +
				"Refusals for the rate are one client's loop (Rate limits). Successes alone are a campaign or a scraper: see " +
				"whether latency follows."},
		{detect.LateData, "Log lines come late", PipelineUID, query.FreshnessOverTime(),
			"The lines of one partition reach Kafka more than ten minutes after the requests that they are about. Incidents of " +
				"its services are told that much later; later than an hour they are not told at all.",
			"Look at what ships the logs of that partition: a queue that is full, a disk that is slow, a host whose clock " +
				"is wrong. statline itself is not behind: it reads the lines as soon as Kafka has them."},
		{detect.LatencyShift, "Answers slower than usual", overviewUID, query.LatencyQuantiles(),
			"A service answers far more of its requests slower than the 99th percentile of its own week before, and more than " +
				"in that week's slowest hours.",
			"Where the time goes says whether it is spent upstream or in the gateway, Routes that fail what gives up " +
				"first. Compare with the last release and with what the service calls; timeouts follow when nothing is done."},
		{detect.PathScan, "Somebody looks for paths", clientsUID, query.PathScanners(),
			"One client asks for many different paths that do not exist, or many clients ask one service for them: a scanner that " +
				"tries what it knows to be weak elsewhere.",
			"Samples of the outcome not_found show which paths. Block the address before the gateway; Clients " +
				"that look for paths, on the board of clients, counts what the same address got. When the incident " +
				"names a service, many addresses or a proxy are behind it: look at what their requests have in " +
				"common, such as the user agent. Paths of your own API are a broken client or a release that lost " +
				"them."},
		{detect.ClientFlood, "One client or key floods the API", clientsUID, query.BusiestCallers(),
			"One client address or key is answered several times as often as everybody else, and as its own last hour and week " +
				"explain. No limit refuses it.",
			"Look whether latency or errors follow (Overview). A key has an owner to ask; an address without one is a scraper or a loop: " +
				"give it a limit before the gateway. A crawler that is welcome goes on the allow list."},
		{detect.NewError, "Error never seen before", statusUID, query.CodesByRoute(),
			"A service answers with an error that it has not answered with in thirty days, or not in the week before it was deployed.",
			"The incident names the error, how many keys got it, the route with most and the deploy that it came " +
				"after. Roll that deploy back if the error is not meant; Where failing codes come from, on the board " +
				"of status codes, shows what else the route answers."},
		{detect.NearLimit, "Key near its limit", limitsUID, query.ToldQuotas(),
			"One key used at least 80 % of its limit on three days in a row. It is an info: nothing fails yet, and nobody is paged.",
			"statline limits headroom says how fast it grows and on which day it reaches the limit. Talk with its owner about a larger " +
				"plan or about fewer requests before it is refused."},
	}
}

const (
	// aboutIncident is the summary of a rule on incidents.
	aboutIncident = "{{ $labels.entity }}{{ if $labels.service }} ({{ $labels.service }}){{ end }}: {{ $labels.kind }}, " +
		"{{ $values.A }} responses affected"
	// noIncident: when no incident is open there is no row, and that is good. The rules
	// about the pipeline notice detectors that have stopped.
	noIncident = "no open incident is no row; detectors that stand still are the business of statline-detectors"
)

// incidentAlerts are the rules on open incidents, one for each kind. Each incident is
// one alert, as urgent as the incident currently is. It is resolved when the incident
// is closed or nobody is to be told of it, because its row is then gone.
func incidentAlerts() []Alert {
	var list []Alert
	for _, k := range kinds() {
		list = append(list, Alert{
			UID: "statline-" + strings.ReplaceAll(string(k.kind), "_", "-"), Title: k.title,
			Query:   query.ToldIncidents(string(k.kind)),
			Lasting: "0s", NoData: "OK", WhyNoData: noIncident, Summary: aboutIncident, Means: k.means, ToDo: k.todo,
			Board: k.board, Shows: k.shows, Links: linksOf(k),
		})
	}
	return list
}

// linksOf are the choices that a row of a rule makes on its board: variable and label.
func linksOf(k kindOf) map[string]string {
	switch k.board {
	case limitsUID, keysUID:
		return map[string]string{"key": "entity"}
	case availabilityUID, statusUID, overviewUID, objectiveUID:
		return map[string]string{"service": "service"}
	}
	return nil
}

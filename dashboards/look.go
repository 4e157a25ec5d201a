package dashboards

import (
	"statline/classify"
	"statline/classify/detect"
)

// The colours of states. Like every colour here they contrast with white and with
// Grafana's dark panel by 3:1, and two that touch on a panel can be told apart by
// every eye (a test computes both).
const (
	Good, Fair, Bad = "#2CA57B", "#DD6408", "#C2363A"
	// Note is neither good nor bad, Plain is unknown.
	Note, Plain = "#1588BF", "#766D73"
)

// outcomeColors gives each outcome one colour on every panel: green for
// success, blue to violet for what the caller did, orange to olive for limits
// and keys, red for what failed on the server's side.
func outcomeColors() map[classify.Outcome]string {
	return map[classify.Outcome]string{
		classify.Success: Good, classify.Redirect: "#659893",
		classify.RateLimited: Fair, classify.SuspendedKey: "#CA840D", classify.DisabledAccount: "#9C5B0A",
		classify.InvalidKey: "#60A108", classify.UnverifiedAccount: "#A68C50",
		classify.AuthFailed: "#921EFC", classify.AccessDenied: "#9689AE",
		classify.InvalidRequest: "#0593C3", classify.NotFound: "#547888", classify.Duplicate: "#1561E6",
		classify.Unsupported: "#3C77BD", classify.ClientError: "#1D7492", classify.ClientClosed: "#9C84E8",
		classify.Timeout: Bad, classify.Offline: "#AC4A54", classify.InternalError: "#E27073",
		classify.ServerError: "#DA5E60",
		classify.Unknown:     Plain,
	}
}

// kindColors gives each kind of incident one colour.
func kindColors() map[detect.Kind]string {
	return map[detect.Kind]string{
		detect.ContractDrift: "#0D64F5", detect.CredentialStuffing: "#6DA215", detect.DeadKey: "#5C9B97",
		detect.ErrorSpike: "#98585B",
		detect.Flood:      "#FC1879", detect.InvalidKey: "#0E8BB0", detect.KeyScanning: "#2A91FA",
		detect.Offender: "#467810",
		detect.Outage:   "#61953B", detect.SLOBurn: "#C70377", detect.Throttled: "#116DB8",
		detect.TimeoutSpike: "#F13679",
		detect.TrafficDrop:  "#8F8FAC", detect.TrafficSurge: "#307902", detect.LateData: "#2CA29C",
		detect.LatencyShift: "#689878", detect.UnknownCode: "#0A98E1",
		detect.PathScan: "#05A1BA", detect.ClientFlood: "#AC445A", detect.NewError: "#226E92",
		detect.NearLimit: "#526F69",
	}
}

// byKind colours series that are named after kinds of incidents.
func byKind() []Column {
	var list []Column
	colors := kindColors()
	for _, k := range detect.Kinds() {
		list = append(list, Column{Name: string(k), Color: colors[k]})
	}
	return list
}

// rising is green below warn, amber from warn, red from alarm.
func rising(warn, alarm float64) []Step {
	return []Step{{Color: Good}, {warn, Fair}, {alarm, Bad}}
}

// falling is red below alarm, amber below warn.
func falling(alarm, warn float64) []Step {
	return []Step{{Color: Bad}, {alarm, Fair}, {warn, Good}}
}

// apart is green at 0 and red on either side.
func apart() []Step {
	return []Step{{Color: Bad}, {0, Good}, {1, Bad}}
}

func severityWords() map[string]string {
	return map[string]string{"page": Bad, "ticket": Fair, "info": Note}
}

// outcomeWords colours a column of outcomes.
func outcomeWords() map[string]string {
	words := map[string]string{}
	for o, color := range outcomeColors() {
		words[o.String()] = color
	}
	return words
}

// byOutcome colours series that are named after outcomes.
func byOutcome() []Column {
	var list []Column
	colors := outcomeColors()
	for _, o := range classify.Outcomes() {
		list = append(list, Column{Name: o.String(), Color: colors[o]})
	}
	return list
}

// times are the columns of a first and a last time.
func times() []Column { return []Column{{Name: "First", Unit: Moment}, {Name: "Last", Unit: Moment}} }

// exampleColumns are those of tables of single responses.
func exampleColumns() []Column {
	return []Column{
		{Name: "Time", Unit: Moment}, {Name: "Outcome", Width: 125, Words: outcomeWords()}, {Name: "Method", Width: 75},
		{Name: "HTTP", Width: 60, Decimals: digits(0)}, {Name: "Code", Width: 60, Decimals: digits(0)}, {Name: "Request id", Width: 135}, {Name: "Key", Width: 110},
	}
}

func digits(n int) *int { return &n }

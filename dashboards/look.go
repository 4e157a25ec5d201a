package dashboards

import "statline/classify"

// The colours of states.
const (
	Good, Fair, Bad = "#56A64B", "#FF9830", "#E02F44"
	// Note is neither good nor Bad, Plain is what nothing is known of.
	Note, Plain = "#3274D9", "#8E8E8E"
)

// outcomeColors gives each outcome one colour on every panel: green for
// success, blue to violet for what the caller did, amber for limits and keys,
// red for what failed on the server's side.
func outcomeColors() map[classify.Outcome]string {
	return map[classify.Outcome]string{
		classify.Success: "#56A64B", classify.Redirect: "#96D98D",
		classify.RateLimited: "#FF9830", classify.SuspendedKey: "#E0B400", classify.DisabledAccount: "#CC9D00",
		classify.InvalidKey: "#FADE2A", classify.UnverifiedAccount: "#FFF899",
		classify.AuthFailed: "#8F3BB8", classify.AccessDenied: "#A352CC",
		classify.InvalidRequest: "#3274D9", classify.NotFound: "#8AB8FF", classify.Duplicate: "#5794F2",
		classify.Unsupported: "#1F60C4", classify.ClientError: "#C0D8FF", classify.ClientClosed: "#B877D9",
		classify.Timeout: "#E02F44", classify.Offline: "#AD0317", classify.InternalError: "#FF7383", classify.ServerError: "#F2495C",
		classify.Unknown: "#8E8E8E",
	}
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
func times(width int) []Column {
	return []Column{{Name: "First", Unit: Moment, Width: width}, {Name: "Last", Unit: Moment, Width: width}}
}

func digits(n int) *int { return &n }

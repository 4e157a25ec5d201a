package query

import (
	"maps"
	"slices"
	"strconv"
)

// Objectives are the shares of good responses that are wanted: Usual, and those of
// Services that have their own, by name.
type Objectives struct {
	Usual    float64
	Services map[string]float64
}

// of is the objective of the row's service.
func (o Objectives) of() Text {
	usual := Text(strconv.FormatFloat(o.Usual, 'f', -1, 64))
	if len(o.Services) == 0 {
		return usual
	}
	var names, values Text
	for i, name := range slices.Sorted(maps.Keys(o.Services)) {
		if i > 0 {
			names, values = names+", ", values+", "
		}
		names += Text(literal(name))
		values += Text(strconv.FormatFloat(o.Services[name], 'f', -1, 64))
	}
	return "transform(toString(service), [" + names + "], [" + values + "], " + usual + ")"
}

// budget is the share of the row's service that may fail.
func (o Objectives) budget() Text { return "(1 - " + o.of() + ")" }

// The panels about error budgets, on a page of the console. A budget is the share
// of a service's responses that may fail on the server's side: 1 - objective.

// Budgets returns what each service has spent of its budget on screen, and how
// many times faster than allowed it spends it.
func Budgets(o Objectives) Text {
	return spans + `SELECT toString(service) AS "Service", ` + o.of() + ` AS "Objective", sum(requests) AS "Responses", sumIf(requests, ` + serverSide + `) AS "Failed", "Failed" / "Responses" AS "Share",
  "Share" / ` + o.budget() + ` AS "Burn rate", greatest(0, 1 - "Burn rate") AS "Budget left", toInt64(` + o.budget() + ` * "Responses") AS "May fail"
FROM ` + fromServices(ofService) + `
GROUP BY service ORDER BY "Burn rate" DESC, 1 LIMIT 200`
}

// BurnRates returns how many times faster than allowed each service spends its
// budget, the ten services that failed most.
func BurnRates(o Objectives) Text {
	source := fromServices(ofService)
	return spans + gaps("service", "SELECT "+at+", toString(service) AS service, sumIf(requests, "+serverSide+") / sum(requests) / "+o.budget()+" AS Value\nFROM "+source+
		"\nWHERE "+whole+" AND service GLOBAL IN (SELECT service FROM "+source+" GROUP BY service ORDER BY sumIf(requests, "+serverSide+") DESC, service LIMIT 10)"+
		"\nGROUP BY time, service", "Value")
}

// BudgetSpent returns how much of the budget of the time on screen is spent, all
// chosen services together.
func BudgetSpent(o Objectives) Text {
	return spans + `SELECT sumIf(requests, ` + serverSide + `) / sum(requests * ` + o.budget() + `) AS spent
FROM ` + fromServices(ofService) + `
HAVING sum(requests) > 0`
}

// IncidentsOf returns the incidents of a kind that touch the time on screen.
func IncidentsOf(kind string) Text {
	return `SELECT opened_at AS "Opened", if(state = 'open', NULL, closed_at) AS "Closed", toString(severity) AS "Severity", toString(state) AS "State",
  toString(service) AS "Service", summary AS "What happened", id AS "id"
FROM {db}.incidents FINAL
WHERE ` + touching + ` AND kind = ` + Text(literal(kind)) + `
ORDER BY opened_at DESC, id LIMIT 200`
}

package query

import "strconv"

// The panels about error budgets, on a page of the console. A budget is the share
// of a service's responses that may fail on the server's side: 1 - objective.

// Budgets returns what each service has spent of its budget on screen, and how
// many times faster than allowed it spends it.
func Budgets(objective float64) Text {
	return spans + `SELECT toString(service) AS "Service", sum(requests) AS "Responses", sumIf(requests, ` + serverSide + `) AS "Failed", "Failed" / "Responses" AS "Share",
  "Share" / ` + budget(objective) + ` AS "Burn rate", greatest(0, 1 - "Burn rate") AS "Budget left", toInt64(` + budget(objective) + ` * "Responses") AS "May fail"
FROM ` + fromServices(ofService) + `
GROUP BY service ORDER BY "Burn rate" DESC, 1 LIMIT 200`
}

// BurnRates returns how many times faster than allowed each service spends its
// budget, the ten services that failed most.
func BurnRates(objective float64) Text {
	source := fromServices(ofService)
	return spans + gaps("service", "SELECT "+at+", toString(service) AS service, sumIf(requests, "+serverSide+") / sum(requests) / "+budget(objective)+" AS Value\nFROM "+source+
		"\nWHERE "+whole+" AND service GLOBAL IN (SELECT service FROM "+source+" GROUP BY service ORDER BY sumIf(requests, "+serverSide+") DESC, service LIMIT 10)"+
		"\nGROUP BY time, service", "Value")
}

// BudgetSpent returns how much of the budget of the time on screen is spent, all
// chosen services together.
func BudgetSpent(objective float64) Text {
	return spans + `SELECT sumIf(requests, ` + serverSide + `) / sum(requests) / ` + budget(objective) + ` AS spent
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

func budget(objective float64) Text {
	return "(1 - " + Text(strconv.FormatFloat(objective, 'f', -1, 64)) + ")"
}

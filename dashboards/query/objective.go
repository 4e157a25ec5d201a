package query

import (
	"fmt"
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

// The panels about error budgets. A budget is the share of a service's responses
// that may fail on the server's side: 1 - objective, of the responses of thirty
// days. A service that is known for less time has the budget of thirty days of the
// same traffic. A burn rate says how many times faster than allowed the budget is
// spent: at 1 it lasts exactly thirty days.

// month is thirty days, in seconds.
const month = "2592000"

// border is where the rows of hours end and those of minutes begin, in texts about
// the thirty days before the end of the screen: a day before that end, or where
// minutes begin, when that is later. Minutes of an hour of which some are gone do
// not count. Without minutes all are hours, and a window begins with an hour.
const border = `WITH assumeNotNull((SELECT min(minute) FROM {db}.services)) AS oldest,
  assumeNotNull((SELECT min(minute) FROM {db}.responses_hour)) AS oldest_hour,
  if(toUInt32(oldest_hour) = 0 OR oldest_hour >= toStartOfHour(oldest), toStartOfHour(oldest), toStartOfHour(oldest + 3599)) AS kept,
  if(toUInt32(oldest) = 0, {to} + 3600, greatest(toStartOfHour({to} - 86400), kept)) AS border
`

// hoursSince reads the hours of services from a time on, to the end of the screen.
func hoursSince(since, where Text) Text {
	const hours = "SELECT minute, service, outcome, requests FROM {db}."
	span := "\n  WHERE minute >= " + since + " AND minute <= {to} AND " + where
	return union(hours+"services_hour"+span+" AND minute >= "+sinceHours,
		hours+"responses_hour"+span+" AND minute < "+sinceHours)
}

// lastMonth reads the thirty days before the end of the screen.
func lastMonth() Text {
	return union(`SELECT minute, service, outcome, requests FROM {db}.services
  WHERE minute >= border AND minute <= {to} AND `+ofService, "SELECT * FROM "+hoursSince("toStartOfHour({to} - "+month+")", "minute < border AND "+ofService))
}

// WindowName is how a window of so many minutes is called.
func WindowName(minutes int) string {
	if minutes%1440 == 0 {
		return fmt.Sprintf("%d d", minutes/1440)
	}
	return fmt.Sprintf("%d h", minutes/60)
}

// Budgets returns each service's objective, what is left of its budget of the last
// thirty days (under 0: overspent), in how many seconds that is gone at the rate of
// the windows' second (NULL: nothing fails), and how fast the budget burned over
// each window, in minutes, and over the thirty days: the least left first. The
// last thirty days are those before the end of the screen.
func Budgets(o Objectives, windows []int) Text { return border + budgets(o, windows) }

func budgets(o Objectives, windows []int) Text {
	var sums, burns Text
	for i, w := range windows {
		start := "{to} - " + number(60*w)
		within := "minute >= if(minute < border, toStartOfHour(" + start + "), toStartOfMinute(" + start + "))"
		sums += ",\n    sumIf(requests, " + within + ") AS n" + number(i) + ", sumIf(requests, " + within + " AND " +
			serverSide + ") AS bad" + number(i)
		burns += ", if(n" + number(i) + " = 0, NULL, bad" + number(i) + " / n" + number(i) + " / budget) AS \"" +
			Text(WindowName(w)) + "\""
	}
	return `SELECT toString(service) AS "Service", ` + o.of() + ` AS "Objective", 1 - "30 d" * known AS "Budget left",
  if(bad1 = 0, NULL, greatest(0, "Budget left") * ` + month + ` / (bad1 / n1 / budget)) AS "Exhausted in"` + burns + `,
  bad / n / budget AS "30 d", n AS "Responses", bad AS "Failed", toInt64(n / known * budget) AS "May fail"
FROM (
  SELECT service, ` + o.budget() + ` AS budget, sum(requests) AS n, sumIf(requests, ` + serverSide + `) AS bad,
    least(1, greatest(60, toUInt32({to}) - toUInt32(min(minute))) / ` + month + `) AS known` + sums + `
  FROM ` + lastMonth() + ` GROUP BY service HAVING n > 0
)
ORDER BY "Budget left", 1 LIMIT 200`
}

// LeastBudget returns what is left of the budget of the service that has least.
func LeastBudget(o Objectives, windows []int) Text {
	return border + "SELECT min(\"Budget left\") AS \"left\" FROM (\n" + budgets(o, windows) + "\n)\nHAVING count() > 0"
}

// BudgetSpent returns, for each hour on screen, how often the budget of the thirty days
// before was spent then, of the ten services that failed most in the time on screen
// and those days.
func BudgetSpent(o Objectives) Text {
	source := hoursSince("toStartOfHour({from} - "+month+")", ofService)
	hourly := `SELECT minute, toString(service) AS service, sum(requests) AS n, sumIf(requests, ` + serverSide + `) AS bad
      FROM ` + source + `
      WHERE service GLOBAL IN (SELECT service FROM ` + source + ` GROUP BY service ORDER BY sumIf(requests, ` + serverSide + `) DESC, service LIMIT 10)
      GROUP BY minute, service`
	// What came up to an hour, less what came up to thirty days before it.
	return `WITH greatest(1, intDiv({step} + 3599, 3600)) * 3600 AS step, intDiv(toUInt32({from}), 3600) * 3600 AS begins
` + gaps("service", `SELECT `+at+`, service, argMax(spent, minute) AS Value FROM (
    SELECT minute, service, (bad_to - bad_before) / (n_to - n_before) / `+o.budget()+` * least(1, (toUInt32(minute) + 3600 - toUInt32(since)) / `+month+`) AS spent
    FROM (
      SELECT minute, service, sum(n) OVER upto AS n_to, sum(bad) OVER upto AS bad_to, min(minute) OVER upto AS since,
        sum(n) OVER before AS n_before, sum(bad) OVER before AS bad_before
      FROM (`+hourly+`)
      WINDOW upto AS (PARTITION BY service ORDER BY toUInt32(minute) RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        before AS (PARTITION BY service ORDER BY toUInt32(minute) RANGE BETWEEN UNBOUNDED PRECEDING AND `+month+` PRECEDING)
    )
  )
WHERE toUInt32(minute) >= begins
GROUP BY time, service`, "Value")
}

// BurnRates returns how many times faster than allowed each service spends its
// budget, the ten services that failed most.
func BurnRates(o Objectives) Text {
	source := fromServices(ofService)
	return spans +
		gaps("service",
			"SELECT "+at+", toString(service) AS service, sumIf(requests, "+serverSide+") / sum(requests) / "+o.budget()+" AS Value\nFROM "+source+
				"\nWHERE "+whole+" AND service GLOBAL IN (SELECT service FROM "+source+" GROUP BY service ORDER BY sumIf(requests, "+serverSide+") DESC, service LIMIT 10)"+
				"\nGROUP BY time, service", "Value")
}

// IncidentsOf returns the incidents of a kind that touch the time on screen.
func IncidentsOf(kind string) Text {
	return `SELECT opened_at AS "Opened", if(state = 'open', NULL, closed_at) AS "Closed", toString(severity) AS "Severity", toString(state) AS "State",
  toString(service) AS "Service", summary AS "What happened", id AS "id"
FROM {db}.incidents FINAL
WHERE ` + touching + ` AND kind = ` + Text(literal(kind)) + `
ORDER BY opened_at DESC, id LIMIT 200`
}

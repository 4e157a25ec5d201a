package query

import (
	"fmt"
	"strings"
)

// ladder are the limits a minute that are tried, of the kind that people choose.
var ladder = []int{10, 20, 30, 40, 60, 100, 150, 200, 300, 400, 600, 1000, 1500, 2000, 3000, 6000, 10_000, 30_000}

// TriedLimits returns what limits a minute would have done to the chosen services and
// keys together, of those limits that refuse anybody: a key is let through as often as
// the limit says in each minute of the clock, whatever became of its requests. It is
// exact, reads the rows of minutes, and returns no row over more than two days. Requests
// without a key, and keys beyond the budget, are not told apart: the share is of the others.
func TriedLimits() Text {
	steps := "[" + Text(strings.Trim(strings.ReplaceAll(fmt.Sprint(ladder), " ", ", "), "[]")) + "]"
	minutes := "SELECT key_id, minute, sum(requests) AS asked, sumIf(requests, " + refused + ") AS today FROM (" +
		ofMinutes("keys", "key_id, outcome, requests", chosenKey+toldApart) + "\n  ) GROUP BY key_id, minute"
	return spans + `SELECT toUInt64(allowed) AS "Requests a minute", countIf(over > 0) AS "Keys refused", countIf(over > 0 AND refusals = 0) AS "Clean today",
  sum(over) AS "Requests refused", sum(over) / sum(n) AS "Share refused", sum(full) AS "Minutes over it"
FROM (
  SELECT key_id, sum(asked) AS n, sum(today) AS refusals, sumForEach(arrayMap(l -> toUInt64(greatest(asked, l) - l), ` + steps + `)) AS overs,
    sumForEach(arrayMap(l -> toUInt64(asked > l), ` + steps + `)) AS fulls
  FROM (` + minutes + `) GROUP BY key_id
) ARRAY JOIN overs AS over, fulls AS full, ` + steps + ` AS allowed
GROUP BY allowed HAVING sum(over) > 0 ORDER BY allowed`
}

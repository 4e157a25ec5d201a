package query

import (
	"fmt"
	"strconv"
	"strings"
)

// ladder are the limits a minute that are tried, of the kind that people choose.
var ladder = []int{10, 20, 30, 40, 60, 100, 150, 200, 300, 400, 600, 1000, 1500, 2000, 3000, 6000, 10_000, 30_000}

// TriedLimits returns what limits a minute would have done to the chosen services and
// keys together, of those limits that refuse anybody: a key is let through as often as
// the limit says in each minute of the clock, whatever became of its requests. It is
// exact, reads the rows of minutes, and returns no row over more than two days. Requests
// without a key, and keys beyond the budget, are not told apart: the share is of the others.
//
// Minutes as groups of keys would be nearly as many as rows; they are columns of hours, of
// which only what is above the lowest limit is looked at.
func TriedLimits() Text {
	steps := "[" + Text(strings.Trim(strings.ReplaceAll(fmt.Sprint(ladder), " ", ", "), "[]")) + "]"
	hours := "SELECT key_id, toStartOfHour(minute) AS hour, sum(requests) AS asked, sumIf(requests, " + refused +
		") AS today,\n    arrayFilter(n -> n > " + Text(strconv.Itoa(ladder[0])) + ", " +
		perSlot("toUInt8(toMinute(minute))", 60) + ") AS busy FROM (" +
		ofMinutes("keys", "key_id, outcome, requests", chosenKey+toldApart) + "\n  ) GROUP BY key_id, hour"
	// each sums a number a limit over the busy minutes of a key.
	each := func(number Text) Text {
		return "arrayResize(sumForEach(if(empty(busy), CAST([] AS Array(UInt64)), arrayMap(l -> toUInt64(" + number + "), " +
			steps + "))), length(" + steps + "))"
	}
	return spans + `SELECT toUInt64(allowed) AS "Requests a minute", countIf(over > 0) AS "Keys refused", countIf(over > 0 AND refusals = 0) AS "Clean today",
  sum(over) AS "Requests refused", sum(over) / sum(n) AS "Share refused", sum(full) AS "Minutes over it"
FROM (
  SELECT key_id, sum(asked) AS n, sum(today) AS refusals, ` + each("arraySum(n -> greatest(n, l) - l, busy)") + ` AS overs,
    ` + each("arrayCount(n -> n > l, busy)") + ` AS fulls
  FROM (` + hours + `) GROUP BY key_id
) ARRAY JOIN overs AS over, fulls AS full, ` + steps + ` AS allowed
GROUP BY allowed HAVING sum(over) > 0 ORDER BY allowed`
}

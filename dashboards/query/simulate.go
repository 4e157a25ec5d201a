package query

import (
	"fmt"
	"math"
	"strings"

	"statline/classify/limit"
)

// The texts of statline limits: of the minutes from {from} to {to} (exclusive), of
// the chosen services and keys (by the first characters of their ids). Keys beyond
// the budget are left out: they are not told apart.

const toldApart = " AND key_id NOT IN ('', '__other__')"

// StoredMinutes returns the first and the last minute stored, the number of rows,
// and the first hour of keys.
func StoredMinutes() Text {
	return `SELECT min(minute), max(minute), count(), (SELECT min(minute) FROM {db}.keys_hour) FROM {db}.services`
}

// BusyKeys returns for each key its id, its requests, the refused ones among them, and the
// chunks of so many seconds (chunk, a number of whole hours) in which a limit may refuse
// something: one of its hours has more requests than the lowest limit for up to an hour
// (least), or the whole chunk more than the lowest limit for longer (leastLong). Requests
// beyond the budget have the id __other__, whichever keys are chosen.
//
// A row of the table is a key's hour, so there would be as many groups by hour as rows. Hours
// are columns of a chunk instead: rows are sorted by key, and the next one is mostly of the
// same chunk, which costs no look-up.
func BusyKeys(chunk uint32, least, leastLong uint64) Text {
	const maxHours = 168
	busy, hours := "", chunk/3600
	if least < 1<<62 && hours <= maxHours {
		busy = fmt.Sprintf("most > %d", least)
	} else if least < 1<<62 { // a chunk of many hours is looked at when all of it has as many
		busy = fmt.Sprintf("n > %d", least)
		hours = 0
	}
	if leastLong > 0 {
		busy = strings.TrimPrefix(fmt.Sprintf("%s OR n > %d", busy, leastLong), " OR ")
	}
	most := Text("toUInt64(0)")
	if least < 1<<62 && hours <= maxHours && hours > 0 {
		most = "arrayMax(" + perSlot(Text(fmt.Sprintf("toUInt8(intDiv(toUInt32(minute), 3600) %% %d)", hours)),
			int(hours)) + ")"
	}
	return Text(fmt.Sprintf(`SELECT id, sum(n), sum(of_them), groupArrayIf(chunk, %s) FROM (
  SELECT key_id AS id, toUInt32(intDiv(toUInt32(minute), %d)) AS chunk, sum(requests) AS n, sumIf(requests, `, busy, chunk)) + refused + `) AS of_them, ` + most + ` AS most
  FROM {db}.keys_hour WHERE ` + within + ` AND key_id != '' AND (` + ofKeys + ` OR key_id = '__other__')
  GROUP BY id, chunk
) GROUP BY id`
}

// perSlot is an array of the sums of requests in each of so many slots.
func perSlot(slot Text, slots int) Text {
	return Text(fmt.Sprintf("sumResample(0, %d, 1)(requests, %s)", slots, slot))
}

// ofID is the number that keys are grouped by: the first sixteen characters of an id, 80 bits
// of its HMAC. Grouping by it is five times as fast as by the id.
const (
	ofID = "reinterpretAsUInt128(key_id)"
	idOf = "reinterpretAsString(k)"
)

// KeyTicks returns the ticks of each key in which limits may refuse something: the
// beginning of its id (see KeysToday), when they begin in Unix seconds, and how many
// requests it made in each, at least and at most. A tick is a number of seconds that
// every window and the hour have a whole number of; it is a minute where a bucket neither
// fits an hour nor is whole hours. bucket is a number of seconds that every window has a
// whole number in; one in which no limit can refuse is left out. ids, unless it is empty,
// are the keys that are looked at.
func KeyTicks(tick, bucket uint32, limits []limit.Limit, ids []string) Text {
	only := within + " AND " + ofKeys + ofIDs(ids)
	switch {
	case tick == 3600:
		return keyTicks(hourTicks(only), bucket, leastOf(limits, 0))
	case 3600%bucket == 0 || bucket%3600 == 0:
		return ticksOfHours(only, tick, bucket, limits)
	}
	return keyTicks(minuteTicks(only), bucket, leastOf(limits, 0))
}

// leastOf is the lowest limit of a window longer than that; the largest number without one.
func leastOf(limits []limit.Limit, longer uint32) uint64 {
	least := uint64(math.MaxUint64)
	for _, l := range limits {
		if l.Window > longer {
			least = min(least, l.Requests)
		}
	}
	return least
}

// ticksOfHours is KeyTicks of buckets that fit hours. Minutes as groups of keys would be
// nearly as many as rows; they are columns of hours, as in BusyKeys.
func ticksOfHours(only Text, tick, bucket uint32, limits []limit.Limit) Text {
	slots := 3600 / tick
	// A limit refuses only where more requests come than it allows.
	above, hours, buckets := uint64(0), "", ""
	may := func(one, hour, all string) string {
		return fmt.Sprintf("(%s > %d OR %s > %d OR %s > %d)", one, leastOf(limits, 0), hour, leastOf(limits, tick),
			all, leastOf(limits, 3600))
	}
	switch {
	case bucket == tick:
		above = leastOf(limits, 0)
		hours = fmt.Sprintf("arrayMax(per_tick) > %d", above)
	case bucket <= 3600:
		hours = may("arrayMax(per_tick)", "n", "n")
	default:
		hours, buckets = "1", fmt.Sprintf(", intDiv(hour, %d) HAVING ", bucket)+may("max(arrayMax(per_tick))",
			"max(n)", "sum(n)")
	}
	return `SELECT ` + idOf + `, groupArrayArray(at) AS ticks, groupArrayArray(counts) AS low, low AS high FROM (
  SELECT k, groupArrayArray(begins) AS at, groupArrayArray(some) AS counts FROM (
    SELECT k, hour, n, per_tick, ` + Text(fmt.Sprintf(`arrayFilter((i, c) -> c > %d, range(%d), per_tick) AS slots,
      arrayMap(i -> toUInt32(hour + %d * i), slots) AS begins,`, above, slots, tick)) + `
      arrayMap(i -> per_tick[i + 1], slots) AS some FROM (
      SELECT ` + ofID + ` AS k, intDiv(toUInt32(minute), 3600) * 3600 AS hour, sum(requests) AS n,
        ` + perSlot(Text(fmt.Sprintf("toUInt8(intDiv(toUInt32(minute), %d) %% %d)", tick, slots)), int(slots)) + ` AS per_tick
      FROM {db}.keys WHERE ` + only + ` GROUP BY k, hour HAVING ` + Text(hours) + `
    ) WHERE notEmpty(slots)
  ) GROUP BY k` + Text(buckets) + `
) GROUP BY k`
}

// ofIDs is the condition for these keys, after other conditions; without keys it is true for
// all within the budget. Comparing ids as numbers takes half the time; the ids themselves are
// there for the index.
func ofIDs(ids []string) Text {
	if len(ids) == 0 {
		return toldApart
	}
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = literal(id)
	}
	all := strings.Join(list, ", ")
	return Text(" AND " + ofID + " IN (SELECT " + strings.Replace(ofID, "key_id", "arrayJoin(["+all+"])", 1) +
		") AND indexHint(key_id IN (" + all + "))")
}

// RouteTicks is KeyTicks of the chosen routes. How often a key called a route is
// not stored: it is bounded by what the key did in the service in that minute, and
// by what all keys did on the route and beside it.
func RouteTicks(bucket uint32, least uint64, ids []string) Text {
	return keyTicks(routeTicks(within+" AND "+ofKeys+ofIDs(ids)), bucket, least)
}

func minuteTicks(only Text) Text {
	return `SELECT ` + ofID + ` AS k, minute, sum(requests) AS low, low AS high FROM {db}.keys WHERE ` + only +
		` GROUP BY k, minute`
}

func hourTicks(only Text) Text {
	return `SELECT ` + ofID + ` AS k, minute, sum(requests) AS low, low AS high FROM {db}.keys_hour WHERE ` + only +
		` GROUP BY k, minute`
}

func routeTicks(only Text) Text {
	return `SELECT k, minute, sum(toUInt64(greatest(toInt64(n) + toInt64(on_route) - toInt64(in_all), 0))) AS low, sum(least(n, on_route + untold)) AS high FROM (
        SELECT ` + ofID + ` AS k, minute, service, sum(requests) AS n FROM {db}.keys WHERE ` + only + ` GROUP BY k, minute, service
      ) AS of_keys GLOBAL INNER JOIN (
        SELECT minute, service, sumIf(requests, route IN {route}) AS on_route,
          sumIf(requests, route = '__other__') AS untold, sum(requests) AS in_all FROM {db}.responses WHERE ` + within + `
        GROUP BY minute, service HAVING on_route + untold > 0
      ) AS r USING (minute, service) GROUP BY k, minute`
}

func keyTicks(ticks Text, bucket uint32, least uint64) Text {
	if bucket == 60 {
		return `SELECT ` + idOf + `, groupArray(toUInt32(minute)), groupArray(low), groupArray(high) FROM (
      ` + ticks + Text(fmt.Sprintf(" HAVING high > %d", least)) + `
) GROUP BY k`
	}
	return `SELECT ` + idOf + `, groupArrayArray(at), groupArrayArray(lows), groupArrayArray(highs) FROM (
    SELECT k, groupArray(toUInt32(minute)) AS at, groupArray(low) AS lows, groupArray(high) AS highs FROM (
      ` + ticks + Text(fmt.Sprintf("\n    ) GROUP BY k, intDiv(toUInt32(minute), %d) HAVING sum(high) > %d", bucket, least)) + `
) GROUP BY k`
}

// KeysToday returns what keys did, given by the first sixteen characters of their
// ids: these, the id, name, requests, of which refused for the rate.
func KeysToday() Text {
	return `SELECT substring(k.key_id, 1, 16), k.key_id, named.name, n, of_them FROM (
  SELECT key_id, sum(requests) AS n, sumIf(requests, ` + refused + `) AS of_them
  FROM {db}.keys_hour WHERE ` + within + ` AND substring(key_id, 1, 16) IN {key} GROUP BY key_id
) AS k GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = k.key_id ORDER BY k.key_id`
}

// UntoldKeys counts the requests of keys beyond the budget.
func UntoldKeys() Text {
	return `SELECT sum(requests) FROM {db}.keys_hour WHERE ` + within + ` AND key_id = '__other__'`
}

// KeyRequests counts the requests of the chosen keys within the budget.
func KeyRequests() Text {
	return `SELECT sum(requests) FROM {db}.keys WHERE ` + within + ` AND ` + ofKeys + toldApart
}

// KeyPeaks returns the most requests of each key in a window of so many seconds:
// key id, the most, requests, of which refused for the rate. Windows of minutes that an
// hour has a whole number of are columns of hours, as in KeyTicks.
func KeyPeaks(window uint32) Text {
	table, group, most := Text("{db}.keys"), window, Text("sum(requests)")
	switch {
	case window%3600 == 0:
		table = "{db}.keys_hour"
	case 3600%window == 0:
		slots := 3600 / window
		group, most = 3600, "arrayMax("+perSlot(Text(fmt.Sprintf("toUInt8(intDiv(toUInt32(minute), %d) %% %d)", window,
			slots)), int(slots))+")"
	}
	return Text(fmt.Sprintf(`SELECT `+idOf+`, max(most), sum(n), sum(of_them) FROM (
  SELECT `+ofID+` AS k, intDiv(toUInt32(minute), %d) AS w, `, group)) + most + ` AS most, sum(requests) AS n, sumIf(requests, ` + refused + `) AS of_them
  FROM ` + table + ` WHERE ` + within + ` AND ` + ofKeys + toldApart + ` GROUP BY k, w
) GROUP BY k`
}

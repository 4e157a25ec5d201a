package query

import (
	"fmt"
	"strings"
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

// BusyKeys returns what each key did, by a hash of its id: requests, of which
// refused for the rate, and the chunks of so many seconds (chunk, a number of whole
// hours) in which a limit may refuse something: an hour of it has more than any of
// the limits for up to an hour allows (least), or all of it more than one for longer
// (leastLong). A hash is grouped twenty times as fast as an id; should two keys have
// the same, a chunk too many is looked at.
func BusyKeys(chunk uint32, least, leastLong uint64) Text {
	busy := fmt.Sprintf("n > %d", least)
	if leastLong > 0 {
		busy = fmt.Sprintf("n > %d OR in_chunk > %d", least, leastLong)
	}
	return Text(fmt.Sprintf(`SELECT k, sum(in_chunk), sum(refused), groupArrayIf(toUInt32(chunk), %s) FROM (
  SELECT k, intDiv(toUInt32(hour), %d) AS chunk, sum(per_hour) AS in_chunk, sum(per_refused) AS refused, max(per_hour) AS n FROM (
    SELECT cityHash64(key_id) AS k, minute AS hour, sum(requests) AS per_hour, sumIf(requests, `, busy, chunk)) + refused + `) AS per_refused
    FROM {db}.keys_hour WHERE ` + within + ` AND ` + ofKeys + toldApart + `
    GROUP BY k, hour
  ) GROUP BY k, chunk
) GROUP BY k`
}

// ofID is what keys are grouped by: the first sixteen characters of an id, 80 bits of
// its HMAC, as a number. It is grouped five times as fast as the id.
const (
	ofID = "reinterpretAsUInt128(key_id)"
	idOf = "reinterpretAsString(k)"
)

// KeyTicks returns the minutes of each key in which a limit may refuse something:
// the beginning of its id (see KeysToday), minutes in Unix seconds, and how many
// requests it made in each, at least and at most. bucket is a number of seconds that
// every window has a whole number in; one of whose minutes add up to no more than
// least is left out. hashes, unless it is empty, are those of the keys that are
// looked at.
func KeyTicks(bucket uint32, least uint64, hashes []uint64) Text {
	return keyTicks(minuteTicks, bucket, least, hashes)
}

// RouteTicks is KeyTicks of the chosen routes. How often a key called a route is
// not stored: it is bounded by what the key did in the service in that minute, and
// by what all keys did on the route and beside it.
func RouteTicks(bucket uint32, least uint64, hashes []uint64) Text {
	return keyTicks(routeTicks, bucket, least, hashes)
}

func minuteTicks(only Text) Text {
	return `SELECT ` + ofID + ` AS k, minute, sum(requests) AS low, low AS high FROM {db}.keys WHERE ` + only + ` GROUP BY k, minute`
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

func keyTicks(ticks func(only Text) Text, bucket uint32, least uint64, hashes []uint64) Text {
	only := within + " AND " + ofKeys + toldApart
	if len(hashes) > 0 {
		list := make([]string, len(hashes))
		for i, h := range hashes {
			list[i] = fmt.Sprint(h)
		}
		only += Text(" AND cityHash64(key_id) IN (" + strings.Join(list, ", ") + ")")
	}
	if bucket == 60 {
		return `SELECT ` + idOf + `, groupArray(toUInt32(minute)), groupArray(low), groupArray(high) FROM (
      ` + ticks(only) + Text(fmt.Sprintf(" HAVING high > %d", least)) + `
) GROUP BY k`
	}
	return `SELECT ` + idOf + `, groupArrayArray(at), groupArrayArray(lows), groupArrayArray(highs) FROM (
    SELECT k, groupArray(toUInt32(minute)) AS at, groupArray(low) AS lows, groupArray(high) AS highs FROM (
      ` + ticks(only) + Text(fmt.Sprintf("\n    ) GROUP BY k, intDiv(toUInt32(minute), %d) HAVING sum(high) > %d", bucket, least)) + `
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

// KeyRequests counts the requests of the chosen keys that are told apart.
func KeyRequests() Text {
	return `SELECT sum(requests) FROM {db}.keys WHERE ` + within + ` AND ` + ofKeys + toldApart
}

// KeyPeaks returns the most requests of each key in a window of so many seconds:
// key id, the most, requests, of which refused for the rate.
func KeyPeaks(window uint32) Text {
	table := Text("{db}.keys")
	if window%3600 == 0 {
		table = "{db}.keys_hour"
	}
	return Text(fmt.Sprintf(`SELECT `+idOf+`, max(n), sum(n), sum(of_them) FROM (
  SELECT `+ofID+` AS k, intDiv(toUInt32(minute), %d) AS w, sum(requests) AS n, sumIf(requests, `, window)) + refused + `) AS of_them
  FROM ` + table + ` WHERE ` + within + ` AND ` + ofKeys + toldApart + ` GROUP BY k, w
) GROUP BY k`
}

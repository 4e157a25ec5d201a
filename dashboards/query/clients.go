package query

import (
	"statline/classify"
	"statline/classify/distinct"
)

// The panels about client addresses, which the store has without their services.

// trying is the condition for rows of clients that try keys or logins.
var trying = ofGroup(classify.GroupOf(classify.InvalidKey) | classify.LoginFailed)

// mostTrying is the condition for the clients that try most.
func mostTrying(clients int) Text {
	return `client_ip GLOBAL IN (
  SELECT client_ip FROM {db}.clients WHERE ` + onScreen + ` AND ` + trying + ` GROUP BY client_ip ORDER BY sum(requests) DESC, client_ip LIMIT ` + number(clients) + `)`
}

const clientName = "replaceOne(IPv6NumToString(client_ip), '::ffff:', '')"

// ScanningClients returns the client addresses that try keys or logins: how
// many requests failed, with how many different keys (at most 16 are stored per minute), and
// how many succeeded. It reads only the rows that count and gathers their keys: over a month
// that is cheaper than uniqExact over all rows.
func ScanningClients() Text {
	return `SELECT ` + clientName + ` AS "Client", sumIf(requests, ` + trying + `) AS "Refused", length(groupUniqArrayArrayIf(key_ids, ` + trying + `)) AS "Keys tried",
  sumIf(requests, ` + of(classify.InvalidKey) + `) AS "Invalid keys", sumIf(requests, ` + ofGroup(classify.LoginFailed) + `) AS "Failed logins",
  sumIf(requests, ` + of(classify.Success) + `) AS "Succeeded", minIf(minute, ` + trying + `) AS "First", maxIf(minute, ` + trying + `) AS "Last"
FROM {db}.clients
WHERE ` + onScreen + ` AND ` + ofGroup(classify.GroupOf(classify.InvalidKey, classify.Success)|classify.LoginFailed) + ` AND ` + mostTrying(100) + `
GROUP BY client_ip ORDER BY "Refused" DESC, client_ip`
}

// TriesByClient returns refused requests per minute of the ten clients that try
// most.
func TriesByClient() Text {
	return minuteSpans + gaps("client", "SELECT "+at+", "+clientName+" AS client, sum(requests) * 60 / "+covered+` AS Value
FROM {db}.clients
WHERE `+onScreen+` AND `+whole+` AND `+trying+` AND `+mostTrying(10)+`
GROUP BY time, client_ip`, "Value")
}

// pathBits counts the bits of the bitmap of paths that were answered 404.
func pathBits() (text Text) {
	for i := range distinct.Words {
		if i > 0 {
			text += " + "
		}
		text += "bitCount(groupBitOr(path_bits_" + number(i) + "))"
	}
	return text
}

// PathScanners returns the client addresses that asked for the most different paths
// that do not exist: about how many (see distinct.Bitmap.Estimate), how many of
// their requests were answered otherwise.
func PathScanners() Text {
	return `SELECT ` + clientName + ` AS "Client", ` + estimate("bits") + ` AS "Paths", missed AS "Answered 404", n - missed AS "Other answers",
  first AS "First", last AS "Last"
FROM (
  SELECT client_ip, ` + pathBits() + ` AS bits, sumIf(requests, ` + lostPath() + `) AS missed, sum(requests) AS n,
    minIf(minute, ` + lostPath() + `) AS first, maxIf(minute, ` + lostPath() + `) AS last
  FROM {db}.clients WHERE ` + onScreen + ` GROUP BY client_ip HAVING bits > 0 ORDER BY bits DESC, missed DESC, client_ip LIMIT 50
)
ORDER BY bits DESC, missed DESC, client_ip`
}

// lostPath is the condition for rows with a 404.
func lostPath() (text Text) {
	for i := range distinct.Words {
		if i > 0 {
			text += " OR "
		}
		text += "path_bits_" + number(i) + " != 0"
	}
	return "(" + text + ")"
}

// notRefused is the condition for rows of requests that were not refused.
var notRefused = ofGroup(classify.GroupOf(classify.Success, classify.Redirect) | classify.ServerSide)

// BusiestCallers returns requests per minute that were not refused, of the five
// client addresses and the five keys that ask most.
func BusiestCallers() Text {
	of := func(table, id, name, not Text) Text {
		rows := "FROM {db}." + table + " WHERE " + onScreen + " AND " + whole + " AND " + notRefused + " AND " + not
		return "SELECT " + at + ", " + name + " AS caller, sum(requests) * 60 / " + covered + " AS Value\n" + rows +
			" AND " + id + " GLOBAL IN (SELECT " + id + " " + rows + " GROUP BY " + id +
			" ORDER BY sum(requests) DESC, " + id + " LIMIT 5)\nGROUP BY time, " + id
	}
	return minuteSpans + gaps("caller", "SELECT time, caller, Value FROM "+union(
		of("clients", "client_ip", "concat('client ', "+clientName+")",
			"client_ip NOT IN (toIPv6('::'), toIPv6('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))"),
		of("keys", "key_id", "concat('key ', substring(key_id, 1, 10))", "key_id != '"+classify.Other+"'")), "Value")
}

package query

import "statline/classify"

// The panels about client addresses. The store knows no service of them.

// trying lets the rows of clients through that try keys or logins.
var trying = ofGroup(classify.GroupOf(classify.InvalidKey) | classify.LoginFailed)

// mostTrying lets the clients through that try most.
func mostTrying(clients int) Text {
	return `client_ip GLOBAL IN (
  SELECT client_ip FROM {db}.clients WHERE ` + onScreen + ` AND ` + trying + ` GROUP BY client_ip ORDER BY sum(requests) DESC, client_ip LIMIT ` + number(clients) + `)`
}

const clientName = "replaceOne(IPv6NumToString(client_ip), '::ffff:', '')"

// ScanningClients returns the client addresses that try keys or logins: how
// many requests failed, with how many different keys (at most 16 are remembered
// a minute), and how many succeeded.
func ScanningClients() Text {
	return `SELECT ` + clientName + ` AS "Client", sumIf(requests, ` + trying + `) AS "Refused", uniqExactArrayIf(key_ids, ` + trying + `) AS "Keys tried",
  sumIf(requests, ` + of(classify.InvalidKey) + `) AS "Invalid keys", sumIf(requests, ` + ofGroup(classify.LoginFailed) + `) AS "Failed logins",
  sumIf(requests, ` + of(classify.Success) + `) AS "Succeeded", minIf(minute, ` + trying + `) AS "First", maxIf(minute, ` + trying + `) AS "Last"
FROM {db}.clients
WHERE ` + onScreen + ` AND ` + mostTrying(100) + `
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

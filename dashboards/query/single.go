package query

import "statline/classify"

// The panels about one code and one client address, on pages of the console.

var ofClient = chosen("client", "has(arrayMap(c -> toIPv6OrNull(c), {client}), client_ip)")

// CodeList lists the codes of the responses, the most frequent first.
func CodeList() Text {
	return spans + "SELECT toString(code) FROM " + fromResponses("code, requests", "code != 0") +
		"\nGROUP BY code ORDER BY sum(requests) DESC, code LIMIT 500"
}

// ClientList lists the client addresses that try most, then those with most
// requests.
func ClientList() Text {
	return `SELECT ` + clientName + ` FROM {db}.clients
WHERE ` + onScreen + ` GROUP BY client_ip ORDER BY sumIf(requests, ` + trying + `) DESC, sum(requests) DESC, client_ip LIMIT 300`
}

// OneCode returns what the catalogue says of the chosen codes, and how often they
// came.
func OneCode(catalogue []Code) Text {
	return codeTable(catalogue, "WHERE "+ofCode+"\n")
}

// CodeByService returns the chosen codes' responses per second by service.
func CodeByService() Text {
	return spans +
		gaps("service", "SELECT "+at+", toString(service) AS service, sum(requests) / "+covered+" AS Value\nFROM "+
			fromResponses("service, code, requests",
				ofService+" AND "+ofCode+" AND code != 0 AND "+whole)+"\nGROUP BY time, service", "Value")
}

// CodeByStatus returns the same by HTTP status.
func CodeByStatus() Text {
	return spans +
		gaps("status",
			"SELECT "+at+", if(http_status = 0, 'none', toString(http_status)) AS status, sum(requests) / "+covered+" AS Value\nFROM "+
				fromResponses("http_status, code, requests",
					ofService+" AND "+ofCode+" AND code != 0 AND "+whole)+"\nGROUP BY time, status", "Value")
}

// CodePlaces returns where the chosen codes come from.
func CodePlaces() Text {
	return spans + `SELECT toString(service) AS "Service", toString(route) AS "Route", toString(method) AS "Method", code AS "Code", http_status AS "HTTP", toString(outcome) AS "Outcome",
  toString(any(decided_by)) AS "Decided by", sum(requests) AS "Responses", sum(drift) AS "Drift", min(minute) AS "First", max(minute) AS "Last"
FROM ` + fromResponses("service, route, method, code, http_status, outcome, decided_by, drift, requests", ofService+" AND "+ofCode+" AND code != 0") + `
GROUP BY service, route, method, code, http_status, outcome ORDER BY "Responses" DESC, 1, 2, 3, 4, 5 LIMIT 200`
}

// CodeSamples returns single responses with the chosen codes.
func CodeSamples() Text {
	return singleSamples + ofService + " AND " + ofCode + " AND code != 0\nORDER BY ts DESC LIMIT 100"
}

// ClientNumbers returns a client's requests, those that were refused for their key
// or login, and those that succeeded.
func ClientNumbers() Text {
	return `SELECT sum(requests) AS "responses", sumIf(requests, ` + trying + `) AS refused, uniqExactArrayIf(key_ids, ` + trying + `) AS "keys tried",
  sumIf(requests, ` + of(classify.Success) + `) AS succeeded
FROM {db}.clients
WHERE ` + onScreen + ` AND ` + ofClient + ` AND ` + shownClient
}

// ClientOutcomes returns a client's requests per minute by outcome.
func ClientOutcomes() Text {
	return minuteSpans + gaps("outcome", "SELECT "+at+", toString(outcome) AS outcome, sum(requests) * 60 / "+covered+` AS Value
FROM {db}.clients
WHERE `+onScreen+` AND `+whole+` AND `+ofClient+` AND `+shownClient+`
GROUP BY time, outcome`, "Value")
}

// ClientCodes returns the codes that a client got.
func ClientCodes() Text {
	return `SELECT toString(outcome) AS "Outcome", code AS "Code", sum(requests) AS "Responses", min(minute) AS "First", max(minute) AS "Last"
FROM {db}.clients
WHERE ` + onScreen + ` AND ` + ofClient + ` AND ` + shownClient + `
GROUP BY outcome, code ORDER BY 3 DESC, 1, 2 LIMIT 200`
}

// ClientKeys returns the keys that a client used, as far as the store remembers
// them.
func ClientKeys() Text {
	return `SELECT ` + keyName + ` AS "Key", outcomes AS "Outcomes", minutes AS "Minutes", first AS "First", last AS "Last", key_id AS "id"
FROM (
  SELECT arrayJoin(key_ids) AS key_id, arrayStringConcat(arraySort(groupUniqArray(toString(outcome))), ', ') AS outcomes, uniqExact(minute) AS minutes,
    min(minute) AS first, max(minute) AS last
  FROM {db}.clients WHERE ` + onScreen + ` AND ` + ofClient + ` AND ` + shownClient + ` GROUP BY key_id
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY minutes DESC, key_id LIMIT 200`
}

// ClientSamples returns single failures of a client.
func ClientSamples() Text {
	return singleSamples + ofClient + " AND " + shownClient + "\nORDER BY ts DESC LIMIT 100"
}

// shownClient is the condition for the chosen clients or, if none is chosen, for the one that
// tries most.
var shownClient = Text("(notEmpty({client}) OR ") + mostTrying(1) + ")"

var singleSamples Text = `SELECT ts AS "Time", toString(service) AS "Service", toString(outcome) AS "Outcome", toString(method) AS "Method", path AS "Path", http_status AS "HTTP", code AS "Code",
  request_id AS "Request id", substring(key_id, 1, 10) AS "Key", user_agent AS "User agent", message AS "Message"
FROM {db}.samples
WHERE ` + onScreen + ` AND `

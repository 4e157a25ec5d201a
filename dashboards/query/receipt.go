package query

// The texts of a receipt: of the span from {from} to {to} (exclusive) and of the
// chosen key, given by its whole id.

const ofSpan = "minute >= {from} AND minute < {to}"

// ReceiptRows counts the key's responses by day, service, outcome and code: day,
// service, outcome, code, requests, bytes.
func ReceiptRows(hours bool) Text {
	return `SELECT toString(toDate(minute)) AS day, toString(service) AS s, toString(outcome) AS o, code, sum(requests), sum(bytes)
FROM ` + keysOf(hours) + ` WHERE ` + ofSpan + ` AND key_id IN {key} GROUP BY day, s, o, code ORDER BY day, s, o, code`
}

// ReceiptOthers counts the responses of the span whose keys went beyond the budget
// and are not told apart.
func ReceiptOthers(hours bool) Text {
	return `SELECT sum(requests) FROM ` + keysOf(hours) + ` WHERE ` + ofSpan + ` AND key_id = '__other__'`
}

func keysOf(hours bool) Text {
	if hours {
		return "{db}.keys_hour"
	}
	return "{db}.keys"
}

// ReceiptIncidents lists the incidents of the key, and of the chosen services,
// that touch the span: whether of the key, kind, service, when it opened, closed
// (1970 while open), requests, affected, summary, id.
func ReceiptIncidents() Text {
	return `SELECT entity_type = 'key' AS own, toString(kind) AS k, toString(service) AS s, opened_at, closed_at, requests, affected, summary, id
FROM {db}.incidents FINAL
WHERE state != 'withdrawn' AND opened_at < {to} AND (state = 'open' OR closed_at >= {from})
  AND (entity_type = 'key' AND entity IN {key} OR entity_type = 'service' AND service IN {service})
ORDER BY opened_at, k, s, id`
}

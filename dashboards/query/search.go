package query

// Parents returns which incident covers which: of those that are open or touch the
// span.
func Parents() Text {
	return `SELECT id, parent FROM {db}.incidents FINAL
WHERE parent != '' AND state != 'withdrawn' AND (state = 'open' OR opened_at <= {to} AND closed_at >= {from})
ORDER BY id LIMIT 2000`
}

// Findable returns everything that can be searched for by name: kind, name, what is shown
// beside it, and a weight, the heaviest first within a kind. The searched text is compared
// outside the store and never becomes part of a query, because it may be a key.
func Findable() Text {
	return spans + `SELECT * FROM (
  SELECT 'service' AS kind, toString(service) AS name, '' AS more, sum(requests) AS weight FROM ` + fromServices("1") + ` GROUP BY service ORDER BY weight DESC LIMIT 2000
  UNION ALL
  SELECT 'route', toString(route), toString(argMax(service, requests)), sum(requests) AS n FROM ` + fromResponses("service, route, requests", "route != ''") + ` GROUP BY route ORDER BY n DESC LIMIT 5000
  UNION ALL
  SELECT 'error', toString(error_type), toString(argMax(service, requests)), sum(requests) AS n FROM ` + fromResponses("service, error_type, requests", "error_type != ''") + ` GROUP BY error_type ORDER BY n DESC LIMIT 1000
  UNION ALL
  SELECT 'key', key_id, named.name, n FROM (SELECT key_id, sum(requests) AS n FROM ` + fromKeys("key_id, requests", "1") + ` GROUP BY key_id ORDER BY n DESC, key_id LIMIT 5000) AS k
    GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
  UNION ALL
  SELECT 'key', key_id, name, toUInt64(0) FROM ` + names + ` WHERE name != '' LIMIT 5000
  UNION ALL
  SELECT 'client', address, name, toUInt64(0) FROM ` + clientLabels + ` LIMIT 5000
  UNION ALL
  SELECT 'client', ` + clientName + `, '', sum(requests) AS n FROM {db}.clients WHERE ` + onScreen + ` GROUP BY client_ip ORDER BY n DESC LIMIT 5000
  UNION ALL
  SELECT 'incident', id, concat(formatDateTime(opened_at, '%m-%d %H:%i'), ' ', summary, if(entity = '', '', concat(' · ', entity))), toUInt64(toUInt32(opened_at))
    FROM (SELECT * FROM {db}.incidents FINAL WHERE state != 'withdrawn' ORDER BY opened_at DESC LIMIT 1000)
)`
}

// KeyKnown returns whether the chosen keys are stored: their ids and names.
func KeyKnown() Text {
	return spans + `SELECT key_id, any(name) FROM (
  SELECT key_id FROM ` + fromKeys("key_id", chosenKey) + ` GROUP BY key_id
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id) GROUP BY key_id`
}

package query

// The values of the dashboards' variables.

// Services lists the services that had responses, most first.
func Services() Text {
	return spans + "SELECT toString(service) FROM " + fromServices("1") +
		"\nGROUP BY service ORDER BY sum(requests) DESC, service LIMIT 1000"
}

// Routes lists the routes of the chosen services, most requested first.
func Routes() Text {
	return spans + "SELECT toString(route) FROM " + fromResponses("route, requests", ofService) +
		"\nGROUP BY route ORDER BY sum(requests) DESC, route LIMIT 500"
}

// KeyList lists the keys with most failures of a key's own making: the id and
// how it is shown. Any other id can be typed in.
func KeyList() Text {
	return spans + `SELECT key_id, ` + keyName + ` FROM (
  SELECT key_id, sum(requests) AS n FROM ` + fromKeys("key_id, requests", keyTrouble) + `
  GROUP BY key_id ORDER BY n DESC, key_id LIMIT 300
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY n DESC, key_id`
}

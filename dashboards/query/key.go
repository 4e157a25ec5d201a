package query

// The texts about one key, for the command line: of the chosen key, from {from} to
// {to} (inclusive).

// KeyOverTime returns what the key did, by {step}: time, requests, failed, refused
// for its rate, the highest count and limit that messages told.
func KeyOverTime() Text {
	return spans + `SELECT time, sum(n), sumIf(n, ` + failed + `), sumIf(n, ` + refused + `), max(highest), max(lim)
FROM (SELECT ` + at + `, outcome, requests AS n, count_max AS highest, limit_max AS lim
  FROM ` + fromKeys("outcome, requests, count_max, limit_max", ofKey) + `)
GROUP BY time ORDER BY time`
}

// KeyUses returns the results of its requests: service, outcome, code, requests, bytes, first
// and last seen.
func KeyUses() Text {
	return spans + `SELECT toString(service), toString(outcome), code, sum(requests) AS n, sum(bytes), min(first_seen), max(last_seen)
FROM ` + fromKeys("service, outcome, code, requests, bytes, first_seen, last_seen", ofKey) + `
GROUP BY service, outcome, code ORDER BY n DESC, service, outcome, code LIMIT 100`
}

// KeyAddresses returns its client addresses, KeyAgents its user agents, each with the times
// when it was first and last seen, the latest first. At most sixteen per minute are stored.
func KeyAddresses() Text {
	return keySources("replaceOne(IPv6NumToString(arrayJoin(client_ips)), '::ffff:', '')", "client_ips")
}

// KeyAgents: see KeyAddresses.
func KeyAgents() Text { return keySources("toString(arrayJoin(user_agents))", "user_agents") }

func keySources(name, column Text) Text {
	return spans + `SELECT ` + name + ` AS source, min(first_seen) AS first, max(last_seen) AS last
FROM ` + fromKeys("first_seen, last_seen, "+column, ofKey) + `
GROUP BY source ORDER BY last DESC, source LIMIT 50`
}

// StorageTables returns what each table takes: table, rows, bytes on disk, bytes
// before compression, parts, the oldest and the newest day of its rows (1970 when
// it has no days), and the bytes of parts whose rows are all beyond their time
// now, within a day, within a week and within thirty days. A part without such a
// time is kept forever.
func StorageTables() Text {
	return `SELECT table, sum(rows), sum(bytes_on_disk) AS bytes, sum(data_uncompressed_bytes), count(),
  toDate(min(min_time)), toDate(max(max_time)), ` + freed("0") + `, ` + freed("1") + `, ` + freed("7") + `, ` + freed("30") + `
FROM {parts} WHERE active AND database = '{database}' GROUP BY table ORDER BY bytes DESC, table`
}

// freed sums the bytes of the parts that retention deletes as a whole within some days.
func freed(days Text) Text {
	return "sumIf(bytes_on_disk, toUInt32(delete_ttl_info_max) > 0 AND delete_ttl_info_max <= {now} + INTERVAL " +
		days + " DAY)"
}

// StorageDays returns what the rows of each day take, the newest first: day, rows,
// bytes on disk, tables, the bytes that retention takes within a day. Tables by
// week count on their first day.
func StorageDays() Text {
	return `SELECT toDate(min_time) AS day, sum(rows), sum(bytes_on_disk), uniqExact(table), ` + freed("1") + `
FROM {parts} WHERE active AND database = '{database}' AND toUInt32(min_time) > 0 GROUP BY day ORDER BY day DESC LIMIT 400`
}

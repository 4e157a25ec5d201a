package query

import "statline/classify/limit"

// ToldHeadroom returns what each key used of the limit in its responses, by day: key id,
// name, Unix days, the largest share of a day, the largest limit and window in headers, and
// whether headers gave the limit (else refusals did, with the numbers of code 25).
func ToldHeadroom() Text {
	return `SELECT k.key_id, named.name, days, shares, lim, win, by_headers FROM (
  SELECT key_id, groupArray(day) AS days, groupArray(share) AS shares, max(day_limit) AS lim, max(day_window) AS win, max(headers) AS by_headers FROM (
    SELECT key_id, toInt32(toUInt16(toDate(minute))) AS day, ` + limit.ToldByHeaders + ` AS headers, ` + limit.ToldShare + ` AS share,
      ` + limit.ToldLimit + ` AS day_limit, ` + limit.ToldWindow + ` AS day_window
    FROM {db}.keys_hour WHERE ` + within + ` AND ` + ofKeys + toldApart + `
    GROUP BY key_id, day HAVING ` + limit.ToldAny + `
  ) GROUP BY key_id
) AS k GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = k.key_id ORDER BY k.key_id`
}

// NamedKeys returns (key id, name) of the keys with the chosen names.
func NamedKeys() Text {
	return `SELECT key_id, name FROM ` + names + ` WHERE name IN {key} ORDER BY key_id`
}

package query

import "statline/classify"

// The panels about keys. Slots (ten seconds each, unless configured otherwise)
// are kept per minute only: over more than two days they are unknown.

var chosenKey = ofService + " AND " + ofKey

// RefusedKeys returns how many keys were refused for their rate.
func RefusedKeys() Text {
	return spans + "SELECT uniqExact(key_id) AS keys FROM " + fromKeys("key_id", chosenKey+" AND "+refused)
}

// RefusedRate returns responses refused for their rate, per second.
func RefusedRate() Text {
	return spans +
		steady("refused",
			"SELECT "+at+", sumIf(requests, "+refused+") / "+covered+" AS refused\nFROM "+fromServicesOrKeys(
				whole)+"\nGROUP BY time")
}

// RefusedShare returns the share of responses refused for their rate.
func RefusedShare() Text {
	return spans + "SELECT sumIf(requests, " + refused + ") / sum(requests) AS refused\nFROM " +
		fromServicesOrKeys("1") + "\nHAVING sum(requests) > 0"
}

// fromServicesOrKeys reads requests per outcome of the chosen services: from
// their small tables while every key is chosen, and of the chosen keys
// otherwise.
func fromServicesOrKeys(where Text) Text {
	every := chosen("key", "0 = 1")
	return union("SELECT minute, outcome, requests FROM "+fromServices(ofService+" AND "+where+" AND "+every),
		"SELECT minute, outcome, requests FROM "+fromKeys("outcome, requests",
			chosenKey+" AND "+where+" AND NOT "+every))
}

// PersistingKeys returns how many of the refused keys were refused in the last
// ten minutes of the span, and how many had stopped by then.
func PersistingKeys() Text {
	return spans + `SELECT countIf(last >= {to} - 600) AS persist, countIf(last < {to} - 600) AS stopped
FROM (SELECT key_id, max(last_seen) AS last FROM ` + fromKeys("key_id, last_seen", chosenKey+" AND "+refused) + ` GROUP BY key_id)`
}

// Offenders returns the keys refused for their rate: how often, the highest
// count against the limit, the slots refused, whether they go on.
func Offenders() Text {
	return spans + `SELECT ` + keyName + ` AS "Key", if(last >= {to} - 600, 'persists', 'stopped') AS "Now", n AS "Refused", n / total AS "Share refused",
  highest AS "Highest count", lim AS "Limit", highest / nullIf(lim, 0) AS "Over the limit", slots_of_key AS "Slots refused",
  first AS "First", last AS "Last", services AS "Services", clients AS "Clients", agent AS "User agent", key_id AS "id"
FROM (
  SELECT key_id, sumIf(requests, ` + refused + `) AS n, sum(requests) AS total, max(count_max) AS highest, max(limit_max) AS lim,
    minIf(first_seen, ` + refused + `) AS first, maxIf(last_seen, ` + refused + `) AS last, arrayStringConcat(arraySort(groupUniqArray(5)(toString(service))), ', ') AS services,
    length(groupUniqArrayArray(16)(client_ips)) AS clients, toString(arrayElement(arraySort(groupUniqArrayArray(16)(user_agents)), 1)) AS agent
  FROM ` + fromRefused() + `
  GROUP BY key_id ORDER BY n DESC, key_id LIMIT 50
) AS k GLOBAL LEFT JOIN ` + slotsRefused() + ` AS slotted USING (key_id) GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY n DESC, key_id`
}

// slotsRefused counts the slots in which each key was refused; hour rows have none, and the
// number is unknown. A slot counts once, however many rows have it: of services, of codes,
// and of blocks that the server has not merged yet.
func slotsRefused() Text {
	return `(
    SELECT key_id, toNullable(sum(bitCount(mask))) AS slots_of_key
    FROM (SELECT key_id, minute, groupBitOr(slots) AS mask FROM (` + ofMinutes("keys", "key_id, slots", chosenKey+" AND "+refused) + `) GROUP BY key_id, minute)
    GROUP BY key_id
  )`
}

// fromRefused reads every row of the keys that were refused for their rate.
// Only the first fifty of them are read: the rest stays off the screen.
func fromRefused() Text {
	return fromKeys("key_id, service, outcome, requests, count_max, limit_max, first_seen, last_seen, client_ips, user_agents",
		chosenKey) + "\n  WHERE " + amongTop(chosenKey+" AND "+refused, 50)
}

// RefusedByKey returns refused responses per second by key, the ten keys
// refused most.
func RefusedByKey() Text {
	return perKey(refused, 10, "sum(requests) / "+covered)
}

// RefusedPerMinute returns refused responses per minute by key, the fifteen
// keys refused most: who stopped and who goes on.
func RefusedPerMinute() Text {
	return perKey(refused, 15, "sum(requests) / "+covered+" * 60")
}

// perKey is a value over time of the keys with most rows of a kind.
func perKey(where Text, keys int, value Text) Text {
	source := fromKeys("key_id, requests", chosenKey+" AND "+where)
	return spans + gaps("key",
		"SELECT time, "+keyName+" AS key, Value FROM (\n  SELECT "+at+", key_id, "+value+" AS Value FROM "+source+
			"\n  WHERE "+whole+" AND "+amongTop(chosenKey+" AND "+where, keys)+
			"\n  GROUP BY time, key_id\n) AS k GLOBAL LEFT JOIN "+names+" AS named USING (key_id)", "Value")
}

// amongTop is the condition for the keys with most requests among the rows of where. It
// stands outside fromKeys: inside, the minutes and the hours would each look for them.
func amongTop(where Text, keys int) Text {
	return "key_id GLOBAL IN (SELECT key_id FROM " + fromKeys("key_id, requests", where) +
		" GROUP BY key_id ORDER BY sum(requests) DESC, key_id LIMIT " + number(keys) + ")"
}

// HighestCounts returns each key's highest request count as a multiple of its
// limit, the twelve highest.
func HighestCounts() Text {
	return spans + `SELECT ` + keyName + ` AS "Key", over AS "Highest count / limit" FROM (
  SELECT key_id, max(count_max) / nullIf(max(limit_max), 0) AS over
  FROM ` + fromKeys("key_id, count_max, limit_max", chosenKey+" AND "+refused) + ` GROUP BY key_id
  HAVING over > 0 ORDER BY over DESC, key_id LIMIT 12
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY over DESC, key_id`
}

// ToldQuotas returns the keys whose rate limit response headers gave, refused or not: those
// nearest to it first.
func ToldQuotas() Text {
	return spans + `SELECT ` + keyName + ` AS "Key", toUInt64(nullIf(lim, 0)) AS "Limit", toUInt64(nullIf(win, 0)) AS "Window", toUInt64(least) AS "Least left", ` + quotaUsed + ` AS "Used",
  toUInt64(nullIf(wait, 0)) AS "Longest wait", n AS "Responses", key_id AS "id"
FROM (
  ` + quotas(fromKeys("key_id, requests, quota_limit, quota_low, quota_window, retry_after", chosenKey+" AND "+toldQuota)) + `
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY ` + quotaUsed + ` DESC NULLS LAST, n DESC, key_id`
}

// toldQuota is the condition for rows whose responses gave a rate limit.
const toldQuota = "(quota_limit > 0 OR quota_low > 0)"

// quotaUsed is the largest share of its limit that a key had used.
const quotaUsed = "if(lim = 0, NULL, greatest(1 - least / lim, 0))"

// quotas joins the limits of each key: the fifty keys nearest to theirs.
func quotas(rows Text) Text {
	return `SELECT key_id, max(quota_limit) AS lim, max(quota_window) AS win, if(max(quota_low) = 0, NULL, 4294967295 - max(quota_low)) AS least,
    max(retry_after) AS wait, sum(requests) AS n
  FROM ` + rows + `
  GROUP BY key_id ORDER BY ` + quotaUsed + ` DESC NULLS LAST, n DESC, key_id LIMIT 50`
}

// TroubledKeys returns how many different keys were refused for each reason
// that lies in the key itself.
func TroubledKeys() Text {
	return spans + `SELECT uniqExactIf(key_id, ` + of(classify.SuspendedKey) + `) AS suspended, uniqExactIf(key_id, ` + of(classify.DisabledAccount) + `) AS disabled,
  uniqExactIf(key_id, ` + of(classify.InvalidKey) + `) AS invalid, uniqExactIf(key_id, ` + of(classify.UnverifiedAccount) + `) AS unverified
FROM ` + fromKeys("key_id, outcome", chosenKey+" AND "+ofGroup(classify.DeadKey|classify.UnusableKey))
}

// DeadKeys returns the suspended keys and the keys of disabled accounts that
// are still in use.
func DeadKeys() Text { return keyTable(deadKey) }

// InvalidKeys returns the unknown keys in use.
func InvalidKeys() Text { return keyTable(unusableKey) }

func keyTable(where Text) Text {
	return spans + `SELECT ` + keyName + ` AS "Key", toString(outcome) AS "Outcome", code AS "Code", n AS "Refused", first AS "First", last AS "Last",
  if(last >= {to} - 3600, 'in use', 'silent') AS "Now", services AS "Services", arrayStringConcat(arraySlice(clients, 1, 3), ', ') AS "Clients", length(clients) AS "Number of clients", agent AS "User agent", key_id AS "id"
FROM (
  SELECT key_id, outcome, code, sum(requests) AS n, min(first_seen) AS first, max(last_seen) AS last,
    arrayStringConcat(arraySort(groupUniqArray(5)(toString(service))), ', ') AS services,
    arraySort(arrayMap(a -> replaceOne(IPv6NumToString(a), '::ffff:', ''), groupUniqArrayArray(16)(client_ips))) AS clients,
    toString(arrayElement(arraySort(groupUniqArrayArray(16)(user_agents)), 1)) AS agent
  FROM ` + fromKeys("key_id, service, outcome, code, requests, first_seen, last_seen, client_ips, user_agents", chosenKey+" AND "+where) + `
  GROUP BY key_id, outcome, code ORDER BY n DESC, key_id LIMIT 200
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY n DESC, key_id`
}

// KeyTroubleRates returns refusals per second by the reason that lies in the
// key.
func KeyTroubleRates() Text {
	return spans +
		gaps("outcome", "SELECT "+at+", toString(outcome) AS outcome, sum(requests) / "+covered+" AS Value\nFROM "+
			fromKeys("outcome, requests",
				chosenKey+" AND "+keyTrouble+" AND NOT "+refused+" AND "+whole)+"\nGROUP BY time, outcome", "Value")
}

// KeyOutcomeRates returns the chosen keys' responses per second by outcome, those of
// all callers while every key is chosen.
func KeyOutcomeRates() Text {
	return spans +
		gaps("outcome", "SELECT "+at+", toString(outcome) AS outcome, sum(requests) / "+covered+" AS Value\nFROM "+
			fromServicesOrKeys(whole)+"\nGROUP BY time, outcome", "Value")
}

// KeyDetail returns what the chosen keys did, by key, service and code; with no
// key chosen, what those fifty did that were refused most for what lies in them.
func KeyDetail() Text {
	return spans + `SELECT ` + keyName + ` AS "Key", toString(service) AS "Service", toString(outcome) AS "Outcome", code AS "Code", n AS "Responses", bytes_all AS "Bytes", first AS "First", last AS "Last", key_id AS "id"
FROM (
  SELECT key_id, service, outcome, code, sum(requests) AS n, sum(bytes) AS bytes_all, min(first_seen) AS first, max(last_seen) AS last
  FROM ` + fromKeys("key_id, service, outcome, code, requests, bytes, first_seen, last_seen", chosenKey) + `
  WHERE ` + amongTop(chosenKey+" AND ("+keyTrouble+" OR NOT "+chosen("key", "0 = 1")+")", 50) + `
  GROUP BY key_id, service, outcome, code ORDER BY n DESC, key_id LIMIT 100
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY n DESC, key_id, service, code`
}

// RetryingKeys returns the keys and services with the most requests that declared not to
// be the first try.
func RetryingKeys() Text {
	return spans + `SELECT ` + keyName + ` AS "Key", k.service AS "Service", n AS "Retries", total AS "Requests", n / total AS "Share", agent AS "User agent", key_id AS "id"
FROM (
  SELECT key_id, toString(service) AS service, sum(retries) AS n, sum(requests) AS total, toString(arrayElement(arraySort(groupUniqArrayArray(16)(user_agents)), 1)) AS agent
  FROM ` + fromKeys("key_id, service, requests, retries, user_agents", ofService) + `
  WHERE key_id GLOBAL IN (SELECT key_id FROM ` + fromKeys("key_id, service, retries", ofService+" AND retries > 0") + ` GROUP BY key_id, service ORDER BY sum(retries) DESC, key_id, service LIMIT 50)
  GROUP BY key_id, service HAVING n > 0 ORDER BY n DESC, key_id, service LIMIT 50
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY n DESC, key_id, k.service`
}

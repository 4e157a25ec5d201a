package sandboxtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// FillMonth fills a migrated database like a month of traffic: thirty days of hour rows for
// 100 services of 20 routes and 10,000 keys, two days of minute rows for the services, and
// what else boards read; a share of 10 writes the newest tenth. It merges the tables, as
// they would be after a month. exec runs one statement.
func FillMonth(database string, share int, exec func(text string) error) error {
	rows, table := regexp.MustCompile(`FROM numbers\((\d+)\)$`), regexp.MustCompile(`^INSERT INTO (\S+)`)
	for _, text := range month() {
		text = strings.ReplaceAll(text, "{db}", database)
		total, err := strconv.Atoi(rows.FindStringSubmatch(text)[1])
		if err != nil {
			return err
		}
		total /= share
		const chunk = 144_000
		for first := 0; first < total; first += chunk {
			part := rows.ReplaceAllString(text, fmt.Sprintf("FROM numbers(%d, %d)", first, min(chunk, total-first)))
			if err := exec(part); err != nil {
				return fmt.Errorf("%w: %s", err, part)
			}
		}
		if err := exec("OPTIMIZE TABLE " + table.FindStringSubmatch(text)[1] + " FINAL"); err != nil {
			return err
		}
	}
	return nil
}

// month are the INSERTs of FillMonth.
func month() []string {
	hour := "toDateTime(toStartOfHour(now()) - 3600 * intDiv(number, %d), 'UTC')"
	return []string{
		// 720 hours x 2000 routes: one row of success each, one of failure for
		// every second. Latency: 60 buckets a row of success, 8 a row of failure.
		`INSERT INTO {db}.responses_hour (minute, service, route, method, http_status, code, outcome, decided_by, blame, requests, bytes, drift, latency, latency_us, upstream_requests, upstream_us, upstream, truncated) SELECT ` + fmt.Sprintf(hour, 2000) + ` AS minute, concat('service-', toString(intDiv(number, 20) % 100)), concat('/v1/route-', toString(number % 20), '/{id}'), 'GET', 200, 1, 'success', 'code', '',
  900, 90000, 0, (arrayMap(i -> toUInt16(900 + i * 3 + number % 3), range(60)), arrayMap(i -> toUInt64(15), range(60))) AS l, 900 * 80000, 900, 900 * 70000, l, 0 FROM numbers(1440000)`,
		`INSERT INTO {db}.responses_hour (minute, service, route, method, http_status, code, outcome, decided_by, blame, requests, bytes, drift, latency, latency_us, upstream_requests, upstream_us, upstream, truncated) SELECT ` + fmt.Sprintf(hour, 1000) + ` AS minute, concat('service-', toString(intDiv(number, 10) % 100)), concat('/v1/route-', toString(number % 10), '/{id}'), 'GET', [429, 504, 401, 404, 500][1 + number % 5], [25, 24, 10, 6, 11][1 + number % 5],
  ['rate_limited', 'timeout', 'suspended_key', 'not_found', 'internal_error'][1 + number % 5], 'code', ['client', 'upstream', 'client', 'client', 'gateway'][1 + number % 5],
  16, 1600, 0, (arrayMap(i -> toUInt16(1100 + i * 5), range(8)), arrayMap(i -> toUInt64(2), range(8))) AS l, 16 * 900000, 16, 16 * 800000, l, 0 FROM numbers(720000)`,
		// What the routes above add up to, by hour, service and outcome.
		`INSERT INTO {db}.services_hour (minute, service, outcome, requests, latency, upstream) SELECT ` + fmt.Sprintf(hour, 100) + ` AS minute, concat('service-', toString(number % 100)), 'success',
  18000, (arrayMap(i -> toUInt16(900 + i), range(180)), arrayMap(i -> toUInt64(100), range(180))) AS l, l FROM numbers(72000)`,
		`INSERT INTO {db}.services_hour (minute, service, outcome, requests, latency, upstream) SELECT ` + fmt.Sprintf(hour, 500) + ` AS minute, concat('service-', toString(intDiv(number, 5) % 100)), ['rate_limited', 'timeout', 'suspended_key', 'not_found', 'internal_error'][1 + number % 5],
  32, (arrayMap(i -> toUInt16(1100 + i * 5), range(8)), arrayMap(i -> toUInt64(4), range(8))) AS l, l FROM numbers(360000)`,
		// Twelve agents of each service, a tenth of whose requests fail.
		`INSERT INTO {db}.agents_hour (minute, service, class, agent, outcome, requests, truncated, key_bits_0, key_bits_1, key_bits_2, key_bits_3) SELECT ` + fmt.Sprintf(hour, 2400) + ` AS minute, concat('service-', toString(number % 100)),
  ['sdk', 'browser', 'cli', 'crawler', 'ai', 'unknown'][1 + intDiv(number, 100) % 6], if(intDiv(number, 100) % 6 = 5, '', concat('agent-', toString(intDiv(number, 100) % 12), '/1.0')), ['success', 'rate_limited'][1 + intDiv(number, 1200) % 2], [1350, 150][1 + intDiv(number, 1200) % 2], 0,
  sipHash64(number), sipHash64(number + 1), sipHash64(number + 2), sipHash64(number + 3) FROM numbers(1728000)`,
		// 10,000 keys x 720 hours, a tenth of them with refusals.
		`INSERT INTO {db}.keys_hour (minute, key_id, service, outcome, code, requests, bytes, count_max, limit_max, slots, slot_seconds, first_offset, last_offset, client_ips, user_agents, truncated) SELECT ` + fmt.Sprintf(hour, 10000) + ` AS minute, lower(hex(MD5(toString(number % 10000)))), concat('service-', toString(number % 100)), 'success', 1, 200, 20000, 0, 0, 0, 0, minute, minute + 3000, [], [], 0 FROM numbers(7200000)`,
		`INSERT INTO {db}.keys_hour (minute, key_id, service, outcome, code, requests, bytes, count_max, limit_max, slots, slot_seconds, first_offset, last_offset, client_ips, user_agents, truncated, retries) SELECT ` + fmt.Sprintf(hour, 1000) + ` AS minute, lower(hex(MD5(toString(number % 1000)))), concat('service-', toString(number % 100)), ['rate_limited', 'suspended_key', 'invalid_key', 'disabled_account'][1 + number % 4], [25, 10, 7, 31][1 + number % 4], 20, 2000, 61, 40, 0, 0, minute, minute + 3000,
  [toIPv6('203.0.113.7')], ['client/1.0'], 0, number % 7 FROM numbers(720000)`,
		`INSERT INTO {db}.services (minute, service, outcome, requests) SELECT toDateTime(toStartOfMinute(now()) - 60 * intDiv(number, 300), 'UTC'), concat('service-', toString(intDiv(number, 3) % 100)), ['success', 'timeout', 'rate_limited'][1 + number % 3], 20 FROM numbers(864000)`,
		`INSERT INTO {db}.scores (minute, service, series, n, k, expected, z, version) SELECT toDateTime(toStartOfMinute(now()) - 60 * intDiv(number, 200), 'UTC'), concat('service-', toString(intDiv(number, 2) % 100)), ['timeout', 'offline'][1 + number % 2], 100, 1, 0.5, 0.7, 1 FROM numbers(8640000)`,
		`INSERT INTO {db}.clients (minute, client_ip, outcome, code, requests, slots, key_ids, truncated) SELECT toDateTime(toStartOfMinute(now()) - 60 * intDiv(number, 100), 'UTC'), toIPv6(concat('2001:db8::', toString(number % 100))), ['success', 'invalid_key', 'not_found', 'auth_failed'][1 + number % 4], 7, 3, 0, [toString(number % 1000)], 0 FROM numbers(4320000)`,
		`INSERT INTO {db}.pipeline (minute, instance, topic, partition, lag_records, lag_seconds, freshness_seconds, blocks, records, rejected, audit_differences, stalled, version) SELECT toDateTime(toStartOfMinute(now()) - 60 * intDiv(number, 8), 'UTC'), 'a', 'access', number % 8, 10, 1, 5, 12, 6000, 1, -1, 0, 1 FROM numbers(345600)`,
		`INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, parent, severity, state, closed_as, opened_at, closed_at, observed, expected, score, requests, affected, summary, evidence, rule, rule_version, version) SELECT toString(number), ['timeout_spike', 'offender', 'dead_key'][1 + number % 3], 'x', 'service', 'service-1', '', 'ticket', if(number % 50 = 0, 'open', 'closed'), '', toDateTime(now() - number * 800), toDateTime(now() - number * 800 + 600), 1, 1, 1, 1, 1, 'x', '{}', 'r', 1, 1 FROM numbers(3000)`,
		`INSERT INTO {db}.ledger (cluster, topic, epoch, partition, first, end, kind, state, group, instance, config_hash, version, records, responses, rejected, holes, days, min_event, max_event, last_record_ts, mixed, note, written_at) SELECT 'c', 'access', 0, number % 8, intDiv(number, 8) * 1000, intDiv(number, 8) * 1000 + 1000, 'block', 'stored', 'g', 'a', 'h', 'v', 1000, 1000, 0, 0, [(toDate(now()), 1000, 900, 1000)], now64(3), now64(3), now64(3), 0, '', now64(3) FROM numbers(100000)`,
	}
}

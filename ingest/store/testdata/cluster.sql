INSERT INTO `d`.`ledger` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/ledger/block/declared
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`responses` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/responses/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`responses_hour` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/responses_hour/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`services` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/services/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`services_hour` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/services_hour/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`keys` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/keys/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`keys_hour` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/keys_hour/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`clients` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/clients/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`agents` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/agents/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`agents_hour` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/agents_hour/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`samples` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/samples/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`key_names` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/key_names/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`rejected_lines` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/rejected_lines/0
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
INSERT INTO `d`.`ledger` (...) FORMAT Native
-- async_insert = 0
-- distributed_foreground_insert = 1
-- insert_deduplicate = 1
-- insert_deduplication_token = c/access/1/3/100-200/ledger/block/stored
-- insert_quorum = auto
-- insert_quorum_timeout = 60000
-- max_partitions_per_insert_block = 100
-- optimize_on_insert = 0
;
SYSTEM SYNC REPLICA `d`.`ledger_local` LIGHTWEIGHT
;
SELECT max(epoch) AS newest, argMax(topic_id, (epoch, topic_id != '', written_at)) AS newest_topic, maxIf(epoch, partition = 3) AS own, argMaxIf(topic_id, (epoch, topic_id != '', written_at), partition = 3) AS own_topic, count() AS rows FROM `d`.`ledger` WHERE cluster = 'c' AND topic = 'access'
;
SELECT cluster, topic, epoch, partition, first, end, kind, state, `group`, instance, config_hash, version, records, responses, rejected, holes, arrayMap(d -> toInt32(toUInt16(d)), days.day) AS day, days.responses AS day_responses, days.keyed AS day_keyed, days.addressed AS day_addressed, arrayResize(day_agented, length(days)) AS agented, min_event, max_event, toUnixTimestamp64Milli(last_record_ts) AS last_record_ms, mixed, inserts, topic_id, note, written_at, toInt64(toUnixTimestamp(declared_at)) AS declared_unix FROM `d`.`ledger` WHERE cluster = 'c' AND topic = 'access' AND epoch = 1 AND partition = 3 AND state = 'stored' AND kind IN ('block', 'gap') ORDER BY first DESC, end DESC LIMIT 1
;
SELECT cluster, topic, epoch, partition, first, end, kind, state, `group`, instance, config_hash, version, records, responses, rejected, holes, arrayMap(d -> toInt32(toUInt16(d)), days.day) AS day, days.responses AS day_responses, days.keyed AS day_keyed, days.addressed AS day_addressed, arrayResize(day_agented, length(days)) AS agented, min_event, max_event, toUnixTimestamp64Milli(last_record_ts) AS last_record_ms, mixed, inserts, topic_id, note, written_at, toInt64(toUnixTimestamp(declared_at)) AS declared_unix FROM `d`.`ledger` WHERE cluster = 'c' AND topic = 'access' AND epoch = 1 AND partition = 3 AND state = 'declared' AND kind = 'block' AND first >= 200 ORDER BY written_at DESC, first DESC LIMIT 1
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`scores_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`samples_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`key_names_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`rejected_lines_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`rejects_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`ledger_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`incidents_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`pipeline_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`meta_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`key_labels_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`configs_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`incident_notes_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`deploys_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`responses_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`responses_hour_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`services_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`services_hour_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`keys_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`keys_hour_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`clients_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`agents_local` LIGHTWEIGHT
;
SYSTEM SYNC REPLICA ON CLUSTER `c` `d`.`agents_hour_local` LIGHTWEIGHT
;
SELECT cluster, topic, epoch, partition, min(l.first) AS first, max(l.end) AS end, countIf(kind = 'block') AS blocks, sum(l.records) AS records, sum(l.responses) AS responses, sum(l.rejected) AS rejected, sum(l.holes) AS holes, toUInt64(sumIf(l.end - l.first, kind = 'gap')) AS skipped, max(last_record_ts) AS last_record, max(max_event) AS last_event FROM `d`.`ledger` AS l WHERE state = 'stored' AND kind IN ('block', 'gap') GROUP BY cluster, topic, epoch, partition ORDER BY cluster, topic, epoch, partition
;
SELECT cluster, topic, epoch, partition, first, end, before FROM (SELECT cluster, topic, epoch, partition, first, end, max(end) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before, row_number() OVER w AS n FROM `d`.`ledger` WHERE state = 'stored' AND kind IN ('block', 'gap') WINDOW w AS (PARTITION BY cluster, topic, epoch, partition ORDER BY first, end)) WHERE n > 1 AND (first < before OR first > before AND cluster != 'file') ORDER BY cluster, topic, epoch, partition, first LIMIT 1000
;
SELECT cluster, topic, epoch, partition, first, end, toUInt64(end - first) AS expected, records + holes AS got FROM `d`.`ledger` WHERE state = 'stored' AND kind = 'block' AND cluster != 'file' AND expected != got ORDER BY cluster, topic, epoch, partition, first LIMIT 1000
;
SELECT cluster, topic, epoch, partition, first, end, responses AS expected, arraySum(days.responses) AS got FROM `d`.`ledger` WHERE state = 'stored' AND kind IN ('block', 'replay') AND expected != got ORDER BY cluster, topic, epoch, partition, first LIMIT 1000
;
SELECT toInt32(toUInt16(d.day)) AS day, sum(d.responses) AS responses, sum(d.keyed) AS keyed, sum(d.addressed) AS addressed, sum(told) AS agented FROM `d`.`ledger` ARRAY JOIN days AS d, arrayResize(day_agented, length(days)) AS told WHERE state = 'stored' AND kind IN ('block', 'replay') GROUP BY day
;
SELECT name FROM system.tables WHERE database = 'd' AND name = 'meta'
;
SELECT key, value FROM `d`.`meta` FINAL
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`responses` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`responses_hour` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`services` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`services_hour` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`keys` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`keys_hour` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`clients` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`agents` GROUP BY day
;
SELECT toInt32(toUInt16(toDate(minute))) AS day, sum(requests) AS requests FROM `d`.`agents_hour` GROUP BY day
;
SELECT countIf(declared >= stored) AS pending FROM (SELECT maxIf(first, state = 'declared' AND kind = 'block') AS declared, countIf(state = 'declared' AND kind = 'block') AS declarations, maxIf(end, state = 'stored' AND kind IN ('block', 'gap')) AS stored FROM `d`.`ledger` WHERE cluster != 'file' GROUP BY cluster, topic, epoch, partition HAVING declarations > 0) UNION ALL SELECT uniqExact(topic) AS pending FROM (SELECT topic FROM `d`.`ledger` WHERE cluster = 'file' AND kind = 'block' GROUP BY topic, first, end HAVING countIf(state = 'stored') = 0)
;
SELECT toInt32(toUInt16(d.day)) AS day, sum(d.responses) AS responses, sum(d.keyed) AS keyed, sum(d.addressed) AS addressed, sum(told) AS agented FROM `d`.`ledger` ARRAY JOIN days AS d, arrayResize(day_agented, length(days)) AS told WHERE state = 'stored' AND kind IN ('block', 'replay') GROUP BY day
;
SELECT cluster, topic, epoch, partition, sum(e) AS expected, sum(g) AS got FROM (SELECT cluster, topic, epoch, partition, sum(rejected) AS e, toUInt64(0) AS g FROM `d`.`ledger` WHERE state = 'stored' AND kind = 'block' GROUP BY ALL UNION ALL SELECT cluster, topic, epoch, partition, toUInt64(0) AS e, uniqExact(offset, idx) AS g FROM (SELECT cluster, topic, epoch, partition, offset, idx FROM `d`.`rejected_lines` UNION ALL SELECT cluster, topic, epoch, partition, offset, idx FROM `d`.`rejects`) GROUP BY ALL) GROUP BY cluster, topic, epoch, partition HAVING expected > got OR (expected < got AND 1) LIMIT 1000
;
SELECT cluster, topic, epoch, partition, config_hash, min(s.first) AS first, max(s.end) AS end, count() AS blocks, sum(s.records) AS records, min(written_at) AS since, max(written_at) AS until, arraySort(groupUniqArray(instance)) AS instances FROM (SELECT *, sum(toUInt64(config_hash != before)) OVER (PARTITION BY cluster, topic, epoch, partition ORDER BY first, end ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run FROM (SELECT cluster, topic, epoch, partition, first, end, records, config_hash, instance, written_at, lagInFrame(config_hash, 1, config_hash) OVER (PARTITION BY cluster, topic, epoch, partition ORDER BY first, end ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before FROM `d`.`ledger` WHERE state = 'stored' AND kind = 'block' AND cluster != 'file')) AS s GROUP BY cluster, topic, epoch, partition, config_hash, run ORDER BY cluster, topic, epoch DESC, since DESC, partition LIMIT 1000

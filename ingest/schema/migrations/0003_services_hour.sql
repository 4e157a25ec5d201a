-- Hours of each service, over all its routes: what panels about long spans
-- read, a twentieth of responses_hour's histograms when a service has twenty
-- routes. The same columns as services, and the latency: a month of it is read
-- at once, and LZ4 unpacks in a seventh of ZSTD's time.
CREATE TABLE IF NOT EXISTS {{table "services_hour"}} {{on_cluster}}
(
    minute   DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    service  LowCardinality(String) CODEC(ZSTD(1)),
    outcome  LowCardinality(String) CODEC(ZSTD(1)),
    requests SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    latency  SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(LZ4)
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toMonday(minute)
ORDER BY (minute, service, outcome)
{{ttl "minute" "hour"}}
SETTINGS {{settings}}
;
{{distributed "services_hour"}}
-- What was stored before, from the routes. A repetition, or another instance
-- doing it at the same time, changes nothing: rows in order, cut by their number
-- alone, make the same blocks under the same token. Writers of an older version
-- have to be stopped before: they do not know this table.
INSERT INTO {{name "services_hour"}} (minute, service, outcome, requests, latency)
SETTINGS insert_deduplicate = 1, insert_deduplication_token = 'migration/0003/services_hour', max_threads = 1, max_insert_threads = 1,
  min_insert_block_size_rows = 100000, min_insert_block_size_bytes = 0, max_partitions_per_insert_block = 0,
  max_bytes_before_external_group_by = 1000000000, max_bytes_before_external_sort = 1000000000,
  parallel_distributed_insert_select = 0, distributed_foreground_insert = 1
SELECT minute, service, outcome, sum(requests), sumMap(latency.1, latency.2)
FROM {{name "responses_hour"}}
GROUP BY minute, service, outcome
ORDER BY minute, service, outcome
;

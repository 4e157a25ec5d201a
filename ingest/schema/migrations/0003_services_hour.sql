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
-- What was stored before is not copied: a block that an older version left half
-- inserted would count twice, once in the copy and once when it is finished.
-- services_hour is whole from the hour after the newest one stored; readers take
-- the hours before it from responses_hour. Nothing is noted when nothing was
-- stored. The latest of several notes counts, and is right: hours after an
-- earlier one are in both tables.
INSERT INTO {{name "meta"}} (key, value, version){{insert_settings}}
SELECT 'services_hour_since', toString(toUInt32(max(minute)) + 3600), toUnixTimestamp(max(minute))
FROM {{name "responses_hour"}}
HAVING count() > 0
;

-- How long the upstream took, as a histogram like latency; empty in rows from before
-- and in those of logs that do not tell. After compression 0.28 bytes a record that
-- tells it in responses, 0.03 in responses_hour and 0.03 in services_hour, and less
-- than 0.001 a record of others.
ALTER TABLE {{table "responses"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(ZSTD(5)) AFTER upstream_us
;
{{added "responses" "upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) AFTER upstream_us"}}
ALTER TABLE {{table "responses_hour"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(ZSTD(5)) AFTER upstream_us
;
{{added "responses_hour" "upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) AFTER upstream_us"}}
ALTER TABLE {{table "services_hour"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(LZ4) AFTER latency
;
{{added "services_hour" "upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) AFTER latency"}}

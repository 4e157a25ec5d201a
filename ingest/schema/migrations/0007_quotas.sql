-- What the headers of responses, refused or not, tell a key of its rate limit: the
-- largest limit, the least left, the longest window and wait in seconds. 0 is
-- "not told", also in rows from before. quota_low counts down from 4294967295, so
-- that the least left is the largest, whatever it is merged with.
ALTER TABLE {{table "keys"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS quota_limit  SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER truncated,
    ADD COLUMN IF NOT EXISTS quota_low    SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_limit,
    ADD COLUMN IF NOT EXISTS quota_window SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER quota_low,
    ADD COLUMN IF NOT EXISTS retry_after  SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_window,
    ADD COLUMN IF NOT EXISTS quota_left   Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after
;
{{added "keys" "quota_limit SimpleAggregateFunction(max, UInt32) AFTER truncated"}}
{{added "keys" "quota_low SimpleAggregateFunction(max, UInt32) AFTER quota_limit"}}
{{added "keys" "quota_window SimpleAggregateFunction(max, UInt32) AFTER quota_low"}}
{{added "keys" "retry_after SimpleAggregateFunction(max, UInt32) AFTER quota_window"}}
{{added "keys" "quota_left Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after"}}
ALTER TABLE {{table "keys_hour"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS quota_limit  SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER truncated,
    ADD COLUMN IF NOT EXISTS quota_low    SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_limit,
    ADD COLUMN IF NOT EXISTS quota_window SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER quota_low,
    ADD COLUMN IF NOT EXISTS retry_after  SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_window,
    ADD COLUMN IF NOT EXISTS quota_left   Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after
;
{{added "keys_hour" "quota_limit SimpleAggregateFunction(max, UInt32) AFTER truncated"}}
{{added "keys_hour" "quota_low SimpleAggregateFunction(max, UInt32) AFTER quota_limit"}}
{{added "keys_hour" "quota_window SimpleAggregateFunction(max, UInt32) AFTER quota_low"}}
{{added "keys_hour" "retry_after SimpleAggregateFunction(max, UInt32) AFTER quota_window"}}
{{added "keys_hour" "quota_left Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after"}}

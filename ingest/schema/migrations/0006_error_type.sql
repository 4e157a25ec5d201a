-- The API's own name of an error, a dimension of failures; '' in rows from before.
-- It ends the sorting key: a column can join the key only in the statement that
-- adds it, behind what parts that are there are sorted by.
ALTER TABLE {{table "responses"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER blame,
    MODIFY ORDER BY (toStartOfHour(minute), service, route, method, http_status, code, outcome, decided_by, blame, minute, error_type)
;
{{added "responses" "error_type LowCardinality(String) AFTER blame"}}
ALTER TABLE {{table "responses_hour"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER blame,
    MODIFY ORDER BY (minute, service, route, method, http_status, code, outcome, decided_by, blame, error_type)
;
{{added "responses_hour" "error_type LowCardinality(String) AFTER blame"}}
ALTER TABLE {{table "keys"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER code,
    MODIFY ORDER BY (outcome, key_id, service, code, minute, error_type)
;
{{added "keys" "error_type LowCardinality(String) AFTER code"}}
ALTER TABLE {{table "keys_hour"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER code,
    MODIFY ORDER BY (outcome, key_id, service, code, minute, error_type)
;
{{added "keys_hour" "error_type LowCardinality(String) AFTER code"}}

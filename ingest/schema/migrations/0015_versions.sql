-- Which version of its service answered (OpenTelemetry's service.version), a dimension of
-- the minutes of services; '' in rows from before and in those of logs that do not tell,
-- where the column is not written; '__other__' beyond ten of a service in a minute. It ends
-- the sorting key. After compression services takes 0.011 bytes a record where one of two
-- versions has every tenth request, and 0.006 as before where no line tells one.
ALTER TABLE {{table "services"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS version LowCardinality(String) CODEC(ZSTD(1)) AFTER outcome,
    MODIFY ORDER BY (minute, service, outcome, version)
;
{{added "services" "version LowCardinality(String) AFTER outcome"}}
-- What the detectors see of versions stands beside what people say: known is the minute
-- with which they were sure, 0 in what people say; first marks the version that a service
-- was first seen with, which is no deploy.
ALTER TABLE {{table "deploys"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS known DateTime('UTC'),
    ADD COLUMN IF NOT EXISTS first UInt8
;
{{added "deploys" "known DateTime('UTC')"}}
{{added "deploys" "first UInt8"}}

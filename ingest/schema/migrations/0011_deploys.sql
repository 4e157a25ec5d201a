-- When a version of a service was brought out, as somebody said: append-only, every
-- row is kept. A row for each deploy, not for any record.
CREATE TABLE IF NOT EXISTS {{table "deploys"}} {{on_cluster}}
(
    at      DateTime64(3, 'UTC'),
    service String,
    version String,
    author  String
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (at, service)
SETTINGS {{settings}}
;
{{distributed "deploys"}}

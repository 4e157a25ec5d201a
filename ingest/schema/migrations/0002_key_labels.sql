-- What the operator's file of key labels calls a key: of several rows the one
-- of the highest revision, an empty name when the file names the key no more.
-- The names that gateways give stay apart, in key_names.
CREATE TABLE IF NOT EXISTS {{table "key_labels"}} {{on_cluster}}
(
    key_id   String,
    name     String,
    revision UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "revision"}}
ORDER BY key_id
SETTINGS {{settings}}
;
{{distributed "key_labels"}}

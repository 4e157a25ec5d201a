-- topic_id: which topic of that name the row's log is, in Kafka's own form; '' in
-- rows from before, and where the cluster has no ids. One that is deleted and made
-- again has another.
ALTER TABLE {{table "ledger"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS topic_id LowCardinality(String) CODEC(ZSTD(1))
;
{{added "ledger" "topic_id LowCardinality(String)"}}

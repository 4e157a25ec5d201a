-- Rejects live from when they were stored. In the table rejects they live from
-- Kafka's timestamp of their record, so that those of old records, or of records
-- without a timestamp, are dropped as they come; the partition key of a table
-- cannot be altered. Nothing is written there any more: it is read until what it
-- holds has expired.
CREATE TABLE IF NOT EXISTS {{table "rejected_lines"}} {{on_cluster}}
(
    cluster         LowCardinality(String),
    topic           LowCardinality(String),
    epoch           UInt32,
    partition       Int32,
    offset          Int64,
    idx             UInt32,
    record_ts       DateTime64(3, 'UTC'), -- as Kafka has it, whatever that is
    stored_at       DateTime('UTC'),      -- one of an INSERT
    reason          LowCardinality(String),
    detail          String CODEC(ZSTD(1)),
    format          LowCardinality(String),
    decoder_version UInt32,
    raw             String CODEC(ZSTD(3))
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY toDate(stored_at)
ORDER BY (cluster, topic, epoch, partition, offset, idx)
{{ttl "stored_at" "sample"}}
SETTINGS {{settings}}
;
{{distributed "rejected_lines"}}
-- When a block was declared, which bounds the times of its records that have no
-- timestamp; 1970 in rows from before.
ALTER TABLE {{table "ledger"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS declared_at DateTime('UTC') CODEC(Delta, ZSTD(1))
;
{{added "ledger" "declared_at DateTime('UTC')"}}

-- The configuration that blocks were declared under, by its hash: what their
-- records are folded with when they are read again. Append-only, and without
-- secrets: body names the HMAC secret by its id.
CREATE TABLE IF NOT EXISTS {{table "configs"}} {{on_cluster}}
(
    config_hash     String,
    decoder_version UInt32,
    version         LowCardinality(String), -- of the binary that wrote it
    body            String CODEC(ZSTD(3)), -- JSON, see ingest/fold
    written_at      DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY config_hash
SETTINGS {{settings}}
;
{{distributed "configs"}}
-- inserts: the most INSERTs that one of the block's tables takes; 0 in rows of
-- before. A declared row has it, and the block's sums, so that whoever finishes
-- the block under other rules knows whether these cut it as those did.
ALTER TABLE {{table "ledger"}} {{on_cluster}} ADD COLUMN IF NOT EXISTS inserts UInt32
;
{{added "ledger" "inserts UInt32"}}

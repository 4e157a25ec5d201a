-- Which paths a client was told that do not exist: bitmaps of 256 bits for an
-- estimate of their number (package classify/distinct), set for answers of 404 only.
-- 32 bytes a row before compression; after it 2.0 bytes a 404 of a path of its own
-- and less than 0.0001 a record of others: most are 0, and so are those of rows from
-- before.
ALTER TABLE {{table "clients"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS path_bits_0 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER truncated,
    ADD COLUMN IF NOT EXISTS path_bits_1 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER path_bits_0,
    ADD COLUMN IF NOT EXISTS path_bits_2 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER path_bits_1,
    ADD COLUMN IF NOT EXISTS path_bits_3 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER path_bits_2
;
{{added "clients" "path_bits_0 SimpleAggregateFunction(groupBitOr, UInt64) AFTER truncated"}}
{{added "clients" "path_bits_1 SimpleAggregateFunction(groupBitOr, UInt64) AFTER path_bits_0"}}
{{added "clients" "path_bits_2 SimpleAggregateFunction(groupBitOr, UInt64) AFTER path_bits_1"}}
{{added "clients" "path_bits_3 SimpleAggregateFunction(groupBitOr, UInt64) AFTER path_bits_2"}}

-- What calls a service: the programs that user agents name (package classify/agent),
-- each of a class. agent is '' for what no list names, '__other__' beyond the budget.
-- key_bits are bitmaps of 256 bits for an estimate of how many keys (package
-- classify/distinct). Requests whose line tells no user agent are in no row. After
-- compression 0.44 bytes a record in agents and 0.03 in agents_hour, of 24 agents in
-- each of 20 services (BenchmarkStorageAgents), most of it the bits; nothing where no
-- line tells an agent.
CREATE TABLE IF NOT EXISTS {{table "agents"}} {{on_cluster}}
(
    minute     DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    service    LowCardinality(String) CODEC(ZSTD(1)),
    class      LowCardinality(String) CODEC(ZSTD(1)),
    agent      LowCardinality(String) CODEC(ZSTD(1)),
    outcome    LowCardinality(String) CODEC(ZSTD(1)),
    requests   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    truncated  SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1)),
    key_bits_0 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_bits_1 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_bits_2 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_bits_3 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toDate(minute)
ORDER BY (toStartOfHour(minute), service, class, agent, outcome, minute)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "agents"}}
CREATE TABLE IF NOT EXISTS {{table "agents_hour"}} {{on_cluster}}
(
    minute     DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    service    LowCardinality(String) CODEC(ZSTD(1)),
    class      LowCardinality(String) CODEC(ZSTD(1)),
    agent      LowCardinality(String) CODEC(ZSTD(1)),
    outcome    LowCardinality(String) CODEC(ZSTD(1)),
    requests   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    truncated  SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1)),
    key_bits_0 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_bits_1 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_bits_2 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_bits_3 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toMonday(minute)
ORDER BY (minute, service, class, agent, outcome)
{{ttl "minute" "hour"}}
SETTINGS {{settings}}
;
{{distributed "agents_hour"}}
-- How many of each day's responses are in these tables, parallel to days; empty in
-- rows from before, whose blocks are in neither.
ALTER TABLE {{table "ledger"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS day_agented Array(UInt64) CODEC(ZSTD(1)) AFTER days
;
{{added "ledger" "day_agented Array(UInt64) AFTER days"}}

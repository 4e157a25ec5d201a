-- One statement ends with a line that holds only a semicolon. Package schema
-- fills the placeholders: the table's qualified name, the cluster, the engine
-- family (Replicated or plain), the ttl (empty in stores that must not forget),
-- the deduplication settings, and in a cluster the Distributed table and what
-- an INSERT of a migration waits for.
--
-- Rows of one minute come from many blocks; the engines add them up in merges
-- and sum(requests) is right at any moment. A set of at most 16 values stays
-- one however many rows are merged.

-- Orders and codecs were chosen by size and query time over a day of bench
-- traffic. Dimensions come before the minute, so that they repeat for long
-- runs; an hour or the outcome comes first, because what is asked is one hour
-- or one kind of failure. Minutes are multiples of 60 (GCD) that mostly grow.

CREATE TABLE IF NOT EXISTS {{table "responses"}} {{on_cluster}}
(
    minute            DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    service           LowCardinality(String) CODEC(ZSTD(1)),
    route             LowCardinality(String) CODEC(ZSTD(1)),
    method            LowCardinality(String) CODEC(ZSTD(1)),
    http_status       UInt16 CODEC(ZSTD(1)),
    code              UInt16 CODEC(ZSTD(1)),
    outcome           LowCardinality(String) CODEC(ZSTD(1)),
    decided_by        LowCardinality(String) CODEC(ZSTD(1)),
    blame             LowCardinality(String) CODEC(ZSTD(1)),
    requests          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes             SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    drift             SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    latency           SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(ZSTD(5)),
    latency_us        SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    upstream_requests SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    upstream_us       SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    truncated         SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toDate(minute)
ORDER BY (toStartOfHour(minute), service, route, method, http_status, code, outcome, decided_by, blame, minute)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "responses"}}
-- latency: buckets of microseconds and their counts. The same columns in
-- responses_hour, where minute is the start of the hour.
CREATE TABLE IF NOT EXISTS {{table "responses_hour"}} {{on_cluster}}
(
    minute            DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    service           LowCardinality(String) CODEC(ZSTD(1)),
    route             LowCardinality(String) CODEC(ZSTD(1)),
    method            LowCardinality(String) CODEC(ZSTD(1)),
    http_status       UInt16 CODEC(ZSTD(1)),
    code              UInt16 CODEC(ZSTD(1)),
    outcome           LowCardinality(String) CODEC(ZSTD(1)),
    decided_by        LowCardinality(String) CODEC(ZSTD(1)),
    blame             LowCardinality(String) CODEC(ZSTD(1)),
    requests          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes             SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    drift             SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    latency           SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(ZSTD(5)),
    latency_us        SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    upstream_requests SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    upstream_us       SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    truncated         SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toMonday(minute)
ORDER BY (minute, service, route, method, http_status, code, outcome, decided_by, blame)
{{ttl "minute" "hour"}}
SETTINGS {{settings}}
;
{{distributed "responses_hour"}}
CREATE TABLE IF NOT EXISTS {{table "services"}} {{on_cluster}}
(
    minute   DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service  LowCardinality(String),
    outcome  LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toDate(minute)
ORDER BY (minute, service, outcome)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "services"}}
-- Written by ingest/watch: the baseline band.
CREATE TABLE IF NOT EXISTS {{table "scores"}} {{on_cluster}}
(
    minute   DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service  LowCardinality(String),
    series   LowCardinality(String), -- timeout, offline
    n        UInt64,
    k        UInt64,
    expected Float64,
    z        Float64,
    version  UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
PARTITION BY toDate(minute)
ORDER BY (minute, service, series)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "scores"}}
-- key_id: 26 characters, shown as its first 10; '__other__' beyond the budget.
-- The columns from count_max on are kept for failures only.
CREATE TABLE IF NOT EXISTS {{table "keys"}} {{on_cluster}}
(
    minute       DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    key_id       String CODEC(ZSTD(3)),
    service      LowCardinality(String) CODEC(ZSTD(1)),
    outcome      LowCardinality(String) CODEC(ZSTD(1)),
    code         UInt16 CODEC(ZSTD(1)),
    requests     SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(3)),
    bytes        SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    count_max    SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    limit_max    SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    slots        SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    slot_seconds SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1)),
    first_offset SimpleAggregateFunction(min, UInt16) CODEC(ZSTD(1)), -- seconds after minute
    last_offset  SimpleAggregateFunction(max, UInt16) CODEC(ZSTD(1)),
    first_seen   DateTime('UTC') ALIAS minute + first_offset,
    last_seen    DateTime('UTC') ALIAS minute + last_offset,
    client_ips   SimpleAggregateFunction(groupUniqArrayArray(16), Array(IPv6)) CODEC(ZSTD(3)),
    user_agents  SimpleAggregateFunction(groupUniqArrayArray(16), Array(String)) CODEC(ZSTD(1)),
    truncated    SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toDate(minute)
ORDER BY (outcome, key_id, service, code, minute)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "keys"}}
CREATE TABLE IF NOT EXISTS {{table "keys_hour"}} {{on_cluster}}
(
    minute       DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    key_id       String CODEC(ZSTD(3)),
    service      LowCardinality(String) CODEC(ZSTD(1)),
    outcome      LowCardinality(String) CODEC(ZSTD(1)),
    code         UInt16 CODEC(ZSTD(1)),
    requests     SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(3)),
    bytes        SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)),
    count_max    SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    limit_max    SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    slots        SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    slot_seconds SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1)),
    first_offset SimpleAggregateFunction(min, UInt16) CODEC(ZSTD(1)), -- seconds after minute
    last_offset  SimpleAggregateFunction(max, UInt16) CODEC(ZSTD(1)),
    first_seen   DateTime('UTC') ALIAS minute + first_offset,
    last_seen    DateTime('UTC') ALIAS minute + last_offset,
    client_ips   SimpleAggregateFunction(groupUniqArrayArray(16), Array(IPv6)) CODEC(ZSTD(3)),
    user_agents  SimpleAggregateFunction(groupUniqArrayArray(16), Array(String)) CODEC(ZSTD(1)),
    truncated    SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toMonday(minute)
ORDER BY (outcome, key_id, service, code, minute)
{{ttl "minute" "hour"}}
SETTINGS {{settings}}
;
{{distributed "keys_hour"}}
CREATE TABLE IF NOT EXISTS {{table "clients"}} {{on_cluster}}
(
    minute    DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    client_ip IPv6 CODEC(ZSTD(3)),
    outcome   LowCardinality(String) CODEC(ZSTD(1)),
    code      UInt16 CODEC(ZSTD(1)),
    requests  SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(3)),
    slots     SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)),
    key_ids   SimpleAggregateFunction(groupUniqArrayArray(16), Array(String)) CODEC(ZSTD(3)),
    truncated SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toDate(minute)
ORDER BY (outcome, client_ip, code, minute)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "clients"}}
CREATE TABLE IF NOT EXISTS {{table "samples"}} {{on_cluster}}
(
    minute          DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service         LowCardinality(String),
    outcome         LowCardinality(String),
    slot            UInt8,
    ts              DateTime64(3, 'UTC'),
    route           LowCardinality(String),
    method          LowCardinality(String),
    path            String CODEC(ZSTD(1)),
    http_status     UInt16,
    code            UInt16,
    message         String CODEC(ZSTD(1)),
    key_id          String CODEC(ZSTD(1)),
    client_ip       IPv6,
    latency_us      Int64,
    upstream_status Int16,
    request_id      String CODEC(ZSTD(1)),
    user_agent      String CODEC(ZSTD(1)),
    partition       Int32,
    offset          Int64
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY toDate(minute)
ORDER BY (service, outcome, minute, slot)
{{ttl "minute" "sample"}}
SETTINGS {{settings}}
;
{{distributed "samples"}}
-- What the gateway calls a key.
CREATE TABLE IF NOT EXISTS {{table "key_names"}} {{on_cluster}}
(
    key_id String,
    name   String
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY key_id
SETTINGS {{settings}}
;
{{distributed "key_names"}}
CREATE TABLE IF NOT EXISTS {{table "rejects"}} {{on_cluster}}
(
    cluster         LowCardinality(String),
    topic           LowCardinality(String),
    epoch           UInt32,
    partition       Int32,
    offset          Int64,
    idx             UInt32,
    record_ts       DateTime64(3, 'UTC'),
    reason          LowCardinality(String),
    detail          String CODEC(ZSTD(1)),
    format          LowCardinality(String),
    decoder_version UInt32,
    raw             String CODEC(ZSTD(3))
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY toDate(record_ts)
ORDER BY (cluster, topic, epoch, partition, offset, idx)
{{ttl "record_ts" "sample"}}
SETTINGS {{settings}}
;
{{distributed "rejects"}}
-- The truth for audit and resume. Append-only, never expires.
CREATE TABLE IF NOT EXISTS {{table "ledger"}} {{on_cluster}}
(
    cluster        LowCardinality(String),
    topic          LowCardinality(String),
    epoch          UInt32,
    partition      Int32,
    first          Int64,
    end            Int64,
    kind           LowCardinality(String),
    state          LowCardinality(String),
    group          LowCardinality(String),
    instance       LowCardinality(String),
    config_hash    LowCardinality(String),
    version        LowCardinality(String),
    records        UInt64,
    responses      UInt64,
    rejected       UInt64,
    holes          UInt64,
    days           Array(Tuple(day Date, responses UInt64, keyed UInt64, addressed UInt64)),
    min_event      DateTime64(3, 'UTC'),
    max_event      DateTime64(3, 'UTC'),
    last_record_ts DateTime64(3, 'UTC'),
    mixed          UInt8,
    note           String,
    written_at     DateTime64(3, 'UTC')
)
ENGINE = {{engine "MergeTree"}}
PARTITION BY tuple()
ORDER BY (cluster, topic, epoch, partition, first, end, state)
SETTINGS {{settings}}
;
{{distributed "ledger"}}
CREATE TABLE IF NOT EXISTS {{table "incidents"}} {{on_cluster}}
(
    id          String,
    kind        LowCardinality(String),
    entity      String,   -- service, key id, client ip or service/code/status
    entity_type LowCardinality(String), -- service, key, client, contract
    service     LowCardinality(String), -- '' when it spans services
    parent      String,   -- id of the incident that causes this one
    severity    LowCardinality(String), -- info, ticket, page
    state       LowCardinality(String), -- open, closed, withdrawn
    closed_as   LowCardinality(String), -- '', calm, reinstated, baseline_shifted, ...
    opened_at   DateTime('UTC'),
    closed_at   DateTime('UTC'), -- 1970-01-01 while open
    observed    Float64,
    expected    Float64,
    score       Float64,
    requests    UInt64,   -- requests of the entity while open
    affected    UInt64,   -- of which bad
    summary     String,
    evidence    String,   -- JSON object: ips, user agents, gaps, limits
    rule        LowCardinality(String),
    rule_version UInt32,
    version     UInt64    -- evaluated-through minute and revision; highest wins
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
PARTITION BY tuple()
ORDER BY id
SETTINGS {{settings}}
;
{{distributed "incidents"}}
-- How the pipeline itself does, one row a minute, partition and instance.
CREATE TABLE IF NOT EXISTS {{table "pipeline"}} {{on_cluster}}
(
    minute            DateTime('UTC') CODEC(Delta, ZSTD(1)),
    instance          LowCardinality(String),
    topic             LowCardinality(String),
    partition         Int32,
    lag_records       Int64,
    lag_seconds       Float64,
    freshness_seconds Float64,
    blocks            UInt64,
    records           UInt64,
    rejected          UInt64,
    audit_differences Int64,   -- -1 when not audited in this minute
    stalled           UInt8,
    version           UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
PARTITION BY toDate(minute)
ORDER BY (minute, topic, partition, instance)
{{ttl "minute" "minute"}}
SETTINGS {{settings}}
;
{{distributed "pipeline"}}
CREATE TABLE IF NOT EXISTS {{table "meta"}} {{on_cluster}}
(
    key     String,   -- schema_version, secret_id, created_by, ...
    value   String,
    version UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY key
SETTINGS {{settings}}
;
{{distributed "meta"}}
CREATE DATABASE IF NOT EXISTS `d` ON CLUSTER `c`
;
CREATE TABLE IF NOT EXISTS `d`.`responses_local` ON CLUSTER `c`
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
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toDate(minute)
ORDER BY (toStartOfHour(minute), service, route, method, http_status, code, outcome, decided_by, blame, minute)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`responses` ON CLUSTER `c` AS `d`.`responses_local` ENGINE = Distributed(`c`, `d`, `responses_local`, cityHash64(service, route))
;
CREATE TABLE IF NOT EXISTS `d`.`responses_hour_local` ON CLUSTER `c`
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
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toMonday(minute)
ORDER BY (minute, service, route, method, http_status, code, outcome, decided_by, blame)
TTL toDateTime(minute) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`responses_hour` ON CLUSTER `c` AS `d`.`responses_hour_local` ENGINE = Distributed(`c`, `d`, `responses_hour_local`, cityHash64(service, route))
;
CREATE TABLE IF NOT EXISTS `d`.`services_local` ON CLUSTER `c`
(
    minute   DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service  LowCardinality(String),
    outcome  LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toDate(minute)
ORDER BY (minute, service, outcome)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`services` ON CLUSTER `c` AS `d`.`services_local` ENGINE = Distributed(`c`, `d`, `services_local`, cityHash64(service))
;
CREATE TABLE IF NOT EXISTS `d`.`scores_local` ON CLUSTER `c`
(
    minute   DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service  LowCardinality(String),
    series   LowCardinality(String),
    n        UInt64,
    k        UInt64,
    expected Float64,
    z        Float64,
    version  UInt64
)
ENGINE = ReplicatedReplacingMergeTree(version)
PARTITION BY toDate(minute)
ORDER BY (minute, service, series)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`scores` ON CLUSTER `c` AS `d`.`scores_local` ENGINE = Distributed(`c`, `d`, `scores_local`, cityHash64(service))
;
CREATE TABLE IF NOT EXISTS `d`.`keys_local` ON CLUSTER `c`
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
    first_offset SimpleAggregateFunction(min, UInt16) CODEC(ZSTD(1)),
    last_offset  SimpleAggregateFunction(max, UInt16) CODEC(ZSTD(1)),
    first_seen   DateTime('UTC') ALIAS minute + first_offset,
    last_seen    DateTime('UTC') ALIAS minute + last_offset,
    client_ips   SimpleAggregateFunction(groupUniqArrayArray(16), Array(IPv6)) CODEC(ZSTD(3)),
    user_agents  SimpleAggregateFunction(groupUniqArrayArray(16), Array(String)) CODEC(ZSTD(1)),
    truncated    SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toDate(minute)
ORDER BY (outcome, key_id, service, code, minute)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`keys` ON CLUSTER `c` AS `d`.`keys_local` ENGINE = Distributed(`c`, `d`, `keys_local`, cityHash64(key_id))
;
CREATE TABLE IF NOT EXISTS `d`.`keys_hour_local` ON CLUSTER `c`
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
    first_offset SimpleAggregateFunction(min, UInt16) CODEC(ZSTD(1)),
    last_offset  SimpleAggregateFunction(max, UInt16) CODEC(ZSTD(1)),
    first_seen   DateTime('UTC') ALIAS minute + first_offset,
    last_seen    DateTime('UTC') ALIAS minute + last_offset,
    client_ips   SimpleAggregateFunction(groupUniqArrayArray(16), Array(IPv6)) CODEC(ZSTD(3)),
    user_agents  SimpleAggregateFunction(groupUniqArrayArray(16), Array(String)) CODEC(ZSTD(1)),
    truncated    SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toMonday(minute)
ORDER BY (outcome, key_id, service, code, minute)
TTL toDateTime(minute) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`keys_hour` ON CLUSTER `c` AS `d`.`keys_hour_local` ENGINE = Distributed(`c`, `d`, `keys_hour_local`, cityHash64(key_id))
;
CREATE TABLE IF NOT EXISTS `d`.`clients_local` ON CLUSTER `c`
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
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toDate(minute)
ORDER BY (outcome, client_ip, code, minute)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`clients` ON CLUSTER `c` AS `d`.`clients_local` ENGINE = Distributed(`c`, `d`, `clients_local`, cityHash64(client_ip))
;
CREATE TABLE IF NOT EXISTS `d`.`samples_local` ON CLUSTER `c`
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
ENGINE = ReplicatedReplacingMergeTree()
PARTITION BY toDate(minute)
ORDER BY (service, outcome, minute, slot)
TTL toDateTime(minute) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`samples` ON CLUSTER `c` AS `d`.`samples_local` ENGINE = Distributed(`c`, `d`, `samples_local`, cityHash64(service, outcome))
;
CREATE TABLE IF NOT EXISTS `d`.`key_names_local` ON CLUSTER `c`
(
    key_id String,
    name   String
)
ENGINE = ReplicatedReplacingMergeTree()
ORDER BY key_id
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`key_names` ON CLUSTER `c` AS `d`.`key_names_local` ENGINE = Distributed(`c`, `d`, `key_names_local`, cityHash64(key_id))
;
CREATE TABLE IF NOT EXISTS `d`.`rejects_local` ON CLUSTER `c`
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
ENGINE = ReplicatedReplacingMergeTree()
PARTITION BY toDate(record_ts)
ORDER BY (cluster, topic, epoch, partition, offset, idx)
TTL toDateTime(record_ts) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`rejects` ON CLUSTER `c` AS `d`.`rejects_local` ENGINE = Distributed(`c`, `d`, `rejects_local`, cityHash64(topic, partition))
;
CREATE TABLE IF NOT EXISTS `d`.`ledger_local` ON CLUSTER `c`
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
ENGINE = ReplicatedMergeTree()
PARTITION BY tuple()
ORDER BY (cluster, topic, epoch, partition, first, end, state)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`ledger` ON CLUSTER `c` AS `d`.`ledger_local` ENGINE = Distributed(`c`, `d`, `ledger_local`, cityHash64(topic, partition))
;
CREATE TABLE IF NOT EXISTS `d`.`incidents_local` ON CLUSTER `c`
(
    id          String,
    kind        LowCardinality(String),
    entity      String,
    entity_type LowCardinality(String),
    service     LowCardinality(String),
    parent      String,
    severity    LowCardinality(String),
    state       LowCardinality(String),
    closed_as   LowCardinality(String),
    opened_at   DateTime('UTC'),
    closed_at   DateTime('UTC'),
    observed    Float64,
    expected    Float64,
    score       Float64,
    requests    UInt64,
    affected    UInt64,
    summary     String,
    evidence    String,
    rule        LowCardinality(String),
    rule_version UInt32,
    version     UInt64
)
ENGINE = ReplicatedReplacingMergeTree(version)
PARTITION BY tuple()
ORDER BY id
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`incidents` ON CLUSTER `c` AS `d`.`incidents_local` ENGINE = Distributed(`c`, `d`, `incidents_local`, cityHash64(id))
;
CREATE TABLE IF NOT EXISTS `d`.`pipeline_local` ON CLUSTER `c`
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
    audit_differences Int64,
    stalled           UInt8,
    version           UInt64
)
ENGINE = ReplicatedReplacingMergeTree(version)
PARTITION BY toDate(minute)
ORDER BY (minute, topic, partition, instance)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`pipeline` ON CLUSTER `c` AS `d`.`pipeline_local` ENGINE = Distributed(`c`, `d`, `pipeline_local`, cityHash64(topic, partition))
;
CREATE TABLE IF NOT EXISTS `d`.`meta_local` ON CLUSTER `c`
(
    key     String,
    value   String,
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY key
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`meta` ON CLUSTER `c` AS `d`.`meta_local` ENGINE = Distributed(`c`, `d`, `meta_local`, cityHash64(key))
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","1"]
;
CREATE TABLE IF NOT EXISTS `d`.`key_labels_local` ON CLUSTER `c`
(
    key_id   String,
    name     String,
    revision UInt64
)
ENGINE = ReplicatedReplacingMergeTree(revision)
ORDER BY key_id
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`key_labels` ON CLUSTER `c` AS `d`.`key_labels_local` ENGINE = Distributed(`c`, `d`, `key_labels_local`, cityHash64(key_id))
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","2"]
;
CREATE TABLE IF NOT EXISTS `d`.`services_hour_local` ON CLUSTER `c`
(
    minute   DateTime('UTC') CODEC(GCD, Delta, T64, ZSTD(1)),
    service  LowCardinality(String) CODEC(ZSTD(1)),
    outcome  LowCardinality(String) CODEC(ZSTD(1)),
    requests SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    latency  SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(LZ4)
)
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toMonday(minute)
ORDER BY (minute, service, outcome)
TTL toDateTime(minute) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`services_hour` ON CLUSTER `c` AS `d`.`services_hour_local` ENGINE = Distributed(`c`, `d`, `services_hour_local`, cityHash64(service))
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto'
SELECT 'services_hour_since', toString(toUInt32(max(minute)) + 3600), toUnixTimestamp(max(minute))
FROM `d`.`responses_hour`
HAVING count() > 0
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","3"]
;
CREATE TABLE IF NOT EXISTS `d`.`configs_local` ON CLUSTER `c`
(
    config_hash     String,
    decoder_version UInt32,
    version         LowCardinality(String),
    body            String CODEC(ZSTD(3)),
    written_at      DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree()
ORDER BY config_hash
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`configs` ON CLUSTER `c` AS `d`.`configs_local` ENGINE = Distributed(`c`, `d`, `configs_local`, cityHash64(config_hash))
;
ALTER TABLE `d`.`ledger_local` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS inserts UInt32
;
ALTER TABLE `d`.`ledger` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS inserts UInt32
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","4"]
;
CREATE TABLE IF NOT EXISTS `d`.`incident_notes_local` ON CLUSTER `c`
(
    incident String,
    at       DateTime64(3, 'UTC'),
    action   LowCardinality(String),
    until    DateTime('UTC'),
    severity LowCardinality(String),
    author   String,
    text     String
)
ENGINE = ReplicatedMergeTree()
ORDER BY (incident, at)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`incident_notes` ON CLUSTER `c` AS `d`.`incident_notes_local` ENGINE = Distributed(`c`, `d`, `incident_notes_local`, cityHash64(incident))
;
ALTER TABLE `d`.`incidents_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS silent Bool DEFAULT parent != '',
    ADD COLUMN IF NOT EXISTS silent_why String DEFAULT if(parent != '', concat('covered by ', parent), '')
;
ALTER TABLE `d`.`incidents` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS silent Bool DEFAULT parent != '',
    ADD COLUMN IF NOT EXISTS silent_why String DEFAULT if(parent != '', concat('covered by ', parent), '')
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","5"]
;
ALTER TABLE `d`.`responses_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER blame,
    MODIFY ORDER BY (toStartOfHour(minute), service, route, method, http_status, code, outcome, decided_by, blame, minute, error_type)
;
ALTER TABLE `d`.`responses` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) AFTER blame
;
ALTER TABLE `d`.`responses_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER blame,
    MODIFY ORDER BY (minute, service, route, method, http_status, code, outcome, decided_by, blame, error_type)
;
ALTER TABLE `d`.`responses_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) AFTER blame
;
ALTER TABLE `d`.`keys_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER code,
    MODIFY ORDER BY (outcome, key_id, service, code, minute, error_type)
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) AFTER code
;
ALTER TABLE `d`.`keys_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) CODEC(ZSTD(1)) AFTER code,
    MODIFY ORDER BY (outcome, key_id, service, code, minute, error_type)
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) AFTER code
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","6"]
;
ALTER TABLE `d`.`keys_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS quota_limit  SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER truncated,
    ADD COLUMN IF NOT EXISTS quota_low    SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_limit,
    ADD COLUMN IF NOT EXISTS quota_window SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER quota_low,
    ADD COLUMN IF NOT EXISTS retry_after  SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_window,
    ADD COLUMN IF NOT EXISTS quota_left   Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_limit SimpleAggregateFunction(max, UInt32) AFTER truncated
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_low SimpleAggregateFunction(max, UInt32) AFTER quota_limit
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_window SimpleAggregateFunction(max, UInt32) AFTER quota_low
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS retry_after SimpleAggregateFunction(max, UInt32) AFTER quota_window
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_left Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after
;
ALTER TABLE `d`.`keys_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS quota_limit  SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER truncated,
    ADD COLUMN IF NOT EXISTS quota_low    SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_limit,
    ADD COLUMN IF NOT EXISTS quota_window SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)) AFTER quota_low,
    ADD COLUMN IF NOT EXISTS retry_after  SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1)) AFTER quota_window,
    ADD COLUMN IF NOT EXISTS quota_left   Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_limit SimpleAggregateFunction(max, UInt32) AFTER truncated
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_low SimpleAggregateFunction(max, UInt32) AFTER quota_limit
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_window SimpleAggregateFunction(max, UInt32) AFTER quota_low
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS retry_after SimpleAggregateFunction(max, UInt32) AFTER quota_window
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS quota_left Nullable(UInt32) ALIAS if(quota_low = 0, NULL, toUInt32(4294967295 - quota_low)) AFTER retry_after
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","7"]
;
ALTER TABLE `d`.`ledger_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS topic_id LowCardinality(String) CODEC(ZSTD(1))
;
ALTER TABLE `d`.`ledger` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS topic_id LowCardinality(String)
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","8"]
;
CREATE TABLE IF NOT EXISTS `d`.`rejected_lines_local` ON CLUSTER `c`
(
    cluster         LowCardinality(String),
    topic           LowCardinality(String),
    epoch           UInt32,
    partition       Int32,
    offset          Int64,
    idx             UInt32,
    record_ts       DateTime64(3, 'UTC'),
    stored_at       DateTime('UTC'),
    reason          LowCardinality(String),
    detail          String CODEC(ZSTD(1)),
    format          LowCardinality(String),
    decoder_version UInt32,
    raw             String CODEC(ZSTD(3))
)
ENGINE = ReplicatedReplacingMergeTree()
PARTITION BY toDate(stored_at)
ORDER BY (cluster, topic, epoch, partition, offset, idx)
TTL toDateTime(stored_at) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`rejected_lines` ON CLUSTER `c` AS `d`.`rejected_lines_local` ENGINE = Distributed(`c`, `d`, `rejected_lines_local`, cityHash64(topic, partition))
;
ALTER TABLE `d`.`ledger_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS declared_at DateTime('UTC') CODEC(Delta, ZSTD(1))
;
ALTER TABLE `d`.`ledger` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS declared_at DateTime('UTC')
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","9"]
;
ALTER TABLE `d`.`clients_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS path_bits_0 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER truncated,
    ADD COLUMN IF NOT EXISTS path_bits_1 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER path_bits_0,
    ADD COLUMN IF NOT EXISTS path_bits_2 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER path_bits_1,
    ADD COLUMN IF NOT EXISTS path_bits_3 SimpleAggregateFunction(groupBitOr, UInt64) CODEC(ZSTD(1)) AFTER path_bits_2
;
ALTER TABLE `d`.`clients` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS path_bits_0 SimpleAggregateFunction(groupBitOr, UInt64) AFTER truncated
;
ALTER TABLE `d`.`clients` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS path_bits_1 SimpleAggregateFunction(groupBitOr, UInt64) AFTER path_bits_0
;
ALTER TABLE `d`.`clients` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS path_bits_2 SimpleAggregateFunction(groupBitOr, UInt64) AFTER path_bits_1
;
ALTER TABLE `d`.`clients` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS path_bits_3 SimpleAggregateFunction(groupBitOr, UInt64) AFTER path_bits_2
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","10"]
;
CREATE TABLE IF NOT EXISTS `d`.`deploys_local` ON CLUSTER `c`
(
    at      DateTime64(3, 'UTC'),
    service String,
    version String,
    author  String
)
ENGINE = ReplicatedMergeTree()
ORDER BY (at, service)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`deploys` ON CLUSTER `c` AS `d`.`deploys_local` ENGINE = Distributed(`c`, `d`, `deploys_local`, cityHash64(service))
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","11"]
;
ALTER TABLE `d`.`responses_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(ZSTD(5)) AFTER upstream_us
;
ALTER TABLE `d`.`responses` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) AFTER upstream_us
;
ALTER TABLE `d`.`responses_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(ZSTD(5)) AFTER upstream_us
;
ALTER TABLE `d`.`responses_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) AFTER upstream_us
;
ALTER TABLE `d`.`services_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) CODEC(LZ4) AFTER latency
;
ALTER TABLE `d`.`services_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS upstream SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))) AFTER latency
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","12"]
;
ALTER TABLE `d`.`responses_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)) AFTER truncated
;
ALTER TABLE `d`.`responses` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) AFTER truncated
;
ALTER TABLE `d`.`responses_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)) AFTER truncated
;
ALTER TABLE `d`.`responses_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) AFTER truncated
;
ALTER TABLE `d`.`keys_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)) AFTER retry_after
;
ALTER TABLE `d`.`keys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) AFTER retry_after
;
ALTER TABLE `d`.`keys_hour_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) CODEC(T64('bit'), ZSTD(1)) AFTER retry_after
;
ALTER TABLE `d`.`keys_hour` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS retries SimpleAggregateFunction(sum, UInt64) AFTER retry_after
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","13"]
;
CREATE TABLE IF NOT EXISTS `d`.`agents_local` ON CLUSTER `c`
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
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toDate(minute)
ORDER BY (toStartOfHour(minute), service, class, agent, outcome, minute)
TTL toDateTime(minute) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`agents` ON CLUSTER `c` AS `d`.`agents_local` ENGINE = Distributed(`c`, `d`, `agents_local`, cityHash64(service, agent))
;
CREATE TABLE IF NOT EXISTS `d`.`agents_hour_local` ON CLUSTER `c`
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
ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toMonday(minute)
ORDER BY (minute, service, class, agent, outcome)
TTL toDateTime(minute) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800
;
CREATE TABLE IF NOT EXISTS `d`.`agents_hour` ON CLUSTER `c` AS `d`.`agents_hour_local` ENGINE = Distributed(`c`, `d`, `agents_hour_local`, cityHash64(service, agent))
;
ALTER TABLE `d`.`ledger_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS day_agented Array(UInt64) CODEC(ZSTD(1)) AFTER days
;
ALTER TABLE `d`.`ledger` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS day_agented Array(UInt64) AFTER days
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","14"]
;
ALTER TABLE `d`.`services_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS version LowCardinality(String) CODEC(ZSTD(1)) AFTER outcome,
    MODIFY ORDER BY (minute, service, outcome, version)
;
ALTER TABLE `d`.`services` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS version LowCardinality(String) AFTER outcome
;
ALTER TABLE `d`.`deploys_local` ON CLUSTER `c`
    ADD COLUMN IF NOT EXISTS known DateTime('UTC'),
    ADD COLUMN IF NOT EXISTS first UInt8
;
ALTER TABLE `d`.`deploys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS known DateTime('UTC')
;
ALTER TABLE `d`.`deploys` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS first UInt8
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["schema_version","15"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["ttl","30/396/7"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["scores_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["samples_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["rejected_lines_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["rejects_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["pipeline_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["responses_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["responses_hour_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["services_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["services_hour_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["keys_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["keys_hour_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["clients_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["agents_since","TIME"]
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["agents_hour_since","TIME"]
;
ALTER TABLE `d`.`responses_hour_local` ON CLUSTER `c` MODIFY TTL toDateTime(minute) + INTERVAL 400 DAY
;
ALTER TABLE `d`.`services_hour_local` ON CLUSTER `c` MODIFY TTL toDateTime(minute) + INTERVAL 400 DAY
;
ALTER TABLE `d`.`keys_local` ON CLUSTER `c` REMOVE TTL
;
ALTER TABLE `d`.`keys_hour_local` ON CLUSTER `c` MODIFY TTL toDateTime(minute) + INTERVAL 400 DAY
;
ALTER TABLE `d`.`agents_hour_local` ON CLUSTER `c` MODIFY TTL toDateTime(minute) + INTERVAL 400 DAY
;
INSERT INTO `d`.`meta` (key, value, version) SETTINGS distributed_foreground_insert = 1, insert_quorum = 'auto' SELECT ?, ?, toUInt64(?)
-- ["ttl","0/400/0"]

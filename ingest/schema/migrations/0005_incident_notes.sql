-- What people say of incidents: append-only, every row is kept. ack stops the
-- reminders while the incident is no severer than it was, mute stops every notice
-- until a time, note only says something.
CREATE TABLE IF NOT EXISTS {{table "incident_notes"}} {{on_cluster}}
(
    incident String,
    at       DateTime64(3, 'UTC'),
    action   LowCardinality(String), -- ack, note, mute
    until    DateTime('UTC'),        -- of mute
    severity LowCardinality(String), -- of the incident when it was acknowledged
    author   String,
    text     String
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (incident, at)
SETTINGS {{settings}}
;
{{distributed "incident_notes"}}
-- Whether anybody is told of an incident, and why not. Until now children never
-- were.
ALTER TABLE {{table "incidents"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS silent Bool DEFAULT parent != '',
    ADD COLUMN IF NOT EXISTS silent_why String DEFAULT if(parent != '', concat('covered by ', parent), '')
;
ALTER TABLE {{name "incidents"}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS silent Bool DEFAULT parent != '',
    ADD COLUMN IF NOT EXISTS silent_why String DEFAULT if(parent != '', concat('covered by ', parent), '')
;

-- Kaldvard Cloud, core tables of the measurement database (PostgreSQL 16).
-- Owner: platform team. Migrations are kept elsewhere; this file shows the current state.

CREATE TABLE organisation (
    organisation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text        NOT NULL,
    country_code     char(2)     NOT NULL,
    locked_at        timestamptz,              -- set by Finance when invoices remain unpaid
    created_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE location (
    location_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id  bigint NOT NULL REFERENCES organisation,
    name             text   NOT NULL,
    kind             text   NOT NULL CHECK (kind IN ('cold_room', 'fridge', 'freezer', 'vehicle', 'other')),
    timezone         text   NOT NULL DEFAULT 'Europe/Oslo'
);

CREATE TABLE sensor (
    sensor_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial           text    NOT NULL UNIQUE,
    location_id      bigint  REFERENCES location,
    interval_seconds integer NOT NULL DEFAULT 600 CHECK (interval_seconds BETWEEN 60 AND 7200),
    calibration_due  date
);

-- One row per measured value. Partitioned by week because nightly jobs and reports almost always
-- look at a few days; monthly partitions had become too large to vacuum during the night.
CREATE TABLE reading (
    sensor_id    bigint        NOT NULL REFERENCES sensor,
    measured_at  timestamptz   NOT NULL,
    received_at  timestamptz   NOT NULL DEFAULT now(),
    temperature  numeric(5, 2) NOT NULL,
    humidity     numeric(4, 1),
    quality      text          NOT NULL DEFAULT 'ok' CHECK (quality IN ('ok', 'suspect', 'missing')),
    checksum     bytea         NOT NULL,
    PRIMARY KEY (sensor_id, measured_at)
) PARTITION BY RANGE (measured_at);

CREATE TABLE alarm_profile (
    alarm_profile_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id  bigint NOT NULL REFERENCES organisation,
    name             text   NOT NULL,
    definition       jsonb  NOT NULL
);

CREATE TABLE alarm (
    alarm_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor_id         bigint      NOT NULL REFERENCES sensor,
    alarm_profile_id  bigint      NOT NULL REFERENCES alarm_profile,
    severity          text        NOT NULL CHECK (severity IN ('notice', 'warning', 'critical')),
    opened_at         timestamptz NOT NULL,
    closed_at         timestamptz,
    peak_temperature  numeric(5, 2)
);

-- Who took care of an alarm, and what they wrote. Rows are never updated or deleted; a trigger
-- rejects both, so that the table can be shown to auditors as it is.
CREATE TABLE alarm_acknowledgement (
    alarm_id         bigint      NOT NULL REFERENCES alarm,
    acknowledged_by  bigint      NOT NULL,
    acknowledged_at  timestamptz NOT NULL DEFAULT now(),
    comment          text        NOT NULL CHECK (length(comment) >= 10),
    PRIMARY KEY (alarm_id, acknowledged_at)
);

-- BRIN is enough here: rows arrive almost in order of time and the index stays tiny.
CREATE INDEX reading_received_brin ON reading USING brin (received_at) WITH (pages_per_range = 48);

CREATE INDEX alarm_open_idx ON alarm (sensor_id) WHERE closed_at IS NULL;

-- Sensors that have missed three of their intervals; used by the nightly "stale" notification.
CREATE VIEW stale_sensor AS
SELECT s.sensor_id, s.serial, max(r.measured_at) AS last_reading
FROM sensor AS s
LEFT JOIN reading AS r USING (sensor_id)
GROUP BY s.sensor_id, s.serial, s.interval_seconds
HAVING max(r.measured_at) < now() - 3 * make_interval(secs => s.interval_seconds);

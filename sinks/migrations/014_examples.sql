-- What training and the promotion gate read: each prediction with what became of it. ts: when that was known.
CREATE TABLE examples (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    prediction_id text NOT NULL,
    symbol text NOT NULL,
    model text NOT NULL,
    lane text NOT NULL,
    spec text NOT NULL,
    set_hash text NOT NULL,
    state text NOT NULL,
    event_ns bigint NOT NULL,
    known_at_ns bigint NOT NULL,
    elapsed_ns bigint NOT NULL,
    mid2 bigint NOT NULL,
    ready bigint NOT NULL,
    v double precision[] NOT NULL,
    features_topic text NOT NULL,
    features_partition integer NOT NULL,
    features_offset bigint NOT NULL,
    known_topic text NOT NULL,
    known_partition integer NOT NULL,
    known_offset bigint NOT NULL,
    y bigint,
    r_bps double precision,
    version text NOT NULL,
    p double precision,
    outputs json NOT NULL,
    cost_bps double precision NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);
CREATE INDEX examples_model ON examples (model, lane, ts);

ALTER TABLE predictions
    ADD COLUMN lane text NOT NULL DEFAULT 'inline',
    ADD COLUMN spec text NOT NULL DEFAULT '',
    ADD COLUMN edge_bps double precision NOT NULL DEFAULT 0,
    ADD COLUMN cost_bps double precision NOT NULL DEFAULT 0,
    ADD COLUMN flags json NOT NULL DEFAULT '[]',
    ADD COLUMN weights json NOT NULL DEFAULT '[]',
    ADD COLUMN scores json NOT NULL DEFAULT '[]';

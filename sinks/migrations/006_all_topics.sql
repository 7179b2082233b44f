-- Tables are called like their topics: what was `quotes` holds `market.marks`. Then the topics that had no table.
ALTER TABLE quotes RENAME TO marks;
ALTER INDEX quotes_pkey RENAME TO marks_pkey;

CREATE TABLE quotes (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    symbol text NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL,
    bid_size bigint NOT NULL,
    ask_size bigint NOT NULL,
    sequence bigint NOT NULL,
    flags text NOT NULL,
    source text NOT NULL,
    event_ns bigint NOT NULL,
    received_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE features (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    symbol text NOT NULL,
    sequence bigint NOT NULL,
    feature_set text NOT NULL,
    set_hash text NOT NULL,
    ready bigint NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL,
    mid2 bigint NOT NULL,
    gap_ms bigint NOT NULL,
    v double precision[] NOT NULL,
    quote_topic text NOT NULL,
    quote_partition integer NOT NULL,
    quote_offset bigint NOT NULL,
    event_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

-- Reference data, limits, cash and kills. scope: what the record is about, as its key in the log says it.
CREATE TABLE control (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    kind text NOT NULL,
    scope text NOT NULL,
    document json NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

-- The inputs of a verdict, so that it can be judged later.
ALTER TABLE decisions
    ADD COLUMN limits_version bigint NOT NULL DEFAULT -1,
    ADD COLUMN nav numeric(38,18),
    ADD COLUMN exposure_before numeric(38,18),
    ADD COLUMN exposure_after numeric(38,18),
    ADD COLUMN reserved_before numeric(38,18),
    ADD COLUMN reserved_after numeric(38,18),
    ADD COLUMN resolved_qty numeric(38,18),
    ADD COLUMN mode text NOT NULL DEFAULT '',
    ADD COLUMN mode_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN watchdog text NOT NULL DEFAULT '';

-- Each replay, backtest, training or backfill, and how far its steps have come. Written by who runs it, not by the sink.
CREATE TABLE runs (
    run_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('replay', 'backtest', 'training', 'backfill')),
    state text NOT NULL CHECK (state IN ('running', 'succeeded', 'rejected', 'failed', 'interrupted')),
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    config json NOT NULL,
    result json,
    error text NOT NULL DEFAULT '',
    CHECK ((state = 'running') = (ended_at IS NULL))
);

CREATE TABLE run_tracker (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    step text NOT NULL,
    row_count bigint NOT NULL,
    sha256 text NOT NULL,
    done_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, step)
);

CREATE INDEX marks_symbol ON marks (symbol, ts DESC);
CREATE INDEX predictions_symbol ON predictions (symbol, ts DESC);
CREATE INDEX labels_prediction ON labels (prediction_id);
CREATE INDEX decisions_order ON decisions (account, client_order_id);

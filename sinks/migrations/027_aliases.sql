-- Which versions of a model serve from when, as the workers were told. A few records a day at most: no hypertable.
CREATE TABLE aliases (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    model text NOT NULL,
    epoch bigint NOT NULL,
    action text NOT NULL,
    champion text NOT NULL,
    challenger text NOT NULL,
    effective_ns bigint NOT NULL,
    document json NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);
CREATE INDEX aliases_model ON aliases (model, epoch DESC);

-- What risk passed to the exchange. order_id: of the order that is new, cancelled or replaced; kind says which.
CREATE TABLE accepted (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    kind text NOT NULL,
    order_id text NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    event_ns bigint NOT NULL,
    command_topic text NOT NULL,
    command_partition integer NOT NULL,
    command_offset bigint NOT NULL,
    document json NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);
CREATE INDEX accepted_order ON accepted (order_id);

-- The fills that a strategy was shown, under their symbol: what it knew, and when. The books are in `fills`.
CREATE TABLE strategy_fills (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    fill_id text NOT NULL,
    order_id text NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    strategy text NOT NULL,
    side text NOT NULL,
    qty numeric(38,18) NOT NULL,
    price numeric(38,18) NOT NULL,
    event_ns bigint NOT NULL,
    cause_topic text NOT NULL,
    cause_partition integer NOT NULL,
    cause_offset bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);
CREATE INDEX strategy_fills_fill ON strategy_fills (fill_id);

-- Headers as name and base64 of the value.
ALTER TABLE dead_letters ADD COLUMN headers json NOT NULL DEFAULT '[]';

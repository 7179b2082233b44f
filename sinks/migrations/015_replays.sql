-- The inputs of a replay for which the log's retention has passed, and what replays came to.
ALTER TABLE trades ADD COLUMN flags text NOT NULL DEFAULT '';

-- Commands as they were sent. reason: why one was no command, '' for a good one.
CREATE TABLE orders (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    account text NOT NULL,
    client_order_id text NOT NULL,
    reason text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);
CREATE INDEX orders_account ON orders (account, client_order_id, ts DESC);

-- Of each replay, by its name in `runs`. Amounts are results, not books: floats, in the account's currency.
CREATE TABLE run_equity (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    ts timestamptz NOT NULL,
    account text NOT NULL,
    equity double precision NOT NULL,
    exposure double precision NOT NULL,
    flow double precision NOT NULL,
    PRIMARY KEY (run_id, account, ts)
);

CREATE TABLE run_trades (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    number bigint NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    side integer NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    qty double precision NOT NULL,
    gross double precision NOT NULL,
    fees double precision NOT NULL,
    PRIMARY KEY (run_id, number)
);

CREATE TABLE run_fills (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE,
    number bigint NOT NULL,
    ts timestamptz NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    order_id text NOT NULL,
    side integer NOT NULL,
    qty double precision NOT NULL,
    price double precision NOT NULL,
    notional double precision NOT NULL,
    fee double precision NOT NULL,
    liquidity text NOT NULL,
    mid double precision NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- One history table a topic. Prices and sizes in bigint are ticks and lots; numeric amounts are exact.

CREATE TABLE trades (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    symbol text NOT NULL,
    price bigint NOT NULL,
    size bigint NOT NULL,
    side text NOT NULL,
    trade_id bigint NOT NULL,
    source text NOT NULL,
    event_ns bigint NOT NULL,
    received_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE quotes (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    symbol text NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL,
    bid_size bigint NOT NULL,
    ask_size bigint NOT NULL,
    last bigint NOT NULL,
    mid2 bigint NOT NULL,
    status text NOT NULL,
    source text NOT NULL,
    event_ns bigint NOT NULL,
    received_ns bigint NOT NULL,
    cause_topic text NOT NULL,
    cause_partition integer NOT NULL,
    cause_offset bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE decisions (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    decision_id text NOT NULL,
    kind text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    account text NOT NULL,
    client_order_id text NOT NULL,
    order_id text NOT NULL,
    symbol text NOT NULL,
    detail text NOT NULL,
    reserved numeric(38,18),
    command_topic text NOT NULL,
    command_partition integer NOT NULL,
    command_offset bigint NOT NULL,
    marks json NOT NULL,
    control_offset bigint NOT NULL,
    event_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE order_events (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    event_id text NOT NULL,
    order_id text NOT NULL,
    client_order_id text NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    rev bigint NOT NULL,
    type text NOT NULL,
    state text NOT NULL,
    side text NOT NULL,
    qty numeric(38,18) NOT NULL,
    filled numeric(38,18) NOT NULL,
    remaining numeric(38,18) NOT NULL,
    price numeric(38,18),
    stop_price numeric(38,18),
    parent_id text NOT NULL,
    reason text NOT NULL,
    event_ns bigint NOT NULL,
    cause_topic text NOT NULL,
    cause_partition integer NOT NULL,
    cause_offset bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE fills (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    fill_id text NOT NULL,
    order_id text NOT NULL,
    client_order_id text NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL,
    qty numeric(38,18) NOT NULL,
    price numeric(38,18) NOT NULL,
    notional numeric(38,18) NOT NULL,
    fee numeric(38,18) NOT NULL,
    fee_rate bigint NOT NULL,
    liquidity text NOT NULL,
    rule text NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL,
    parent_id text NOT NULL,
    strategy text NOT NULL,
    order_topic text NOT NULL,
    order_partition integer NOT NULL,
    order_offset bigint NOT NULL,
    event_ns bigint NOT NULL,
    active_at_ns bigint NOT NULL,
    cause_topic text NOT NULL,
    cause_partition integer NOT NULL,
    cause_offset bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE positions (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    qty numeric(38,18) NOT NULL,
    average_price numeric(38,18) NOT NULL,
    cost numeric(38,18) NOT NULL,
    gross numeric(38,18) NOT NULL,
    fees numeric(38,18) NOT NULL,
    net numeric(38,18) NOT NULL,
    realised numeric(38,18) NOT NULL,
    cash numeric(38,18) NOT NULL,
    reserved numeric(38,18) NOT NULL,
    fill_id text NOT NULL,
    event_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE predictions (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    prediction_id text NOT NULL,
    symbol text NOT NULL,
    model text NOT NULL,
    version text NOT NULL,
    p double precision,
    abstain text NOT NULL,
    learned bigint NOT NULL,
    outputs json NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL,
    mid2 bigint NOT NULL,
    volatility_bps double precision NOT NULL,
    features_topic text NOT NULL,
    features_partition integer NOT NULL,
    features_offset bigint NOT NULL,
    event_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE labels (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    prediction_id text NOT NULL,
    symbol text NOT NULL,
    model text NOT NULL,
    spec text NOT NULL,
    state text NOT NULL,
    y bigint,
    r_bps double precision,
    p double precision,
    event_ns bigint NOT NULL,
    known_at_ns bigint NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE TABLE dead_letters (
    ts timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    origin_topic text NOT NULL,
    origin_partition integer NOT NULL,
    origin_offset bigint NOT NULL,
    origin_ms bigint NOT NULL,
    reason text NOT NULL,
    error text NOT NULL,
    sha256 text NOT NULL,
    length bigint NOT NULL,
    key bytea,
    value bytea,
    route_group text NOT NULL,
    PRIMARY KEY (ts, log_partition, log_offset)
);

CREATE INDEX fills_account ON fills (account, ts DESC);
CREATE INDEX order_events_order ON order_events (order_id, rev);
CREATE INDEX decisions_account ON decisions (account, ts DESC);
CREATE INDEX positions_account ON positions (account, symbol, ts DESC);

-- History that is fetched from outside. Prices are decimals, exact as the source gave them: not every source has a tick.
-- A bar's ts is its first moment; it holds trades or points in [ts, ts + interval).
CREATE TABLE bars (
    symbol text NOT NULL,
    interval text NOT NULL,
    ts timestamptz NOT NULL,
    source text NOT NULL,
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    volume numeric,
    PRIMARY KEY (symbol, interval, ts, source)
);

-- What a bar was before another run changed it.
CREATE TABLE bar_revisions (
    LIKE bars,
    replaced_by text NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now()
);

-- Prices at moments, which are no bars. volume_24h is of the 24 hours before: their sum means nothing.
CREATE TABLE reference_prices (
    symbol text NOT NULL,
    ts timestamptz NOT NULL,
    source text NOT NULL,
    price numeric NOT NULL,
    market_cap numeric,
    volume_24h numeric,
    PRIMARY KEY (symbol, ts, source)
);

CREATE TABLE backfill_runs (
    run_id text PRIMARY KEY,
    source text NOT NULL,
    symbol text NOT NULL,
    interval text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    state text NOT NULL CHECK (
        state IN ('pending', 'running', 'waiting', 'succeeded', 'partial', 'failed', 'cancelled', 'interrupted')
    ),
    resume_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    chunks_loaded bigint NOT NULL DEFAULT 0,
    rows_loaded bigint NOT NULL DEFAULT 0,
    rows_changed bigint NOT NULL DEFAULT 0,
    retries bigint NOT NULL DEFAULT 0,
    docs text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    CHECK ((state = 'waiting') = (resume_at IS NOT NULL))
);

-- Bars that open in [since, until). pages: SHA-256 of each answer. first_trade, last_trade: where bars are built of trades.
CREATE TABLE backfill_chunks (
    run_id text NOT NULL REFERENCES backfill_runs ON DELETE CASCADE,
    chunk integer NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (
        state IN ('pending', 'fetching', 'validated', 'loaded', 'quarantined', 'failed')
    ),
    pages text[] NOT NULL DEFAULT '{}',
    row_count bigint NOT NULL DEFAULT 0,
    rows_changed bigint NOT NULL DEFAULT 0,
    gaps timestamptz[] NOT NULL DEFAULT '{}',
    first_trade bigint,
    last_trade bigint,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, chunk)
);

-- Rows that did not prove fit, the whole chunk of them. expectation: those that broke, or why nothing could be checked.
CREATE TABLE quarantine (
    run_id text NOT NULL,
    chunk integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('bar', 'reference', 'raw')),
    row_number integer NOT NULL,
    row json NOT NULL,
    expectation text NOT NULL,
    observed text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    release_reason text NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, chunk, kind, row_number)
);

-- Of backfills, trainings and days; chunk is 0 where there are none.
CREATE TABLE quality_results (
    run_id text NOT NULL,
    chunk integer NOT NULL,
    expectation text NOT NULL,
    held boolean NOT NULL,
    observed text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, chunk, expectation)
);

CREATE INDEX bar_revisions_bar ON bar_revisions (symbol, interval, ts, source);
CREATE INDEX backfill_runs_key ON backfill_runs (source, symbol, interval, started_at DESC);

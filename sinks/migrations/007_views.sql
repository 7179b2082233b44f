-- What desks and dashboards ask again and again. Where TimescaleDB is, the aggregates become continuous ones.

-- Open and close by event time; trades of one nanosecond in the order of the log. Prices in ticks, volume in lots.
CREATE VIEW bars_1s AS
SELECT
    time_bucket(interval '1 second', ts) AS ts,
    symbol,
    (array_agg(price ORDER BY event_ns, log_offset))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY event_ns DESC, log_offset DESC))[1] AS close,
    sum(size) AS volume,
    sum(price::numeric * size) AS turnover,
    count(*) AS trades
FROM trades
GROUP BY 1, 2;

CREATE VIEW bars_1m AS
SELECT
    time_bucket(interval '1 minute', ts) AS ts,
    symbol,
    (array_agg(open ORDER BY bars_1s.ts))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY bars_1s.ts DESC))[1] AS close,
    sum(volume) AS volume,
    sum(turnover) AS turnover,
    sum(trades) AS trades
FROM bars_1s
GROUP BY time_bucket(interval '1 minute', ts), symbol;

CREATE VIEW bars_1h AS
SELECT
    time_bucket(interval '1 hour', ts) AS ts,
    symbol,
    (array_agg(open ORDER BY bars_1m.ts))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY bars_1m.ts DESC))[1] AS close,
    sum(volume) AS volume,
    sum(turnover) AS turnover,
    sum(trades) AS trades
FROM bars_1m
GROUP BY time_bucket(interval '1 hour', ts), symbol;

CREATE VIEW bars_1d AS
SELECT
    time_bucket(interval '1 day', ts) AS ts,
    symbol,
    (array_agg(open ORDER BY bars_1h.ts))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY bars_1h.ts DESC))[1] AS close,
    sum(volume) AS volume,
    sum(turnover) AS turnover,
    sum(trades) AS trades
FROM bars_1h
GROUP BY time_bucket(interval '1 day', ts), symbol;

-- What each minute earned, and where its last fill left the position. Amounts since the first fill but for `realised`.
CREATE VIEW pnl_1m AS
SELECT
    time_bucket(interval '1 minute', ts) AS ts,
    account,
    symbol,
    sum(realised) AS realised,
    (array_agg(gross ORDER BY log_offset DESC))[1] AS gross,
    (array_agg(fees ORDER BY log_offset DESC))[1] AS fees,
    (array_agg(net ORDER BY log_offset DESC))[1] AS net,
    (array_agg(qty ORDER BY log_offset DESC))[1] AS qty,
    (array_agg(average_price ORDER BY log_offset DESC))[1] AS average_price,
    count(*) AS fills
FROM positions
WHERE symbol <> ''
GROUP BY 1, 2, 3;

CREATE VIEW decisions_1m AS
SELECT
    time_bucket(interval '1 minute', ts) AS ts, account, kind, outcome, reason,
    count(*) AS decisions
FROM decisions
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW order_events_1m AS
SELECT
    time_bucket(interval '1 minute', ts) AS ts, account, symbol, state,
    count(*) AS events
FROM order_events
GROUP BY 1, 2, 3, 4;

CREATE VIEW fills_1m AS
SELECT
    time_bucket(interval '1 minute', ts) AS ts, account, symbol, side, liquidity,
    count(*) AS fills,
    sum(notional) AS notional,
    sum(fee) AS fees
FROM fills
GROUP BY 1, 2, 3, 4, 5;

-- Of each minute: orders decided on, what became of them, and what they traded.
CREATE VIEW order_funnel_1m AS
SELECT
    ts,
    sum(accepted) AS accepted,
    sum(rejected) AS rejected,
    sum(duplicate) AS duplicate,
    sum(filled) AS filled,
    sum(cancelled) AS cancelled,
    sum(expired) AS expired,
    sum(fills) AS fills,
    sum(notional) AS notional
FROM (
    SELECT
        ts,
        CASE outcome WHEN 'accepted' THEN decisions ELSE 0 END AS accepted,
        CASE outcome WHEN 'rejected' THEN decisions ELSE 0 END AS rejected,
        CASE outcome WHEN 'duplicate' THEN decisions ELSE 0 END AS duplicate,
        0 AS filled, 0 AS cancelled, 0 AS expired, 0 AS fills, 0 AS notional
    FROM decisions_1m WHERE kind = 'new'
    UNION ALL
    SELECT
        ts, 0, 0, 0,
        CASE state WHEN 'FILLED' THEN events ELSE 0 END,
        CASE state WHEN 'CANCELLED' THEN events ELSE 0 END,
        CASE state WHEN 'EXPIRED' THEN events ELSE 0 END,
        0, 0
    FROM order_events_1m
    UNION ALL
    SELECT ts, 0, 0, 0, 0, 0, 0, fills, notional FROM fills_1m
) AS parts
GROUP BY ts;

-- How good what was served was, by the hour in which the truth came in. p is kept off 0 and 1, whose logarithm is none.
CREATE VIEW model_metrics AS
SELECT
    time_bucket(interval '1 hour', ts) AS ts,
    model,
    spec,
    count(y) AS labelled,
    count(*) FILTER (WHERE state IN ('censored', 'expired', 'overflow')) AS lost,
    count(p) FILTER (WHERE y IS NOT NULL) AS judged,
    avg(CASE WHEN p IS NOT NULL THEN y END) AS base_rate,
    avg(power(p - y, 2)) AS brier,
    avg(-ln(CASE y WHEN 1 THEN greatest(p, 1e-12) WHEN 0 THEN greatest(1 - p, 1e-12) END))
        FILTER (WHERE p IS NOT NULL) AS logloss,
    avg(CASE WHEN p IS NULL OR y IS NULL THEN NULL WHEN (p > 0.5) = (y = 1) THEN 1.0 ELSE 0.0 END) AS accuracy
FROM labels
GROUP BY 1, 2, 3;

-- The latest record of each instrument; tick and lot turn ticks and lots into prices and quantities.
CREATE VIEW instruments AS
SELECT DISTINCT ON (scope)
    document -> 'instrument' ->> 'symbol' AS symbol,
    (document -> 'instrument' ->> 'tick')::numeric AS tick,
    (document -> 'instrument' ->> 'lot')::numeric AS lot,
    coalesce((document -> 'instrument' ->> 'multiplier')::numeric, 1) AS multiplier,
    document -> 'instrument' ->> 'quote' AS quote_currency,
    document -> 'instrument' ->> 'status' AS status,
    ts AS since
FROM control
WHERE kind = 'instrument'
ORDER BY scope, log_offset DESC;

-- Every record that could not be used, whether the engine or the sink refused it.
CREATE VIEW refused_records AS
SELECT ts, 'engine' AS refused_by, origin_topic, origin_partition, origin_offset, reason, error, value
FROM dead_letters
UNION ALL
SELECT ts, 'sink', topic, partition, log_offset, reason, error, value
FROM sink_rejects;

-- Rates and reasons as of fills: accounts' history is kept. What a strategy was shown is market history.
SELECT create_hypertable('accepted', 'ts', chunk_time_interval => interval '1 day', create_default_indexes => false);
ALTER TABLE accepted SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'account', timescaledb.orderby = 'ts, log_partition, log_offset'
);
CALL add_columnstore_policy('accepted', after => interval '8 days');

SELECT create_hypertable('strategy_fills', 'ts', chunk_time_interval => interval '1 day', create_default_indexes => false);
ALTER TABLE strategy_fills SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'symbol', timescaledb.orderby = 'ts, log_partition, log_offset'
);
CALL add_columnstore_policy('strategy_fills', after => interval '8 days');
SELECT add_retention_policy('strategy_fills', interval '365 days');

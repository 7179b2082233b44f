-- As many rows as predictions; kept as long as they.
SELECT create_hypertable('examples', 'ts', chunk_time_interval => interval '2 hours', create_default_indexes => false);
ALTER TABLE examples SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'symbol', timescaledb.orderby = 'ts, log_partition, log_offset'
);
CALL add_columnstore_policy('examples', after => interval '8 days');
SELECT add_retention_policy('examples', interval '365 days');

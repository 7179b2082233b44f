-- What was ordered is kept as long as what became of it.
SELECT create_hypertable('orders', 'ts', chunk_time_interval => interval '1 day', create_default_indexes => false);
ALTER TABLE orders SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'account', timescaledb.orderby = 'ts, log_partition, log_offset'
);
CALL add_columnstore_policy('orders', after => interval '8 days');

-- Only where the extension is. Keys of history hold the time, as a hypertable's must.
CREATE EXTENSION IF NOT EXISTS timescaledb;
SELECT create_hypertable('trades', 'ts', chunk_time_interval => interval '1 day', migrate_data => true);
SELECT create_hypertable('quotes', 'ts', chunk_time_interval => interval '1 day', migrate_data => true);
SELECT create_hypertable('decisions', 'ts', chunk_time_interval => interval '7 days', migrate_data => true);
SELECT create_hypertable('order_events', 'ts', chunk_time_interval => interval '7 days', migrate_data => true);
SELECT create_hypertable('fills', 'ts', chunk_time_interval => interval '7 days', migrate_data => true);
SELECT create_hypertable('positions', 'ts', chunk_time_interval => interval '7 days', migrate_data => true);
SELECT create_hypertable('predictions', 'ts', chunk_time_interval => interval '1 day', migrate_data => true);
SELECT create_hypertable('labels', 'ts', chunk_time_interval => interval '1 day', migrate_data => true);
SELECT create_hypertable('dead_letters', 'ts', chunk_time_interval => interval '7 days', migrate_data => true);

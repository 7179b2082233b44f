-- A bar is small and may be revised whenever it is fetched again, so bars stay in the rowstore: a year of minutes of one
-- symbol is half a million rows, 80 MB.
SELECT create_hypertable('bars', 'ts', chunk_time_interval => interval '90 days', create_default_indexes => false, migrate_data => true);
SELECT create_hypertable('reference_prices', 'ts', chunk_time_interval => interval '365 days', create_default_indexes => false, migrate_data => true);

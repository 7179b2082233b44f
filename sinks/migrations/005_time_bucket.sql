-- A stand-in on plain PostgreSQL, so that views and dashboards run on both. For widths of up to days; TimescaleDB's own
-- knows months too. Like there, buckets are counted from a Monday.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN date_bin(bucket_width, ts, timestamptz '2000-01-03 00:00:00+00');
    END IF;
END
$$;

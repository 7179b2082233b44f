-- Time in chunks. A chunk being written, with its indexes, should stay within a quarter of memory; rates are those of a
-- busy desk of 20 symbols: quotes, features and predictions some 3,500 a second (2 hours = 25 million rows, 4 GB),
-- trades, marks and labels some 400 (12 hours = 17 million rows), accounts 100 (1 day = 9 million rows).
--
-- Chunks move to the columnstore when they are older than market data is kept in the log, plus a day: until then a
-- sink that starts anew may send their rows again. Accounts' history is never dropped; market history is.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT * FROM (VALUES
            ('quotes', interval '2 hours', 'symbol', interval '30 days'),
            ('features', interval '2 hours', 'symbol', interval '90 days'),
            ('predictions', interval '2 hours', 'symbol', interval '365 days'),
            ('trades', interval '12 hours', 'symbol', interval '365 days'),
            ('marks', interval '12 hours', 'symbol', interval '90 days'),
            ('labels', interval '12 hours', 'symbol', interval '365 days'),
            ('decisions', interval '1 day', 'account', NULL),
            ('order_events', interval '1 day', 'account', NULL),
            ('fills', interval '1 day', 'account', NULL),
            ('positions', interval '1 day', 'account', NULL),
            ('dead_letters', interval '7 days', 'origin_topic', interval '365 days')
        ) AS tables (name, chunk, segment, keep)
    LOOP
        PERFORM create_hypertable(
            t.name::regclass, 'ts',
            chunk_time_interval => t.chunk, create_default_indexes => false, migrate_data => true
        );
        EXECUTE format(
            'ALTER TABLE %I SET (timescaledb.enable_columnstore, timescaledb.segmentby = %L, '
            'timescaledb.orderby = ''ts, log_partition, log_offset'')', t.name, t.segment
        );
        CALL add_columnstore_policy(t.name::regclass, after => interval '8 days');
        IF t.keep IS NOT NULL THEN
            PERFORM add_retention_policy(t.name::regclass, t.keep);
        END IF;
    END LOOP;
END
$$;

-- The aggregates become continuous under their names. A refresh looks back as far as rows may come late, and touches
-- only what has changed since; what is newer than it is added as it is read.
DO $$
DECLARE
    view record;
    names text[] := '{}';
    definitions text[] := '{}';
    width interval;
    continuous CONSTANT json := '{
        "bars_1s": "1 second", "bars_1m": "1 minute", "bars_1h": "1 hour", "bars_1d": "1 day", "pnl_1m": "1 minute",
        "decisions_1m": "1 minute", "order_events_1m": "1 minute", "fills_1m": "1 minute", "model_metrics": "1 hour"
    }';
BEGIN
    FOR view IN
        SELECT relname, pg_get_viewdef(oid) AS definition FROM pg_class
        WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY oid DESC
    LOOP
        names := view.relname || names;
        definitions := rtrim(view.definition, ' ;') || definitions;
        EXECUTE format('DROP VIEW %I', view.relname);
    END LOOP;
    FOR i IN 1..cardinality(names) LOOP
        width := (continuous ->> names[i])::interval;
        IF width IS NULL THEN
            EXECUTE format('CREATE VIEW %I AS %s', names[i], definitions[i]);
            CONTINUE;
        END IF;
        EXECUTE format(
            'CREATE MATERIALIZED VIEW %I WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS %s '
            'WITH NO DATA', names[i], definitions[i]
        );
        PERFORM add_continuous_aggregate_policy(
            names[i]::regclass,
            start_offset => interval '8 days' + 3 * width,
            end_offset => width,
            schedule_interval => greatest(width, interval '1 minute')
        );
    END LOOP;
END
$$;

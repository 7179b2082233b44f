-- Only where TimescaleDB is offered. On a database that was plain before, the stand-in for time_bucket makes room, and
-- the views that use it are made again.
DO $$
DECLARE
    view record;
    names text[] := '{}';
    definitions text[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        RETURN;
    END IF;
    FOR view IN
        SELECT relname, pg_get_viewdef(oid) AS definition FROM pg_class
        WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY oid DESC
    LOOP
        names := view.relname || names;
        definitions := view.definition || definitions;
        EXECUTE format('DROP VIEW %I', view.relname);
    END LOOP;
    DROP FUNCTION IF EXISTS time_bucket(interval, timestamptz);
    CREATE EXTENSION timescaledb;
    FOR i IN 1..cardinality(names) LOOP
        EXECUTE format('CREATE VIEW %I AS %s', names[i], definitions[i]);
    END LOOP;
END
$$;

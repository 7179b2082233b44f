-- Every command of `control`, each chained to the one before. Written once: what changes a row is refused, and whoever
-- takes the trigger away still breaks the chain.
CREATE TABLE audit_log (
    seq bigint PRIMARY KEY,
    at_ms bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    prev_hash text NOT NULL UNIQUE,
    hash text NOT NULL UNIQUE,
    UNIQUE (log_offset, at_ms) -- a log of a later generation begins at 0 again
);

CREATE INDEX audit_log_subject ON audit_log (subject, seq DESC);

REVOKE ALL ON audit_log FROM PUBLIC;

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is written once';
END $$;

CREATE TRIGGER audit_log_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Versions of models, their files, which of them serve, and why: the record; the topics models.* only distribute it.
CREATE TABLE model_artifacts (
    sha256 text PRIMARY KEY,
    bytes bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (sha256 = encode(sha256(bytes), 'hex'))
);

-- record: the ModelVersion as models.registry carries it, but for its state, which alone may change.
CREATE TABLE model_versions (
    model text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('online', 'batch', 'mixture')),
    algorithm text NOT NULL,
    format text NOT NULL,
    lane text NOT NULL CHECK (lane IN ('inline', 'heavy')),
    set_hash text NOT NULL,
    spec text NOT NULL,
    parent text NOT NULL,
    cutoff_ns bigint NOT NULL,
    record json NOT NULL,
    state text NOT NULL CHECK (state IN ('registered', 'rejected', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model, version)
);

-- Every change of what serves, which the compacted topic forgets. record: the Alias as models.alias carries it.
CREATE TABLE model_alias (
    model text NOT NULL,
    epoch bigint NOT NULL,
    action text NOT NULL,
    champion text NOT NULL,
    challenger text NOT NULL,
    effective_from_ns bigint NOT NULL,
    record json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model, epoch)
);

-- Each verdict of the gate or of a person, those to wait included. event_ns: the newest label that it knew.
CREATE TABLE model_decisions (
    decision bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    action text NOT NULL,
    champion text NOT NULL,
    candidate text NOT NULL,
    epoch bigint,
    event_ns bigint NOT NULL,
    evidence json NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX model_decisions_model ON model_decisions (model, decision DESC);

-- How far the gate has read `examples`, and what it has counted up to there.
CREATE TABLE gate_state (
    model text PRIMARY KEY,
    offsets json NOT NULL,
    state json NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'model_versions' AND TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'state' = to_jsonb(OLD) - 'state' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% keeps what it has: % refused', TG_TABLE_NAME, TG_OP;
END
$$;

CREATE TRIGGER model_artifacts_stay BEFORE UPDATE OR DELETE ON model_artifacts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER model_versions_stay BEFORE UPDATE OR DELETE ON model_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER model_alias_stay BEFORE UPDATE OR DELETE ON model_alias
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER model_decisions_stay BEFORE UPDATE OR DELETE ON model_decisions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

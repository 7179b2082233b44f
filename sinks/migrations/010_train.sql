-- Each training: what it was told, what it read, how it ended. One row a run; the versions it made are in model_versions.
CREATE TABLE train_runs (
    run_id text PRIMARY KEY,
    model text NOT NULL,
    trigger text NOT NULL CHECK (trigger IN ('schedule', 'drift', 'expiry', 'manual')),
    state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'rejected', 'failed', 'interrupted')),
    queued_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    config json NOT NULL,
    config_sha256 text NOT NULL,
    provenance json NOT NULL,
    dataset_sha256 text NOT NULL DEFAULT '',
    offsets json,
    split json,
    purged json,
    test_looks integer NOT NULL DEFAULT 0,
    metrics json,
    versions text[] NOT NULL DEFAULT '{}',
    error text NOT NULL DEFAULT '',
    CHECK ((state IN ('queued', 'running')) = (ended_at IS NULL))
);
CREATE INDEX train_runs_model ON train_runs (model, queued_at DESC);

-- Who asks for a training, and which run took it up.
CREATE TABLE train_requests (
    request bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    trigger text NOT NULL CHECK (trigger IN ('schedule', 'drift', 'expiry', 'manual')),
    reason text NOT NULL DEFAULT '',
    requested_at timestamptz NOT NULL DEFAULT now(),
    run_id text REFERENCES train_runs
);
CREATE INDEX train_requests_open ON train_requests (model) WHERE run_id IS NULL;

-- How often the test rows of a data set were scored: the more looks, the less the best of them says.
CREATE TABLE test_looks (
    dataset_sha256 text NOT NULL,
    run_id text NOT NULL REFERENCES train_runs,
    looked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset_sha256, run_id)
);

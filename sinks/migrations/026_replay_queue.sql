-- Replays that somebody asked the API for. Taken with SKIP LOCKED by `headrace replay --serve`, which keeps the row locked
-- while it runs, so that the row of a process that died is free again. words: the options of `headrace replay`.
CREATE TABLE replay_queue (
    run_id text PRIMARY KEY,
    words json NOT NULL,
    asked_by text NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    exit_code integer
);
CREATE INDEX replay_queue_waiting ON replay_queue (queued_at) WHERE ended_at IS NULL;

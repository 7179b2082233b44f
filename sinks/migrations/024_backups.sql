-- When a part was last copied out of this database. The history itself is not among them: the server's archive tells.
CREATE TABLE ops_backups (
    backup bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part text NOT NULL CHECK (part IN ('registry', 'audit')),
    taken_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ops_backups_part ON ops_backups (part, taken_at DESC);

-- What each drill found: a part is lost on a fresh copy and brought back. Seconds; NULL where there is nothing to lose.
CREATE TABLE ops_drills (
    drill bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part text NOT NULL,
    began_at timestamptz NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('passed', 'failed')),
    rpo_s double precision,
    rpo_target_s double precision,
    rto_s double precision NOT NULL,
    rto_target_s double precision NOT NULL,
    report json NOT NULL
);

CREATE INDEX ops_drills_part ON ops_drills (part, began_at DESC);

-- Each comparison of logged features with what others make of the same events: what the promotion gate asks for.
CREATE TABLE parity_checks (
    check_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_hash text NOT NULL,
    row_count bigint NOT NULL,
    mismatches bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX parity_checks_set ON parity_checks (set_hash, check_id DESC);

-- What the last pass saw, for people.
ALTER TABLE gate_state ADD COLUMN evidence json;

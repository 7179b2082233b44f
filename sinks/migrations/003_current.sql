-- The last message of each key: positions, accounts, open orders, marks. The source of the cache and its stand-in.
CREATE TABLE current_state (
    kind text NOT NULL,
    log_partition integer NOT NULL,
    key text NOT NULL,
    account text NOT NULL,
    symbol text NOT NULL,
    log_offset bigint NOT NULL,
    value json NOT NULL,
    PRIMARY KEY (kind, log_partition, key)
) WITH (fillfactor = 70);

CREATE INDEX current_state_account ON current_state (kind, account);

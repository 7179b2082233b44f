-- How far each sink has read. `epoch` rises with each assignment and fences the former owner of a partition.
CREATE TABLE sink_offsets (
    sink text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next bigint NOT NULL,
    epoch bigint NOT NULL,
    PRIMARY KEY (sink, topic, partition)
);

-- Records that no history table takes, kept beside their place in the log.
CREATE TABLE sink_rejects (
    sink text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    ts timestamptz,
    reason text NOT NULL,
    error text NOT NULL,
    value bytea,
    PRIMARY KEY (sink, topic, partition, log_offset)
);

-- What the feature store joins on: event time at a microsecond, and the rows of a symbol by it.
CREATE FUNCTION event_time(event_ns bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN to_timestamp((event_ns / 1000)::double precision / 1000000::double precision);

CREATE INDEX features_symbol ON features (symbol, event_time(event_ns) DESC);

-- What the whole account was worth then; NULL where a mark or a rate was not known.
ALTER TABLE positions
    ADD COLUMN currency text NOT NULL DEFAULT '',
    ADD COLUMN equity numeric(38,18),
    ADD COLUMN exposure numeric(38,18);

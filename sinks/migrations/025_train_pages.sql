-- Where the pages on the rows of a training are; backfill_runs has the same.
ALTER TABLE train_runs ADD COLUMN docs text NOT NULL DEFAULT '';

-- Of the whole account, as its equity is.
ALTER TABLE positions ADD COLUMN open_orders bigint NOT NULL DEFAULT 0;

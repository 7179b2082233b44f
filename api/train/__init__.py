"""`headrace train`: reads rows, keeps the record of runs in PostgreSQL, and registers what was trained."""

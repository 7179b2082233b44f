"""The registry of models: versions, files, aliases and decisions in PostgreSQL, and on their topics."""

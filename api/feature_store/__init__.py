"""The feature store as a process: the sink beside the engine, its definitions, and the proof that all ways agree."""

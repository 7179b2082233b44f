"""Replays recorded topics through the routes over dicts: to prove a live run, or to try another strategy."""

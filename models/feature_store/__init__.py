"""Feast beside the stream: what the feature topics hold, for training sets and for readers outside the engine."""

"""An independent account of what the engine did: it knows the messages and the topics, and nothing of the engine."""

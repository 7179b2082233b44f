"""The live stream: what is committed now, to whoever listens, from where they left off."""

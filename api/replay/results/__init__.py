"""What a what-if run earned, and at what risk: statistics over its outputs, in floats; the books stay in the topics."""

"""The evaluation report of a model: as JSON, and as one page."""

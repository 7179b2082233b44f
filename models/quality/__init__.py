"""Is this data fit to be stored, or to be learned from? One list of constraints, checked twice."""

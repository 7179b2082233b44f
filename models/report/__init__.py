"""The evaluation of a model: what its versions had answered, once it was known what came of it."""

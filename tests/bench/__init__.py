"""The benchmark suite: the engine and its peers, in one run on one machine, compared by ratios only."""

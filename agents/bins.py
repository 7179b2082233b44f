"""A histogram series filled a chunk at a time: one bisection an edge, no call a record."""

from bisect import bisect_left
from collections.abc import Sequence


class Bins:
    """One histogram series: how many observations fell at or below each edge, and above them all."""

    __slots__ = ("counts", "edges", "sum")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.edges, value)] += 1
        self.sum += value

    def observe_ages(self, timestamps_ms: Sequence[int], now_ms: int) -> None:
        """Ages in seconds of sorted timestamps, clamped at 0: one bisection an edge, none a record."""
        younger = len(timestamps_ms)
        for index, edge in enumerate(self.edges):
            older = bisect_left(timestamps_ms, now_ms - edge * 1000, 0, younger)
            self.counts[index] += younger - older
            younger = older
        self.counts[-1] += younger
        ahead = len(timestamps_ms) - bisect_left(timestamps_ms, now_ms)
        past = timestamps_ms[: len(timestamps_ms) - ahead]
        self.sum += (now_ms * len(past) - sum(past)) / 1000

"""Stretches of time that are asked which of them another overlaps, or is nearest to.

Sorted once, so that many questions take no longer than their answers. It knows nothing of words.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate


class Spans:
    """Spans in seconds, in any order; answers are their places in the list given."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self.spans = spans
        self.order = sorted(range(len(spans)), key=lambda place: spans[place][0])
        self.starts = [spans[place][0] for place in self.order]
        ends = [spans[place][1] for place in self.order]
        self.latest = list(accumulate(ends, max))
        latest = 0
        self.last = []
        for place, end in enumerate(ends):
            latest = place if end > ends[latest] else latest
            self.last.append(latest)

    def overlapping(self, start: float, end: float) -> list[int]:
        """Those that have time in common with [start, end], in order of starts."""
        first, last = bisect_right(self.latest, start), bisect_left(self.starts, end)
        return [place for place in self.order[first:last] if self.spans[place][1] > start]

    def nearest(self, start: float, end: float) -> int:
        """That which shares most time with [start, end], or is nearest to it; of those alike the
        shortest, then the first by time."""
        found = self.overlapping(start, end)
        if not found:
            after = bisect_left(self.starts, end)
            found = (
                self.order[after : bisect_right(self.starts, self.starts[after])]
                if (after < len(self.order))
                else []
            )
            if after:
                found.append(self.order[self.last[after - 1]])

        def fit(place: int) -> tuple[float, float, float]:
            low, high = self.spans[place]
            return round(max(low, start) - min(high, end), 6), high - low, low

        return min(found, key=fit)

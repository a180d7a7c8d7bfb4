"""Where in a conversation a word stands: in overlap, at a turn's edge, in a short turn, or inside.

Mistakes of a first pass gather in the first three. It knows times and speakers of the reference,
and nothing of models.
"""

from collections.abc import Sequence

from seal.words import Word, turns

PLACES = ("overlap", "turn edge", "short turn", "inside")

EDGE = 0.3
"""Seconds from a change of speaker."""

SHORT = 1.0
"""Seconds of a short turn."""


def places(reference: Sequence[Word], words: Sequence[Word]) -> list[str]:
    """The place of each of `words` (in time order) among the reference's turns, by its middle."""
    stretches = sorted(turns(reference))
    longest = max((end - start for start, end, _ in stretches), default=0.0)
    found, first = [], 0
    for word in words:
        middle = (word["start_time"] + word["end_time"]) / 2
        while first < len(stretches) and stretches[first][0] < middle - longest - 10:
            first += 1
        near = []
        for stretch in stretches[first:]:
            if stretch[0] > middle + EDGE:
                break
            near.append(stretch)
        found.append(_place(middle, near))
    return found


def _place(middle: float, stretches: Sequence[tuple[float, float, str]]) -> str:
    here = [turn for turn in stretches if turn[0] <= middle <= turn[1]]
    if len({speaker for *_, speaker in here}) > 1:
        return "overlap"
    if here and here[0][1] - here[0][0] < SHORT:
        return "short turn"
    speaker = here[0][2] if here else None
    edge = any(
        other != speaker and (abs(start - middle) < EDGE or abs(end - middle) < EDGE)
        for start, end, other in stretches
    )
    return "turn edge" if edge else "inside"

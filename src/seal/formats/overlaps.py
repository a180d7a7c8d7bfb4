"""Times that seal took from the letters, where cues, lines or rows overlap.

Rolling captions begin before the last ones end. Their words must not be mixed by times that nobody
measured: those of a cue are said before the next one begins. It knows no format.
"""

from collections.abc import Sequence
from itertools import groupby

from seal.formats.reading import Entry
from seal.parsing import split_time


def keep_whole(cues: Sequence[tuple[float, float, list[Entry]]]) -> None:
    """Time the words of cues (start, end, words) so that each cue's stay together, in the order in
    which the cues begin.

    The last word of a cue that another speaker interrupts ends as the cue does.
    """
    said = sorted((cue for cue in cues if cue[2]), key=lambda cue: cue[0])
    groups = [list(group) for _, group in groupby(said, key=lambda cue: cue[0])]
    for place, group in enumerate(groups):
        after = groups[place + 1][0] if place + 1 < len(groups) else None
        start, end = group[0][0], max(stop for _, stop, _ in group)
        if len(group) == 1 and (after is None or end <= after[0]):
            continue
        if after is not None:
            end = min(end, after[0])
        entries = [entry for *_, words in group for entry in words]
        times = split_time([entry.text for entry in entries], start, end)
        for entry, (first, last) in zip(entries, times, strict=True):
            entry.start, entry.end = first, last
        following = [*group[1:], *([after] if after is not None else [])]
        for (_, stop, words), (_, _, others) in zip(group, following, strict=False):
            if words[-1].speaker != others[0].speaker:
                words[-1].end = max(stop, words[-1].end or 0.0)

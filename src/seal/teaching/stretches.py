"""Stretches: a few words of one speaker on end, which a person can hear and rule in one answer.

A conversation is cut where the speaker changes, at pauses, at the end of a sentence, and before a
stretch gets long; `spans` says where each is to be heard. It knows nothing of rulings or of sound.
"""

from collections.abc import Sequence

from seal.correctors.ag_lsec_features import CLOSING, ends_sentence
from seal.words import Word

PAUSE = 0.3
"""Seconds of silence that end a stretch, the gap that also ends a turn (`words.MAX_GAP`)."""

LONGEST = 3.0
"""Seconds after which one ends: what is longer may hold two voices."""

SHORTEST = 1.5
"""Seconds of audio that a voice is taken from where the stretch is shorter, as far as nobody else
speaks: less is no voice."""

Stretch = tuple[int, int]
"""The index of its first word, and of the first word after it."""


def stretches(words: Sequence[Word], labels: Sequence[object]) -> list[Stretch]:
    """Cut the words, in time order, into stretches of one label each. They hold every word once."""
    starts = [0] if words else []
    for index in range(1, len(words)):
        before, word = words[index - 1], words[index]
        if (
            labels[index] != labels[index - 1]
            or word["start_time"] - before["end_time"] > PAUSE
            or word["end_time"] - words[starts[-1]]["start_time"] > LONGEST
            or ends_sentence(before["words"].rstrip(CLOSING))
        ):
            starts.append(index)
    return list(zip(starts, [*starts[1:], len(words)], strict=True)) if starts else []


def spans(
    words: Sequence[Word], labels: Sequence[object], found: Sequence[Stretch]
) -> list[tuple[float, float]]:
    """(start, end) in seconds of the audio of each stretch: its own, and up to SHORTEST of what is
    about it where its speaker goes on or nobody speaks."""
    result = []
    for first, after in found:
        start = float(words[first]["start_time"])
        end = max(float(word["end_time"]) for word in words[first:after])
        more = (SHORTEST - (end - start)) / 2
        if more > 0:
            earliest, latest = start - more, end + more
            index = first - 1
            while index >= 0 and words[index]["end_time"] > earliest:
                if labels[index] != labels[first]:
                    earliest = min(start, max(earliest, float(words[index]["end_time"])))
                    break
                index -= 1
            index = after
            while index < len(words) and words[index]["start_time"] < latest:
                if labels[index] != labels[first]:
                    latest = max(end, min(latest, float(words[index]["start_time"])))
                    break
                index += 1
            start, end = max(0.0, earliest), latest
        result.append((start, end))
    return result

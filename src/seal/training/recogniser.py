"""Words as a recogniser of one channel gives them, from a reference.

Of two people who speak at once it hears one, as a rule; it mishears and loses words anywhere, and
its times are a little off. Real diarizers' turns have no words: these get them. The same draw is
for every diarizer of a recording. It knows nothing of diarizers.
"""

from collections.abc import Sequence

import numpy as np

from seal.words import Word

COVERED = 0.45
"""Share of the words that begin inside another speaker's word which are left out."""

WRONG = 0.08
"""Share of all words that are replaced by another word of the recording, or lost."""

LOST = 0.4
"""Share of the wrong ones which are lost."""

SHAKE = 0.04
"""Standard deviation, in seconds, of the shift of a word's times."""


def recognised(reference: Sequence[Word], rng: np.random.Generator) -> list[Word]:
    """The words that are heard, in time order, each with its true speaker.

    `reference` holds the words of one recording in time order.
    """
    texts = [word["words"] for word in reference]
    heard = []
    for word, covered in zip(reference, inside(reference), strict=True):
        if covered and rng.random() < COVERED:
            continue
        text = word["words"]
        if rng.random() < WRONG:
            if rng.random() < LOST:
                continue
            text = texts[rng.integers(len(texts))]
        shift = rng.normal(0, SHAKE)
        start = max(0.0, word["start_time"] + shift)
        end = max(start + 0.02, word["end_time"] + shift)
        times = {"start_time": round(start, 3), "end_time": round(end, 3)}
        heard.append({**word, "words": text, **times})
    return sorted(heard, key=lambda word: word["start_time"])


def inside(reference: Sequence[Word]) -> list[bool]:
    """Whether each word, in time order, begins inside a word of another speaker."""
    ends: dict[str, float] = {}
    found = []
    for word in reference:
        start, speaker = word["start_time"], word["speaker"]
        found.append(any(end > start for other, end in ends.items() if other != speaker))
        ends[speaker] = max(ends.get(speaker, 0.0), word["end_time"])
    return found

"""Posteriors + recognised words → a word transcript in which every word has a speaker and scores.

Paper III-A: the posteriors are median-filtered over time and averaged over each word's frames;
the speaker with the highest average gets the word. This file knows nothing of sound or of models.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seal.firstpass import Posteriors
from seal.words import Word

if TYPE_CHECKING:
    from seal.segmentation import Floats

MEDIAN = 11  # frames (0.19 s) of the median filter; as long where frames have another length
SPEECH = 0.1  # posterior of the best speaker below which a word's frames hold no speech
SPOKEN = 0.5  # posterior from which a frame is speech to which such a word may belong


def reconcile(asr_words: Sequence[Word], posteriors: Posteriors, session_id: str) -> list[Word]:
    """The words with `session_id`, `speaker` and `speaker_scores` (every speaker, 4 decimals).

    Words, times, order and other keys stay. A word whose frames hold no speech, or that lies
    outside the recording, goes to the speaker of the nearest frame with speech, and keeps the
    scores of its own frames. Speakers are "A", "B", ... in order of appearance, then those that
    got no word; where the posteriors have names, those stay.
    """
    import numpy as np

    frames = smooth(posteriors.frames, _median(posteriors.step))
    averages = _averages(frames, posteriors, asr_words)
    columns = max(1, posteriors.frames.shape[1])
    best = frames.max(axis=1) if frames.size else np.zeros(0, dtype=np.float32)
    spoken = np.flatnonzero(best >= SPOKEN)
    chosen: list[int] = []
    for word, scores in zip(asr_words, averages, strict=True):
        column = int(scores.argmax())
        if scores[column] < SPEECH or (scores == scores[column]).sum() > 1:
            if len(spoken):
                middle = _middle(posteriors, word["start_time"], word["end_time"])
                near = spoken[np.abs(spoken - middle).argmin()]
                column = int(frames[near].argmax())
            elif chosen:
                column = chosen[-1]
        chosen.append(column)
    rank = {column: i for i, column in enumerate(dict.fromkeys([*chosen, *range(columns)]))}
    known = posteriors.names
    names = {column: known[column] if known else name(i) for column, i in rank.items()}
    order = sorted(names, key=lambda column: rank[column])
    return [
        {
            **word,
            "session_id": session_id,
            "speaker": names[column],
            "speaker_scores": {names[c]: round(float(scores[c]), 4) for c in order},
        }
        for word, scores, column in zip(asr_words, averages, chosen, strict=True)
    ]


def pooled(posteriors: Posteriors, words: Sequence[Word]) -> "Floats":
    """Each word's average of the smoothed posteriors: [W, K] in [0, 1]."""
    import numpy as np

    frames = smooth(posteriors.frames, _median(posteriors.step))
    return np.stack(_averages(frames, posteriors, words))


def _averages(frames: "Floats", posteriors: Posteriors, words: Sequence[Word]) -> "list[Floats]":
    return [pool(frames, posteriors, word["start_time"], word["end_time"]) for word in words]


def smooth(frames: "Floats", width: int = MEDIAN) -> "Floats":
    """Median filter over `width` frames of time, each speaker on its own: [T, K] → [T, K]."""
    import numpy as np
    from scipy.ndimage import median_filter

    if not frames.size:
        return frames
    clean = np.clip(np.nan_to_num(frames, nan=0.0), 0.0, 1.0)
    return median_filter(clean, size=(width, 1), mode="nearest")


def _median(step: float) -> int:
    """MEDIAN frames of the first pass as frames of `step` seconds: the nearest odd number."""
    return 2 * round((MEDIAN * Posteriors.step / step - 1) / 2) + 1


def pool(frames: "Floats", posteriors: Posteriors, start: float, end: float) -> "Floats":
    """Mean of the frames inside a word: [K], in [0, 1]; the nearest one where none is inside."""
    import numpy as np

    count = len(frames)
    if not frames.size:
        return np.zeros(max(1, frames.shape[1]), dtype=np.float32)
    first = _clamp(math.ceil((start - posteriors.start) / posteriors.step), count)
    last = _clamp(math.floor((end - posteriors.start) / posteriors.step), count)
    if last < first:
        first = last = _clamp(posteriors.frame((start + end) / 2), count)
    return frames[first : last + 1].mean(axis=0)


def _middle(posteriors: Posteriors, start: float, end: float) -> int:
    return posteriors.frame((start + end) / 2)


def _clamp(frame: int, count: int) -> int:
    return min(max(frame, 0), count - 1)


def name(index: int) -> str:
    """The name of the i-th speaker to appear: A to Z, then S27, S28, ...

    >>> name(0), name(25), name(26)
    ('A', 'Z', 'S27')
    """
    return chr(ord("A") + index) if index < 26 else f"S{index + 1}"

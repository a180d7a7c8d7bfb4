"""Posteriors + recognised words → a word transcript in which every word has a speaker and scores.

Paper III-A: the posteriors are median-filtered over time and averaged over each word's frames;
the speaker with the highest average gets the word. This file knows nothing of audio or of models.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import median_filter

from seal.acoustic.arrays import Floats, Ints
from seal.acoustic.posteriors import STEP, Posteriors
from seal.words import Word

MEDIAN = 11  # frames (0.19 s) of the median filter; as long where frames have another length
SPEECH = 0.1  # posterior of the best speaker below which a word's frames hold no speech
SPOKEN = 0.5  # posterior from which a frame is speech to which such a word may belong
BLOCK = 1 << 16  # frames that are smoothed at once: 18 minutes


def reconcile(asr_words: Sequence[Word], posteriors: Posteriors, session_id: str) -> list[Word]:
    """The words with `session_id`, `speaker` and `speaker_scores` (every speaker, 4 decimals).

    Words, times, order and other keys stay. A word whose frames hold no speech, or that lies
    outside the recording, goes to the speaker of the nearest frame with speech, and keeps the
    scores of its own frames. Speakers are "A", "B", ... in order of appearance, then those that
    got no word; where the posteriors have names, those stay.
    """
    columns = max(1, posteriors.frames.shape[1])
    averages, surest, spoken = _smoothed(posteriors, asr_words)
    chosen: list[int] = []
    for word, scores in zip(asr_words, averages, strict=True):
        column = int(scores.argmax())
        if scores[column] < SPEECH or (scores == scores[column]).sum() > 1:
            if len(spoken):
                middle = posteriors.frame((word["start_time"] + word["end_time"]) / 2)
                column = int(surest[_nearest(spoken, middle)])
            elif chosen:
                column = chosen[-1]
        chosen.append(column)
    rank = {column: i for i, column in enumerate(dict.fromkeys([*chosen, *range(columns)]))}
    given = posteriors.names
    names = {column: given[column] if given else name(i) for column, i in rank.items()}
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


def pooled(posteriors: Posteriors, words: Sequence[Word]) -> Floats:
    """Each word's average of the smoothed posteriors: [W, K] in [0, 1]."""
    return _smoothed(posteriors, words)[0]


def _smoothed(posteriors: Posteriors, words: Sequence[Word]) -> tuple[Floats, np.ndarray, Ints]:
    """Each word's average [W, K], the surest speaker of each frame [T], and the frames with
    speech. BLOCK frames are smoothed at a time: a long recording's posteriors are held once."""
    frames, width = posteriors.frames, _median(posteriors.step)
    count = len(frames)
    averages = np.zeros((len(words), max(1, frames.shape[1])), dtype=np.float32)
    surest = np.zeros(count, dtype=np.int32)
    spoken = np.zeros(count, dtype=bool)
    spans = [_span(posteriors, word["start_time"], word["end_time"]) for word in words]
    waiting = sorted(range(len(spans)), key=spans.__getitem__, reverse=True)
    for first in range(0, count if frames.size else 0, BLOCK):
        last = end = min(first + BLOCK, count)
        inside = []
        while waiting and spans[waiting[-1]][0] < last:
            inside.append(waiting.pop())
            end = max(end, spans[inside[-1]][1] + 1)
        begin = max(0, first - width)
        smoothed = smooth(frames[begin : min(count, end + width)], width)
        for index in inside:
            start, stop = spans[index]
            averages[index] = smoothed[start - begin : stop + 1 - begin].mean(axis=0)
        smoothed = smoothed[first - begin : last - begin]
        surest[first:last] = smoothed.argmax(axis=1)
        spoken[first:last] = smoothed.max(axis=1) >= SPOKEN
    return averages, surest, np.flatnonzero(spoken)


def _nearest(frames: Ints, middle: int) -> int:
    """The one of `frames`, which are in order, that is nearest to another; the earlier of two."""
    right = min(int(np.searchsorted(frames, middle)), len(frames) - 1)
    left = max(right - 1, 0)
    return int(frames[left if middle - frames[left] <= frames[right] - middle else right])


def smooth(frames: Floats, width: int = MEDIAN) -> Floats:
    """Median filter over `width` frames of time, each speaker on its own: [T, K] → [T, K]."""
    if not frames.size:
        return frames
    clean = np.clip(np.nan_to_num(frames, nan=0.0), 0.0, 1.0)
    return median_filter(clean, size=(width, 1), mode="nearest")


def _median(step: float) -> int:
    """MEDIAN frames of the first pass as frames of `step` seconds: the nearest odd number."""
    return 2 * round((MEDIAN * STEP / step - 1) / 2) + 1


def _span(posteriors: Posteriors, start: float, end: float) -> tuple[int, int]:
    """The first and last frame inside a word; the nearest one where none is inside."""
    count = len(posteriors.frames)
    first = _clamp(math.ceil((start - posteriors.start) / posteriors.step), count)
    last = _clamp(math.floor((end - posteriors.start) / posteriors.step), count)
    if last < first:
        first = last = _clamp(posteriors.frame((start + end) / 2), count)
    return first, last


def _clamp(frame: int, count: int) -> int:
    return min(max(frame, 0), count - 1)


def name(index: int) -> str:
    """The name of the i-th speaker to appear: A to Z, then S27, S28, ...

    >>> name(0), name(25), name(26)
    ('A', 'Z', 'S27')
    """
    return chr(ord("A") + index) if index < 26 else f"S{index + 1}"

"""What AG-LSEC reads of words beside their text: the first pass, the times, marks and habits.

For each word of a window and each candidate speaker a row of numbers: whom the first pass named and
how sure it was, pauses and lengths, what was written about the word, how the first pass of the
whole recording looks. What is missing is 0, and another number says so. It knows nothing of
networks.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seal.words import Word, normalise

WINDOW = 128
"""Words that are read together."""

FLOOR = 0.01
"""Scores are taken to lie between this and 1 - this: their logits stay finite."""

PRESENT = 0.05
"""A speaker without a word in a window is a candidate there from this score on."""

FEATURES = 21

BESIDE = 8
"""Words after a word that may begin before it ends."""

ENDS = ".?!…。？！"
"""Marks at which a sentence ends."""

OTHER_MARKS = ",;:—–"

CLOSING = "\"'”’)]»"
"""What may stand behind a mark."""

PUNCTUATED = 0.02
"""Share of a recording's words with a sentence's end from which on it has punctuation."""


@dataclass(frozen=True)
class Window:
    """What the network reads of W words and K candidate speakers."""

    pieces: list[list[int]]
    """The encoder's tokens of each word, one at least."""
    features: np.ndarray
    """float32 [K, W, FEATURES]."""


def candidates(words: Sequence[Word], names: Sequence[str]) -> list[int]:
    """Which of `names` may have said a word here: those who have one, or a score to speak of."""
    present = {word["speaker"] for word in words}
    for word in words:
        scores = word.get("speaker_scores") or {}
        present.update(name for name, score in scores.items() if score >= PRESENT)
    return [index for index, name in enumerate(names) if name in present]


@dataclass(frozen=True)
class Habits:
    """How the first pass of a whole recording looks: numbers of about the same size."""

    punctuated: bool
    """It has punctuation."""
    sure: float
    """Mean score of the words' own speakers, or 1 where no word has scores."""
    changes: float
    """Share of the words whose speaker is not that of the word before, times four."""
    islands: float
    """Share of these words after which the speaker changes again within two words."""
    shares: dict[str, float] = field(default_factory=dict)
    """Of the words, what each speaker says."""
    partners: dict[str, float] = field(default_factory=dict)
    """Of the turns before and after each speaker's, the share of whoever has most of them: where
    one voice has two names, both alternate with one partner and never with each other."""


def habits(words: Sequence[Word], written: bool = True) -> Habits:
    """The habits of a recording's first pass, its words in time order; without `written` it counts
    as without punctuation."""
    if not words:
        return Habits(False, 1.0, 0.0, 0.0)
    own = [
        float(scores.get(word["speaker"], 0.0))
        for word in words
        if (scores := word.get("speaker_scores"))
    ]
    changed = [n for n in range(1, len(words)) if words[n]["speaker"] != words[n - 1]["speaker"]]
    short = sum(later - first <= 2 for first, later in itertools.pairwise(changed))
    said = Counter(word["speaker"] for word in words)
    met: dict[str, Counter[str]] = {name: Counter() for name in said}
    for n in changed:
        one, other = words[n - 1]["speaker"], words[n]["speaker"]
        met[one][other] += 1
        met[other][one] += 1
    return Habits(
        written and is_punctuated(words),
        sum(own) / len(own) if own else 1.0,
        4 * len(changed) / len(words),
        short / max(len(changed), 1),
        {name: count / len(words) for name, count in said.items()},
        {name: max(c.values()) / c.total() if c else 0.0 for name, c in met.items()},
    )


def is_punctuated(words: Sequence[Word]) -> bool:
    """Whether a recording has punctuation: sentences end in it."""
    return sum(ends_sentence(word["words"]) for word in words) > PUNCTUATED * len(words)


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends with the word.

    >>> [ends_sentence(text) for text in ("home.", '"Really?"', "e.g.,", "Dr", "...")]
    [True, True, False, False, False]
    """
    bare = text.rstrip(CLOSING)
    return bool(bare) and bare[-1] in ENDS and any(map(str.isalnum, bare))


def window(
    words: Sequence[Word],
    names: Sequence[str],
    pieces: Sequence[list[int]],
    recording: Habits,
    fit: np.ndarray,
) -> Window:
    """What the network reads of these words (in time order), of the candidate speakers `names`, and
    of the recording that they come from. `fit` [W, K] says in nats how well each word fits into
    what each speaker is saying (`trigrams.fits`); zeros where no model says it."""
    features = np.zeros((len(names), len(words), FEATURES), dtype=np.float32)
    speakers = {name: index for index, name in enumerate(names)}
    last = 0.0
    for index, word in enumerate(words):
        features[speakers[word["speaker"]], index, 0] = 1
        scores = word.get("speaker_scores")
        if scores:
            values = np.array([float(scores.get(name, 0.0)) for name in names])
            odds = values.clip(FLOOR, 1 - FLOOR) / (1 - values).clip(FLOOR, 1 - FLOOR)
            logits = np.log(odds) / 4
            features[:, index, 1] = 1
            features[:, index, 2] = logits
            if len(names) > 1:
                features[:, index, 3] = _ahead(logits)
            features[:, index, 4] = values
        start, end = float(word["start_time"]), float(word["end_time"])
        pause = min(max(start - last, 0.0), 2.0) if index else 0.0
        features[:, index, 5] = pause
        features[:, index - 1, 6] = pause if index else 0.0
        features[:, index, 7] = min(max(end - start, 0.0), 1.0)
        if recording.punctuated:
            bare = word["words"].rstrip(CLOSING)
            features[:, index, 8] = ends_sentence(bare)
            features[:, index, 9] = bare[-1:] in OTHER_MARKS and bool(bare)
            features[:, index, 10] = bare[:1].isupper() and normalise(bare).split("'")[0] != "i"
        features[:, index, 12] = min(max(last - start, 0.0), 2.0) if index else 0.0
        last = max(last, end)
    features[:, :, 11] = recording.punctuated
    features[:, :, 13] = recording.sure
    features[:, :, 14] = recording.changes
    features[:, :, 15] = recording.islands
    features[:, :, 16] = np.array([[recording.shares.get(name, 0.0)] for name in names])
    features[:, :, 17] = np.array([[recording.partners.get(name, 0.0)] for name in names])
    features[:, :, 18] = _conflicts(words, speakers)
    features[:, :, 19] = fit.T / 4
    if len(names) > 1:
        features[:, :, 20] = _ahead(fit.T / 4)
    return Window(list(pieces), features)


def _ahead(values: np.ndarray) -> np.ndarray:
    """By how much each row is larger than the largest of the others."""
    ranked = np.sort(values, axis=0)
    return values - np.where(values == ranked[-1], ranked[-2], ranked[-1])


def _conflicts(words: Sequence[Word], speakers: Mapping[str, int]) -> np.ndarray:
    """How much of each word's time other words of each speaker take, in parts of it, at most 2:
    [K, W]. Nobody says two words at once."""
    found = np.zeros((len(speakers), len(words)))
    times = [(float(word["start_time"]), float(word["end_time"])) for word in words]
    whose = [speakers[word["speaker"]] for word in words]
    for index, (start, end) in enumerate(times):
        for other in range(index + 1, min(index + 1 + BESIDE, len(words))):
            shared = min(end, times[other][1]) - max(start, times[other][0])
            if shared <= 0:
                continue
            found[whose[other], index] += shared / max(end - start, 0.05)
            found[whose[index], other] += shared / max(times[other][1] - times[other][0], 0.05)
    return found.clip(max=2.0)

"""Speaker scores from the recording for words that somebody else transcribed.

seal's own first pass listens, and its speakers are matched with the transcript's by the time in
which both speak. What it heard is then scored under the transcript's names; who said a word is not
touched here. It knows nothing of correctors: those see words with scores, as `seal transcribe`
makes them. What it takes to hear is imported where there is a recording: a correction of text alone
starts without.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seal.acoustic.arrays import Floats
from seal.errors import SealError
from seal.progress import Progress
from seal.words import Word

LEAST = 3.0
"""Seconds of words below which a speaker does not count when the first pass is told how many."""

LATE = 2.0
"""Seconds by which words may begin after the recording has ended: clocks differ a little."""


def with_scores(
    words: Sequence[Word],
    names: Sequence[str],
    source: str | Path,
    progress: Progress | None = None,
) -> list[Word]:
    """The words of one conversation, those without `speaker_scores` with the first pass's.

    `names` are its speakers; each gets a score in [0, 1], and nobody else. `source` is the
    recording or a folder with it; `progress` gets the part of it that is heard. Raises SealError
    where there is no such recording, or words begin after its end.
    """
    if all(word.get("speaker_scores") for word in words):
        return list(words)
    from seal.acoustic.first_pass import first_pass
    from seal.acoustic.reconcile import pooled

    recording = recording_of(source, words[0]["session_id"])
    posteriors = first_pass(recording, count_speakers(words), progress)
    ends = posteriors.start + len(posteriors.frames) * posteriors.step
    last = max(word["start_time"] for word in words)
    if last > ends + LATE:
        raise SealError(
            f"{recording}: ends after {ends:.0f} s, but words of {words[0]['session_id']} begin at "
            f"{last:.0f} s; is it their recording?"
        )
    scores = pooled(posteriors, words)
    heard = renamed(scores, matched(words, names, scores), names)
    return [
        word if word.get("speaker_scores") else {**word, "speaker_scores": own}
        for word, own in zip(words, heard, strict=True)
    ]


def recording_of(source: str | Path, session: str) -> Path:
    """The recording itself, or that of the session in a folder of recordings."""
    path = Path(source)
    if not path.is_dir():
        return path
    found = [file for file in sorted(path.iterdir()) if file.stem == session and file.is_file()]
    recordings = [file for file in found if file.suffix not in (".json", ".txt", ".rttm")]
    if len(recordings) != 1:
        there = " and ".join(file.name for file in recordings) or "none"
        raise SealError(f"{path}: one recording must be called {session}.wav or so, not {there}")
    return recordings[0]


def count_speakers(words: Sequence[Word]) -> int | None:
    """How many speakers the first pass is to find: those who say more than a word or two; None,
    as many as it hears, where that is not two or more."""
    spoken: dict[str, float] = {}
    for word in words:
        spoken[word["speaker"]] = spoken.get(word["speaker"], 0.0) + _length(word)
    count = sum(seconds >= LEAST for seconds in spoken.values())
    return count if count > 1 else None


def matched(words: Sequence[Word], names: Sequence[str], scores: Floats) -> dict[str, int]:
    """The column of the scores [W, K] that is each name's; none twice, and none for a name whose
    words no free column is heard in. Seconds in which both speak are made most in all."""
    from seal.tpst import best_match

    rows = {name: row for row, name in enumerate(names)}
    together = np.zeros((len(names), scores.shape[1]))
    for word, row in zip(words, scores, strict=True):
        together[rows[word["speaker"]]] += _length(word) * row
    return {names[row]: column for row, column in best_match(together) if together[row, column] > 0}


def renamed(
    scores: Floats, columns: dict[str, int], names: Sequence[str]
) -> list[dict[str, float]]:
    """Each word's scores under the names. Those without a column share what is left of 1; what the
    first pass heard of speakers that have no name is left out."""
    known = scores[:, list(columns.values())].clip(0.0, 1.0)
    left = (1.0 - known.sum(axis=1)).clip(0.0, 1.0) / max(1, len(names) - len(columns))
    by_name = dict(zip(columns, known.T, strict=True))
    table = np.stack([by_name.get(name, left) for name in names], axis=1)
    return [
        {name: round(float(score), 4) for name, score in zip(names, row, strict=True)}
        for row in table
    ]


def _length(word: Word) -> float:
    return max(float(word["end_time"] - word["start_time"]), 1e-3)

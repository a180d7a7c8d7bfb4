"""A simulated first pass: reference words with times to scored, partly wrong word transcripts.

It makes posteriors as an end-to-end diarizer would (late and blurred turn edges, missed short
answers, speakers competing in overlap, bursts of confusion), loses and mishears words as an ASR
would, and pools them in its own, simpler way: median filter, mean over the word, highest
posterior (`reconcile` differs in the filter and in silence; `bench.simulated` calls it). Each
recording gets a severity of its own. It knows nothing of audio.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seal.words import Word, speakers, turns

STEP = 0.05
"""Seconds per simulated frame."""

Corpora = Sequence[tuple[float, Sequence[Sequence[Word]]]]
"""(weight, recordings) of each corpus; a recording's words are in time order."""


@dataclass(frozen=True)
class Severity:
    """How bad one recording's first pass is. Times in seconds, rates per opportunity."""

    lag: float
    """Mean delay of a turn's edges: a diarizer hears the new speaker late."""
    jitter: float
    """Standard deviation of each edge's place."""
    blur: float
    """Width over which an edge is smeared."""
    gain: float
    """Logit of a clear posterior."""
    noise: float
    """Standard deviation of the logits' slow noise."""
    missed: float
    """Chance that a turn under a second is not heard at all."""
    confused: float
    """Bursts of confusion per minute of speech."""
    mistaken: float
    """Stretches of seconds per minute of speech in which a voice is taken for another one: what
    the joining of speakers over windows gets wrong. Rare in most recordings, common in some."""
    lost: float
    """Chance that a word under a louder voice is not recognised."""
    misheard: float
    """Chance of a wrong or a missing word anywhere."""
    word_jitter: float
    """Standard deviation of the ASR's word times."""
    fixed_lag: float
    """Shift of the whole diarization against the words."""


def draw_severity(rng: np.random.Generator, scale: float = 1.0) -> Severity:
    """A severity at random; `scale` stretches the spread (1: as met in use, 2: heavy)."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Severity(
        lag=between(-0.05, 0.15) * scale,
        jitter=between(0.08, 0.35) * scale,
        blur=between(0.05, 0.25),
        gain=between(2.0, 6.5),
        noise=between(0.3, 1.6) * scale**0.5,
        missed=min(between(0.0, 0.8) * scale, 1.0),
        confused=between(0.0, 3.0) * scale,
        mistaken=between(0.0, 1.0) ** 3 * 3 * scale,
        lost=between(0.1, 0.7),
        misheard=between(0.01, 0.12),
        word_jitter=between(0.0, 0.12) * scale**0.5,
        fixed_lag=float(rng.normal(0, 0.08)) * scale,
    )


def draw_excerpt(corpora: Corpora, length: int, rng: np.random.Generator) -> Sequence[Word]:
    """`length` words in a row of a recording: a corpus by its weight, a recording by its words."""
    weights = np.array([weight for weight, _ in corpora])
    recordings = corpora[rng.choice(len(corpora), p=weights / weights.sum())][1]
    lengths = np.array([len(words) for words in recordings], dtype=float)
    words = recordings[rng.choice(len(recordings), p=lengths / lengths.sum())]
    first = int(rng.integers(max(1, len(words) - length)))
    return words[first : first + length]


def from_start(excerpt: Sequence[Word]) -> list[Word]:
    """The words with times that begin at a second or less."""
    offset = max(0.0, excerpt[0]["start_time"] - 1)
    return [
        word | {"start_time": word["start_time"] - offset, "end_time": word["end_time"] - offset}
        for word in excerpt
    ]


def simulate(
    reference: Sequence[Word], severity: Severity, rng: np.random.Generator
) -> tuple[list[Word], list[str]]:
    """Return a first-pass transcript of one recording and the true speaker of each of its words.

    `reference` holds words of one session in time order. The transcript's words are in time order
    of the simulated ASR; every one has `speaker_scores` over all speakers of the reference.
    """
    from scipy.ndimage import median_filter

    names = speakers(reference)
    if not reference:
        return [], []
    loudness = rng.normal(0, 1, len(names))
    heard = recognise(reference, loudness, severity, rng)
    posteriors = median_filter(
        imagined(reference, loudness, severity, rng), size=(5, 1), mode="nearest"
    )
    transcript: list[Word] = []
    truth: list[str] = []
    for word, start, end, text in heard:
        first = min(int(start / STEP), len(posteriors) - 1)
        last = min(max(first + 1, int(np.ceil(end / STEP))), len(posteriors))
        # As `mean` does it, to the bit, without its many checks.
        scores = np.add.reduce(posteriors[first:last], axis=0) / posteriors.dtype.type(last - first)
        best = int(scores.argmax())
        transcript.append(
            {
                "session_id": word["session_id"],
                "speaker": names[best],
                "words": text,
                "start_time": round(start, 3),
                "end_time": round(end, 3),
                "speaker_scores": {
                    name: round(float(score), 4) for name, score in zip(names, scores, strict=True)
                },
            }
        )
        truth.append(word["speaker"])
    return transcript, truth


def recognise(
    reference: Sequence[Word], loudness: np.ndarray, severity: Severity, rng: np.random.Generator
) -> list[tuple[Word, float, float, str]]:
    """The words that a simulated ASR gives: (reference word, start, end, text), in time order.

    `loudness` has a number for each of the reference's speakers, in order of appearance: where
    two speak at once, the words of the louder one are heard more often.
    """
    texts = [word["words"] for word in reference]
    number = {name: index for index, name in enumerate(speakers(reference))}
    last_end = np.zeros(len(number))
    heard = []
    for index, word in enumerate(reference):
        start, end = float(word["start_time"]), float(word["end_time"])
        own = number[word["speaker"]]
        covered = any(
            last_end[other] > start and loudness[other] + rng.normal(0, 1) > loudness[own]
            for other in range(len(number))
            if other != own
        )
        covered = covered or any(
            later["start_time"] < end
            and later["speaker"] != word["speaker"]
            and loudness[number[later["speaker"]]] + rng.normal(0, 1) > loudness[own]
            for later in reference[index + 1 : index + 3]
        )
        last_end[own] = max(last_end[own], end)
        if covered and rng.random() < severity.lost:
            continue
        text = word["words"]
        if rng.random() < severity.misheard:
            if rng.random() < 0.4:
                continue
            text = texts[rng.integers(len(texts))]
        shift = rng.normal(0, severity.word_jitter) if severity.word_jitter else 0.0
        start = max(0.0, start + shift)
        heard.append((word, start, max(start + 0.02, end + shift), text))
    # An ASR writes one stream of words: shaken times do not reorder a speaker's own words.
    heard.sort(key=lambda item: item[1])
    return heard


def imagined(
    reference: Sequence[Word], loudness: np.ndarray, severity: Severity, rng: np.random.Generator
) -> np.ndarray:
    """Posteriors [T, K] of an imagined end-to-end diarizer, in frames of STEP seconds from 0."""
    from scipy.ndimage import gaussian_filter1d

    frames = int(max(word["end_time"] for word in reference) / STEP) + 40
    number = {name: index for index, name in enumerate(speakers(reference))}
    count = len(number)
    activity = np.zeros((frames, count), dtype=np.float32)
    for start, end, speaker in turns(reference):
        length = end - start
        unheard = length < 1.0 and rng.random() < severity.missed
        level = rng.uniform(0.0, 0.4) if unheard else 1.0
        start += severity.fixed_lag + severity.lag + rng.normal(0, severity.jitter)
        end += severity.fixed_lag + severity.lag + rng.normal(0, severity.jitter)
        first, last = int(max(start, 0) / STEP), int(max(end, 0) / STEP) + 1
        column = activity[first:last, number[speaker]]
        np.maximum(column, level, out=column)
    # Overlap: one voice covers the other for a while.
    _compete(activity, loudness, rng)
    _confuse(activity, severity, rng)
    activity = gaussian_filter1d(activity, severity.blur / STEP, axis=0, mode="nearest")
    noise = rng.normal(0, 1, (frames, count)).astype(np.float32)
    noise = gaussian_filter1d(noise, 0.25 / STEP, axis=0)
    noise *= severity.noise / max(float(noise.std()), 1e-6)
    logits = severity.gain * (2 * activity - 1) + noise
    return 1 / (1 + np.exp(-logits))


def _compete(activity: np.ndarray, loudness: np.ndarray, rng: np.random.Generator) -> None:
    """Where several speak, all but one lose some of their level, in stretches of about a second.
    The voice that the diarizer hears is mostly the one whose words the ASR hears: the louder."""
    stretch = int(1.0 / STEP)
    for first in range(0, len(activity), stretch):
        part = activity[first : first + stretch]
        together = (part > 0.5).sum(axis=1) > 1
        if together.any():
            heard = (part > 0.5).any(axis=0)
            level = np.where(heard, loudness + rng.normal(0, 1, len(loudness)), -np.inf)
            factor = np.full(activity.shape[1], rng.uniform(0.0, 1.0), dtype=np.float32)
            factor[level.argmax()] = 1.0
            part[together] *= factor


def _confuse(activity: np.ndarray, severity: Severity, rng: np.random.Generator) -> None:
    """Bursts in which a part of any voice is heard as another's, and longer stretches in which
    the voice that speaks there is taken for another one."""
    count = activity.shape[1]
    if count < 2:
        return
    minutes = float((activity > 0.5).any(axis=1).sum()) * STEP / 60
    for rate, seconds in ((severity.confused, 0.8), (severity.mistaken, 4.0)):
        for _ in range(rng.poisson(rate * minutes)):
            first = int(rng.integers(len(activity)))
            last = first + int(rng.exponential(seconds) / STEP) + 2
            part = activity[first:last]
            one, other = rng.permutation(count)[:2]
            share = rng.uniform(0.3, 1.0)
            if rate == severity.mistaken:
                one = int(part.sum(axis=0).argmax())
                other = (one + 1 + int(rng.integers(count - 1))) % count
                share = rng.uniform(0.6, 1.0)
            part[:, other] = np.maximum(part[:, other], share * part[:, one])
            part[:, one] *= 1 - share

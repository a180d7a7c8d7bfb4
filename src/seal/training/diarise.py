"""A simulated diarizer that gives turns alone: reference words to words with hard labels.

Where `simulate` makes posteriors, this makes what most users have: who spoke when, one name at a
time, from a diarizer whose habits are drawn for each recording (edges that come late and on a grid,
short answers that it never hears, gaps that it closes, one voice where two speak, stretches under
another's name, two speakers taken for one, one voice under two names). Words get the speaker whose
turns overlap them most. It knows nothing of audio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from seal.formats.rttm import Turn, Turns
from seal.parsing import split_time
from seal.training.recogniser import recognised
from seal.training.simulate import Severity, recognise
from seal.words import Word, speakers, turns

SPREAD = 0.25
"""Chance that an utterance's words share its time under a real diarizer's turns."""

SECOND = " (2)"
"""Ends a voice's second name."""


@dataclass(frozen=True)
class Diarizer:
    """How one recording's diarizer errs. Times in seconds."""

    late: float
    """Shift of a turn's beginning."""
    hang: float
    """Shift of a turn's end."""
    jitter: float
    """Standard deviation of each edge's place."""
    shortest: float
    """Turns of less are mostly not heard."""
    bridge: float
    """Gaps of less between two turns of a speaker are closed."""
    grid: float
    """Edges lie on multiples of it; 0 is none."""
    overlap: float
    """Chance that a turn is kept where another speaks too."""
    swapped: float
    """Chance that a turn of no length goes to another speaker; halved with each second of it."""
    mistaken: float
    """Stretches of some seconds, per minute, in which a voice has another's name."""
    merged: float
    """Chance that the speaker who says least is taken for another, where there are more than two.
    """
    split: float
    """Chance that one speaker's voice has two names."""
    spread: float
    """Chance that an utterance's words share its time by their letters, as subtitles' do."""


def draw_diarizer(rng: np.random.Generator, scale: float = 1.0) -> Diarizer:
    """A diarizer at random; `scale` stretches the spread of what it gets wrong."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Diarizer(
        late=between(-0.1, 0.25) * scale,
        hang=between(-0.15, 0.3) * scale,
        jitter=between(0.03, 0.35) * scale,
        shortest=between(0.0, 1.0) * scale,
        bridge=between(0.0, 1.0),
        grid=float(rng.choice([0.0, 0.08, 0.25, 0.5, 0.75])),
        overlap=float(rng.choice([0.0, 0.5, 1.0])),
        swapped=between(0.0, 1.0) ** 2 * 0.3 * scale,
        mistaken=between(0.0, 1.0) ** 3 * 3 * scale,
        merged=0.15,
        split=0.15,
        spread=0.1,
    )


def diarised(
    reference: Sequence[Word], severity: Severity, diarizer: Diarizer, rng: np.random.Generator
) -> tuple[list[Word], list[str]]:
    """The first pass of one recording, its words in time order, without scores, and the true
    speaker of each of its words. `severity` says how the recogniser errs."""
    if not reference:
        return [], []
    heard = _recognise(reference, severity, rng)
    if rng.random() < diarizer.spread:
        heard = _spread(heard)
    turns = _with_second_names(found_turns(reference, diarizer, rng), diarizer.split, rng)
    words = _named(heard, Turns(turns))
    true = [word["speaker"] for word, *_ in heard]
    # Whoever has two names is truly called by the one that has more of the words.
    for second in {word["speaker"] for word in words if word["speaker"].endswith(SECOND)}:
        name = second.removesuffix(SECOND)
        own = [w["speaker"] for w, who in zip(words, true, strict=True) if who == name]
        if own.count(second) > own.count(name):
            true = [second if who == name else who for who in true]
    return words, true


def really(
    excerpt: Sequence[Word], known: Turns, severity: Severity, rng: np.random.Generator
) -> tuple[list[Word], list[str]]:
    """The first pass of words of a recording under a real diarizer, as `diarised` gives it. Which
    words of those at once are heard is settled by loudness, or, as often, by chance."""
    if rng.random() < 0.5:
        heard = _recognise(excerpt, severity, rng)
    else:
        heard = [
            (word, word["start_time"], word["end_time"], word["words"])
            for word in recognised(excerpt, rng)
        ]
    if rng.random() < SPREAD:
        heard = _spread(heard)
    return _named(heard, known), [word["speaker"] for word, *_ in heard]


def _recognise(
    reference: Sequence[Word], severity: Severity, rng: np.random.Generator
) -> list[tuple[Word, float, float, str]]:
    """What a recogniser hears where each speaker is as loud as it happens (`recognise`)."""
    return recognise(reference, rng.normal(0, 1, len(speakers(reference))), severity, rng)


def _named(heard: Sequence[tuple[Word, float, float, str]], known: Turns) -> list[Word]:
    """What was heard, each word under the speaker whose turns overlap it most."""
    return [
        {
            "session_id": word["session_id"],
            "speaker": known.speaker(start, end),
            "words": text,
            "start_time": round(start, 3),
            "end_time": round(end, 3),
        }
        for word, start, end, text in heard
    ]


def _with_second_names(found: list[Turn], chance: float, rng: np.random.Generator) -> list[Turn]:
    """The turns, some of one speaker's perhaps under a second name: from some time on, the short
    ones, or any."""
    names = sorted({name for *_, name in found})
    if rng.random() >= chance:
        return found
    split, kind = str(rng.choice(names)), rng.integers(3)
    since = float(rng.uniform(found[0][0], found[-1][1])) if kind == 0 else 0.0
    longest = float(rng.uniform(1, 4)) if kind == 1 else float("inf")
    share = rng.uniform(0.5, 1.0) if kind < 2 else rng.uniform(0.1, 0.6)
    return [
        (start, end, name + SECOND)
        if name == split and start >= since and end - start < longest and rng.random() < share
        else (start, end, name)
        for start, end, name in found
    ]


def found_turns(
    reference: Sequence[Word], diarizer: Diarizer, rng: np.random.Generator
) -> list[Turn]:
    """The turns that the diarizer finds, one at least, in order of their starts."""
    true = turns(reference)
    names = speakers(reference)
    stretches = _stretches(true, names, diarizer, rng)
    found: list[Turn] = []
    latest: dict[str, int] = {}
    for start, end, who in true:
        length = end - start
        if length < diarizer.shortest and rng.random() < 0.8:
            continue
        name = next((b for low, high, a, b in stretches if a == who and low <= start < high), who)
        if len(names) > 1 and rng.random() < diarizer.swapped * 0.5**length:
            name = names[(names.index(name) + 1 + rng.integers(len(names) - 1)) % len(names)]
        first = start + diarizer.late + rng.normal(0, diarizer.jitter)
        last = end + diarizer.hang + rng.normal(0, diarizer.jitter)
        if diarizer.grid:
            first, last = (round(time / diarizer.grid) * diarizer.grid for time in (first, last))
        first = max(first, 0.0)
        last = max(last, first + 0.1)
        before = latest.get(name)
        if before is not None and first - found[before][1] < diarizer.bridge:
            begin, until, _ = found[before]
            found[before] = (min(begin, first), max(until, last), name)
        else:
            latest[name] = len(found)
            found.append((first, last, name))
    return _fewer_voices(sorted(found), diarizer.overlap, rng) or [true[0]]


def _stretches(
    true: Sequence[Turn], names: Sequence[str], diarizer: Diarizer, rng: np.random.Generator
) -> list[tuple[float, float, str, str]]:
    """(start, end, speaker, the name that they have there): stretches of some seconds, and perhaps
    all that one of three or more says."""
    stretches = []
    if len(names) > 2 and rng.random() < diarizer.merged:
        said = {name: sum(end - start for start, end, who in true if who == name) for name in names}
        least, *more = sorted(names, key=lambda name: said[name])
        stretches.append((0.0, float("inf"), least, str(rng.choice(more))))
    if len(names) > 1:
        begin, end = true[0][0], max(last for _, last, _ in true)
        for _ in range(rng.poisson(diarizer.mistaken * (end - begin) / 60)):
            low = float(rng.uniform(begin, end))
            one, other = rng.permutation(len(names))[:2]
            stretches.append((low, low + float(rng.exponential(15)), names[one], names[other]))
    return stretches


def _fewer_voices(found: list[Turn], kept: float, rng: np.random.Generator) -> list[Turn]:
    """The turns, less what lies in another's: a part inside goes, a part that hangs over begins
    where the other ends, each with the chance 1 - `kept`."""
    result: list[Turn] = []
    busy = 0.0
    for start, end, name in found:
        if start < busy and rng.random() >= kept:
            start = busy
        if end - start >= 0.05:
            result.append((start, end, name))
            busy = max(busy, end)
    return result


def _spread(heard: list[tuple[Word, float, float, str]]) -> list[tuple[Word, float, float, str]]:
    """The words, those of one speaker in a row with the time of the whole shared by letters."""
    result: list[tuple[Word, float, float, str]] = []
    for _, together in groupby(heard, lambda item: item[0]["speaker"]):
        group = list(together)
        begin, end = group[0][1], max(item[2] for item in group)
        times = split_time([text or "-" for *_, text in group], begin, end)
        result += [(item[0], *time, item[3]) for item, time in zip(group, times, strict=True)]
    return sorted(result, key=lambda item: item[1])

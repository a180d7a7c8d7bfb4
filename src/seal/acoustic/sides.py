"""A call with a side in each channel: its words, recognised side by side, and who says them.

A side is mostly one person, whose words need no diarizer. Where several voices are in a side, the
first pass tells them apart there. Scores are how much sound of its own each side has over a word. A
word that is clearly of one side gets its `channel`, and no correction moves it to another's. This
file knows nothing of how a channel's own sound is found: that is `channels.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from seal.acoustic import asr, audio, channels, embedding, languages
from seal.acoustic.arrays import Floats
from seal.acoustic.channels import STEP, Layout, channel_name
from seal.acoustic.first_pass import first_pass
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import name, pooled, reconcile
from seal.progress import Progress, StageProgress, split
from seal.words import Word, channel_of, normalise

CLEAR = 0.5
"""Share of a word over which its side, or no other, has sound of its own where it is clear."""

REPEATED = 4.0
"""Power by which a word must be louder where it is said than where its echo is recognised: 6 dB."""

TOGETHER = 0.3
"""Seconds by which an echo's times may be off."""

STRETCH = 2.0
"""Seconds of a stretch by whose voice people are counted."""

BRIDGED = 0.4
"""Seconds of a pause that a stretch may have."""

STRETCHES = 40
"""Of a side that are compared, evenly over the recording."""

APART = 0.65
"""Mean cosine distance from which stretches are of two people."""

SHARE = 0.15
"""Of a side's stretches that somebody must have to be a person there; at least FEWEST."""

FEWEST = 3


@dataclass(frozen=True)
class Asked:
    """How many speakers a person says there are, in all."""

    least: int = 1
    most: int | None = None


def recognise(
    layout: Layout,
    model: str | None,
    progress: StageProgress | None,
    language: str | None = None,
) -> tuple[list[tuple[int, Word]], int]:
    """The words of each side with its index, in time order, and how many echoes were left out."""
    found: list[tuple[int, Word]] = []
    sources = [layout.side(side) for side in range(len(layout.sides))]
    model, language = languages.chosen(sources, model, language, layout.path)
    parts = split(_stage(progress, "asr"), [1] * len(sources))
    for side, (source, report) in enumerate(zip(sources, parts, strict=True)):
        heard = asr.recognise(source, model, report, language=language)
        found += [(side, word) for word in heard]
    found.sort(key=lambda pair: pair[1]["start_time"])
    said = without_echoes(layout, found)
    return said, len(found) - len(said)


def without_echoes(layout: Layout, found: Sequence[tuple[int, Word]]) -> list[tuple[int, Word]]:
    """The words without those that were heard in two sides at once, much louder in the other, and
    without those of whose sound nothing is its side's own."""
    assert layout.echo is not None and layout.power is not None
    rows = [word for _, word in found]
    echoed = pooled(Posteriors(layout.echo.astype(np.float32), STEP, STEP / 2), rows)
    power = np.stack([_mean(layout.power, word) for word in rows]) if rows else np.zeros((0, 0))
    texts = [normalise(word["words"]) for word in rows]
    kept = []
    first = 0
    for index, (side, word) in enumerate(found):
        while rows[first]["start_time"] < word["start_time"] - asr.LONGEST - TOGETHER:
            first += 1
        repeated = False
        for other in range(first, len(found)):
            if rows[other]["start_time"] > word["end_time"] + TOGETHER:
                break
            louder = power[index, found[other][0]] > REPEATED * power[index, side]
            near = rows[other]["end_time"] > word["start_time"] - TOGETHER
            if found[other][0] != side and near and louder and texts[other] == texts[index]:
                repeated = True
        if not repeated and echoed[index, side] <= CLEAR:
            kept.append((side, word))
    return kept


def of_sides(layout: Layout, words: Sequence[Word]) -> list[tuple[int, Word]]:
    """Words that are known already, each with the side that has most sound of its own over it; of
    two alike its own `channel`."""
    numbers = {channel + 1: side for side, channel in enumerate(layout.sides)}
    found = []
    for word, row in zip(words, pooled(layout.posteriors(), words), strict=True):
        known = numbers.get(channel_of(word) or 0)
        best = np.flatnonzero(row == row.max()).tolist()
        found.append((known if known in best else int(best[0]), word))
    return found


def scored(
    layout: Layout,
    said: Sequence[tuple[int, Word]],
    session_id: str,
    asked: Asked,
    eend: str | Path | None = None,
    progress: StageProgress | None = None,
    recognised: bool = True,
) -> tuple[list[Word], list[list[str]]]:
    """The words with `session_id`, `speaker`, `speaker_scores` and, where it is clear, `channel`
    (counted from 1), and the names of each side's speakers. `recognised`: the words were heard in
    their side; those that were known are not clear where another side has sound as well.

    The first side's is "A", the second's "B"; where several speak in one, "A", "A2", … by how long.
    A side without words has nobody.
    """
    words = [word for _, word in said]
    own = pooled(layout.posteriors(), words)
    voices = _voices(layout, [side for side, _ in said], asked, eend, progress)
    names = [list(each.names or ()) for each in voices]
    scores: list[dict[str, float]] = [{} for _ in words]
    for side, posteriors in enumerate(voices):
        by_voice = own[:, [side]]
        if len(names[side]) > 1:
            by_voice = np.minimum(by_voice, pooled(posteriors, words))
        for row, known in zip(by_voice, scores, strict=True):
            known |= {name: round(float(x), 4) for name, x in zip(names[side], row, strict=False)}
    speakers: dict[int, str] = {}
    for side, posteriors in enumerate(voices):
        indices = [index for index, (where, _) in enumerate(said) if where == side]
        if len(names[side]) > 1:
            heard = reconcile([words[index] for index in indices], posteriors, session_id)
            for index, word in zip(indices, heard, strict=True):
                scores[index] |= {n: word["speaker_scores"][n] for n in names[side]}
                speakers[index] = word["speaker"]
        else:
            speakers |= dict.fromkeys(indices, names[side][0] if indices else "")
    result = []
    for index, (side, word) in enumerate(said):
        others = np.delete(own[index], side)
        ours = channel_of(word) is not None
        heard_there = recognised or channel_of(word) == layout.sides[side] + 1
        clear = others.max() < CLEAR or (heard_there and own[index, side] >= CLEAR)
        changed = {"session_id": session_id, "speaker": speakers[index]}
        again = {key: value for key, value in word.items() if not (ours and key == "channel")}
        again |= changed | {"speaker_scores": scores[index]}
        if clear and "channel" not in again:
            again["channel"] = layout.sides[side] + 1
        result.append(again)
    return result, names


def told(layout: Layout, names: Sequence[Sequence[str]], echoes: int) -> str:
    """What was done, in one line."""
    parts = [
        f"{channel_name(channel, layout.count)} is {' and '.join(who)}"
        for channel, who in zip(layout.sides, names, strict=True)
        if who
    ]
    silent = [
        channel_name(channel, layout.count)
        for channel, who in zip(layout.sides, names, strict=True)
        if not who
    ]
    line = f"{layout.count} channels, recognised one by one: {', '.join(parts)}"
    if silent:
        line += f"; no words in {', '.join(silent)}"
    words = "word" if echoes == 1 else "words"
    return line + (f"; {echoes} {words} of echo left out" if echoes else "")


def _voices(
    layout: Layout,
    sides: Sequence[int],
    asked: Asked,
    eend: str | Path | None,
    progress: StageProgress | None,
) -> list[Posteriors]:
    """Each side's speakers by name, with their posteriors where there are several."""
    assert layout.own is not None
    report = _stage(progress, "first pass")
    there = sorted(set(sides))
    spoken = [side in there for side in range(len(layout.sides))]
    counts = [int(one) for one in spoken]
    free = [False] * len(counts)
    if there and (asked.most is None or asked.most > len(there)):
        found = [count_voices(layout, side) if spoken[side] else 0 for side in range(len(counts))]
        total = max(sum(found), asked.least)
        total = total if asked.most is None else min(total, asked.most)
        bounded = asked.most is not None or asked.least > sum(each > 0 for each in found)
        free = [each > 1 and not bounded for each in found]
        counts = shared(total, found, layout.own.sum(axis=0).tolist())
    result = []
    parts = split(report, [1] * len(counts))
    for side, (count, part) in enumerate(zip(counts, parts, strict=True)):
        posteriors = Posteriors(layout.own[:, [side]], STEP, STEP / 2)
        if count > 1:
            speakers = None if free[side] else count
            posteriors = first_pass(layout.side(side), speakers, part, eend)
            count = posteriors.frames.shape[1]
        letter = name(side)
        called = [letter + (str(i + 1) if i else "") for i in range(count)]
        result.append(replace(posteriors, names=tuple(called)))
        part(1.0)
    return result


def shared(total: int, found: Sequence[int], seconds: Sequence[float]) -> list[int]:
    """How many of `total` speakers each side has: one where anybody is, and the others where more
    voices were found, and then where most is said."""
    counts = [min(each, 1) for each in found]
    while sum(counts) < total:
        sides = [side for side in range(len(found)) if found[side]]
        most = max(sides, key=lambda side: (found[side] - counts[side], seconds[side]))
        counts[most] += 1
    return counts


def count_voices(layout: Layout, side: int) -> int:
    """About how many people speak in a side, 1 or more: stretches are compared by their voices."""
    vectors = _embedded(layout, side)
    if len(vectors) < 2 * FEWEST:
        return 1
    clusters = fcluster(linkage(vectors, "average", "cosine"), APART, "distance")
    sizes = np.bincount(clusters)
    return max(1, int((sizes >= max(FEWEST, SHARE * len(vectors))).sum()))


def _embedded(layout: Layout, side: int) -> Floats:
    """Unit embeddings of up to STRETCHES stretches of a side's own sound: [n, SIZE]."""
    assert layout.own is not None
    starts = []
    last_end = -1.0
    runs: list[tuple[float, float]] = []
    for start, end in channels.spans(layout.own[:, side] > 0):
        if runs and start - last_end <= BRIDGED:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
        last_end = end
    for start, end in runs:
        starts += [start + i * STRETCH for i in range(int((end - start) / STRETCH))]
    if len(starts) > STRETCHES:
        starts = [starts[i] for i in np.linspace(0, len(starts) - 1, STRETCHES).astype(int)]
    if not starts:
        return np.zeros((0, embedding.SIZE), dtype=np.float32)
    model = embedding.load()
    size = round(STRETCH * audio.RATE)
    firsts = [round(start * audio.RATE) for start in starts]
    vectors = []
    held, begin = np.zeros(0, dtype=np.float32), 0
    for block in audio.blocks(layout.side(side)):
        held = np.concatenate([held, block])
        while firsts and firsts[0] + size <= begin + len(held):
            first = firsts.pop(0) - begin
            bank = embedding.filterbank(held[first : first + size])
            vectors.append(embedding.vectors(model, bank[None])[0])
        keep = max(0, len(held) - size)
        held, begin = held[keep:], begin + keep
    return np.stack(vectors) if vectors else np.zeros((0, embedding.SIZE), dtype=np.float32)


def _mean(power: Floats, word: Word) -> Floats:
    """The mean power of each side over a word: [sides]."""
    first = min(int(word["start_time"] / STEP), len(power) - 1)
    return power[first : max(first + 1, int(word["end_time"] / STEP))].mean(axis=0)


def _stage(progress: StageProgress | None, stage: str) -> Progress:
    return lambda share: progress(stage, share) if progress else None

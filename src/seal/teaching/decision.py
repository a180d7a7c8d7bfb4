"""What follows from rulings for the rest of a conversation: words that would get another speaker.

A ruled word is certain. Its voice says whose the other stretches of that voice are, a merge says it
of all words of a speaker, and its neighbours in a sentence are decided anew on the best path of
the text. Nothing moves to a speaker of whom no word was ruled, and no certain word moves. All this
is arithmetic on a `Study`: no network is run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seal.acoustic.arrays import Floats, Ints
from seal.correctors import path
from seal.teaching.study import Study

LEAD = 0.2
"""Cosine similarity by which the ruled voice must be nearer than that of the present speaker, for a
stretch of a second; a shorter one needs more, by its length. From 0.2 on 34 of 40 stretches of the
voiced development sets are the nearer voice's, below it 4 of 16."""

OVERLAP = 0.1
"""Seconds by which the words of a stretch may overlap each other. In more several people speak at
once, and it has no voice of its own."""

CLEAR = 0.7
"""Seconds of words from which a ruled stretch says whose its voice is: the audio of a shorter one
is mostly its neighbours'."""

ENOUGH = 2.0
"""Seconds of words from which a speaker has a voice to compare with."""

TYPICAL = 20
"""Percentile of the similarities to a voice's mean from which a ruled stretch speaks for it."""

AROUND = 30
"""Words before and after a ruled one that are decided anew by their text."""

OF_ONE = 0.78
"""Similarity of the means of two voices from which they may be one person's: halves of one have 0.8
to 0.99 on the voiced development sets, two people's at most 0.73."""

RULED_LIKE = 0.65
"""Similarity of a voice to the ruled stretches alone of the speaker that it goes to: one stretch is
like the mean of its voice by 0.74 to 0.97, like another's by 0.6 at most."""

UNHEARD = 0.6
"""Similarity of a stretch that is taken for its present speaker's where he has no other voice."""

RULED = 5.0
"""How much more a ruled stretch counts in its speaker's voice than another one."""

FAINT = 1e-3
"""Length of a sum of stretches below which it is no voice: what is left of one that was taken out
of itself."""

CERTAIN = 1e6
"""Nats for a ruled word's speaker on the best path."""

SCALE = 20.0
"""Nats per unit of cosine similarity, for the confidence of what a voice decides."""


class Decided(NamedTuple):
    """A word's new speaker."""

    speaker: str
    confidence: float
    why: str
    """"voice", "text" or "merge"."""


@dataclass(frozen=True)
class Proposal:
    """Words that would go from one speaker to another for one reason."""

    before: str
    after: str
    why: str
    indices: tuple[int, ...]
    """Of the words, in the conversation."""
    confidence: float
    """The mean of theirs."""


def decide(
    study: Study,
    ruled: Mapping[int, str],
    merges: Mapping[str, str] | None = None,
    text: bool = True,
) -> dict[int, Decided]:
    """The words, by their index, that are another's than the machine's answer says once the words
    in `ruled` are certain and the speakers in `merges` are others (`rulings.merges`). Without
    `text`, which takes longest, neighbours are left as they are where voices are known."""
    whose = merges or {}
    start = [whose.get(label, label) for label in study.labels]
    decided = {
        index: Decided(label, 1.0, "merge")
        for index, (label, before) in enumerate(zip(start, study.labels, strict=True))
        if label != before
    }
    if ruled and (text or study.vectors is None):
        decided |= _by_text(study, ruled, start)
    if ruled and study.vectors is not None:
        decided |= _by_voice(study, ruled, start)
    return {index: each for index, each in decided.items() if index not in ruled}


def proposals(
    study: Study,
    now: Sequence[str],
    ruled: Mapping[int, str],
    merges: Mapping[str, str] | None = None,
) -> list[Proposal]:
    """What would change of the present speakers `now`, grouped; the largest groups first."""
    groups: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    for index, each in sorted(decide(study, ruled, merges).items()):
        if each.speaker != now[index]:
            key = (now[index], each.speaker, each.why)
            groups.setdefault(key, []).append((index, each.confidence))
    found = [
        Proposal(
            *key,
            tuple(index for index, _ in members),
            round(sum(sure for _, sure in members) / len(members), 4),
        )
        for key, members in groups.items()
    ]
    return sorted(found, key=lambda one: -len(one.indices))


def _by_text(study: Study, ruled: Mapping[int, str], start: Sequence[str]) -> dict[int, Decided]:
    """Words about ruled ones that the best path gives to another speaker now. Only where the path
    had agreed with the machine's answer before: elsewhere the text was overruled. Where voices are
    known, what is left of a stretch that was ruled in part stays: whoever did so heard the rest."""
    names = list(dict.fromkeys([*study.names, *ruled.values()]))
    place = {name: number for number, name in enumerate(names)}
    found: dict[int, Decided] = {}
    heard = ruled if study.vectors is not None else ()
    seen = {study.stretch_of[index] for index in heard}
    for low, high in _windows(sorted(ruled), len(study.words)):
        gain = np.full((high - low, len(names)), -CERTAIN)
        gain[:, : len(study.names)] = study.gain[low:high]
        cost = study.cost[low:high]
        before = path.best(gain, cost)
        for index in range(low, high):
            if index in ruled:
                gain[index - low] = -CERTAIN
                gain[index - low, place[ruled[index]]] = 0.0
        after = path.best(gain, cost)
        for index in np.flatnonzero(before != after).tolist():
            old = names[before[index]]
            place_of = low + index
            if study.stretch_of[place_of] in seen:
                continue
            if old == start[place_of] == study.labels[place_of]:
                found[place_of] = Decided(names[after[index]], 0.8, "text")
    return found


def _windows(indices: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Parts of the conversation about some words, joined where they meet."""
    found: list[tuple[int, int]] = []
    for index in indices:
        low, high = max(0, index - AROUND), min(count, index + AROUND + 1)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def _by_voice(study: Study, ruled: Mapping[int, str], start: Sequence[str]) -> dict[int, Decided]:
    """Words of stretches whose voice is that of a ruled one."""
    assert study.vectors is not None
    names = list(dict.fromkeys([*start, *ruled.values()]))
    number = {name: place for place, name in enumerate(names)}
    machine = np.array([number[start[first]] for first, _ in study.found])
    anchors = np.full(len(study.found), -1)
    for place, name in ruled_stretches(study, ruled).items():
        anchors[place] = number[name]
    settled = _settled(study, anchors, machine, len(names))
    near = nearness(study, settled, anchors >= 0, len(names))
    rows = np.arange(len(settled))
    present = np.where(near[rows, machine] == 0, UNHEARD, near[rows, machine])
    wanted = LEAD / np.clip(study.seconds, 0.25, 1.0)
    moves = (settled != machine) & (anchors < 0) & single(study)
    moves &= near[rows, settled] - present >= wanted
    found: dict[int, Decided] = {}
    for place in np.flatnonzero(moves).tolist():
        odds = np.exp(SCALE * (near[place] - near[place, settled[place]]))
        sure = round(1.0 / float(odds.sum()), 4)
        for index in range(*study.found[place]):
            found[index] = Decided(names[settled[place]], sure, "voice")
    return found


def single(study: Study) -> np.ndarray:
    """[S] whether the words of a stretch leave room for each other, as one person's do."""
    return np.asarray(study.spoken <= study.lasting + OVERLAP)


def nearness(study: Study, settled: Ints, ruled: np.ndarray, speakers: int) -> Floats:
    """[S, K] similarity of each stretch to each speaker's voice, of which it is no part itself."""
    assert study.vectors is not None
    weights = _weights(study, ruled)
    sums = _sums(study, settled, weights, speakers)
    lengths = np.linalg.norm(sums, axis=1)
    near = (study.vectors @ sums.T) / np.maximum(lengths, 1e-9)
    rows = np.arange(len(settled))
    own = sums[settled] - weights[:, None] * study.vectors
    length = np.linalg.norm(own, axis=1)
    alone = length < FAINT
    near[rows, settled] = np.where(
        alone, 0.0, (own * study.vectors).sum(axis=1) / np.maximum(length, 1e-9)
    )
    return near


def ruled_stretches(study: Study, ruled: Mapping[int, str]) -> dict[int, str]:
    """The speaker of each stretch of which all words are ruled to be one's: of another one a part
    was somebody else's, or nobody said."""
    found = {}
    for place in {study.stretch_of[index] for index in ruled}:
        names = {ruled.get(index) for index in range(*study.found[place])}
        name = names.pop()
        if not names and name is not None:
            found[place] = name
    return found


def _settled(study: Study, anchors: Ints, machine: Ints, speakers: int) -> Ints:
    """Each stretch's speaker [S]. A cell is what has one voice and one speaker of the machine's: it
    goes where a clear ruled stretch of it is, or one of a larger cell of its voice, or else to the
    ruled voice that it is most like, if that is nearer than its own speaker elsewhere. The cell
    with most of a speaker's words, his home, follows none but its own."""
    assert study.vectors is not None
    settled = np.where(anchors >= 0, anchors, machine)
    homes = homes_of(study, machine)
    rest = []
    for group in range(int(study.groups.max(initial=-1)) + 1):
        inside = study.groups == group
        cells = {int(who): inside & (machine == who) for who in np.unique(machine[inside])}
        told = {who: _told(study, cell, anchors) for who, cell in cells.items()}
        weights = {who: float(study.seconds[cell].sum()) for who, cell in cells.items()}
        for own, cell in cells.items():
            members = np.flatnonzero(cell & (anchors < 0))
            if len(told[own]):
                whose = {int(who) for who in anchors[told[own]]}
                fit = {who for who in whose if _may_be(study, cell, who, machine, anchors)}
                places = [place for place in told[own] if anchors[place] in fit]
                if homes[own] == group:
                    places = _confirmed(study, places, anchors, machine)
                if places:
                    nearest = (study.vectors[members] @ study.vectors[places].T).argmax(axis=1)
                    settled[members] = anchors[places][nearest]
            elif homes[own] != group:
                votes: dict[int, float] = {}
                for other, ruled in told.items():
                    for who in {int(anchors[place]) for place in ruled}:
                        votes[who] = votes.get(who, 0.0) + weights[other]
                best = max(votes, key=lambda who: votes[who], default=own)
                if votes.get(best, 0.0) < weights[own]:
                    rest.append(cell)
                elif _may_be(study, cell, best, machine, anchors):
                    settled[members] = best
    _settle_rest(study, rest, settled, anchors, machine, speakers)
    return settled


def _settle_rest(
    study: Study,
    rest: Sequence[np.ndarray],
    settled: Ints,
    anchors: Ints,
    machine: Ints,
    speakers: int,
) -> None:
    """Give the cells that no ruling of their voice settles, in place, to the ruled speaker whose
    voice is like theirs, if his own speaker's is not."""
    assert study.vectors is not None
    heard = (anchors >= 0) & (study.groups >= 0) & (study.spoken >= CLEAR) & single(study)
    known = np.unique(anchors[heard])
    ruled = {int(who): _unit(study.vectors[heard & (anchors == who)].sum(axis=0)) for who in known}
    weights = _weights(study, anchors >= 0)
    sums = _sums(study, settled, weights, speakers)
    for cell in rest if len(known) else []:
        open_ones = np.flatnonzero(cell & (anchors < 0))
        if not len(open_ones):
            continue
        name = int(machine[open_ones[0]])
        mean = _unit(study.seconds[open_ones] @ study.vectors[open_ones])
        elsewhere = sums - _sums(study, settled, weights * cell, speakers, np.flatnonzero(cell))
        near = _units(elsewhere) @ mean
        own = near[name] if near[name] else OF_ONE
        best_known = int(known[near[known].argmax()])
        like = float(mean @ ruled[best_known]) >= RULED_LIKE  # and not only what the machine had
        if like and best_known != name and near[best_known] >= max(own + LEAD, OF_ONE):
            moved = weights[open_ones] @ study.vectors[open_ones]
            sums[name] -= moved
            sums[best_known] += moved
            settled[open_ones] = best_known


def homes_of(study: Study, machine: Ints) -> dict[int, int]:
    """The voice that most of each speaker's words have."""
    homes = {}
    for who in np.unique(machine).tolist():
        own = (machine == who) & (study.groups >= 0)
        if own.any():
            homes[who] = int(np.bincount(study.groups[own], study.spoken[own]).argmax())
    return homes


def _may_be(study: Study, cell: np.ndarray, who: int, machine: Ints, anchors: Ints) -> bool:
    """Whether a cell as a whole may be a speaker's. His voice elsewhere must be like it; where he
    has none, as somebody new, the cell's own speaker must have other words."""
    assert study.vectors is not None
    own = int(machine[np.flatnonzero(cell)[0]])
    if who == own:
        return True
    elsewhere = ~cell & (study.groups >= 0)
    his = elsewhere & (np.where(anchors >= 0, anchors, machine) == who)
    if study.spoken[his].sum() < ENOUGH:
        return bool(study.spoken[elsewhere & (machine == own)].sum() >= ENOUGH)
    mean = _unit(study.seconds[cell] @ study.vectors[cell])
    return float(mean @ _unit(study.seconds[his] @ study.vectors[his])) >= OF_ONE


def _confirmed(study: Study, places: Sequence[int], anchors: Ints, machine: Ints) -> list[int]:
    """The ruled stretches that may speak for the home of a speaker: to be somebody's who has no
    other words, it takes two of them."""
    counts = Counter(int(anchors[place]) for place in places)
    heard = study.groups >= 0
    return [
        place
        for place in places
        if counts[int(anchors[place])] > 1 or (heard & (machine == anchors[place])).any()
    ]


def _told(study: Study, cell: np.ndarray, anchors: Ints) -> Ints:
    """The ruled stretches of a cell that speak for it: clear, of one voice, and not unlike the
    others."""
    assert study.vectors is not None
    clear = (study.spoken >= CLEAR) & single(study)
    places = np.flatnonzero(cell & (anchors >= 0) & clear)
    if not len(places) or cell.sum() < 4:
        return places
    like = study.vectors @ _unit(study.seconds[cell] @ study.vectors[cell])
    return places[like[places] >= np.percentile(like[cell], TYPICAL)]


def voices_of(
    study: Study, settled: Ints, ruled: np.ndarray, speakers: int, without: np.ndarray | None = None
) -> Floats:
    """[K, D] the mean voice of each speaker, zeros for one not heard: ruled stretches count more,
    those `without` not at all."""
    assert study.vectors is not None
    weights = _weights(study, ruled)
    if without is not None:
        weights = weights * ~without
    return _units(_sums(study, settled, weights, speakers))


def _weights(study: Study, ruled: np.ndarray) -> Floats:
    """[S] how much each stretch counts in its speaker's voice."""
    return np.asarray(study.seconds * np.where(ruled, RULED, 1.0) * (study.groups >= 0))


def _sums(
    study: Study, settled: Ints, weights: Floats, speakers: int, places: Ints | None = None
) -> Floats:
    """[K, D] each speaker's weighted stretches, added up: of all, or of those at `places`."""
    assert study.vectors is not None
    chosen = np.arange(len(settled)) if places is None else places
    whose = settled[chosen] == np.arange(speakers)[:, None]
    vectors = study.vectors if places is None else study.vectors[chosen]
    return np.asarray((whose * weights[chosen]).astype(vectors.dtype) @ vectors)


def _units(sums: Floats) -> Floats:
    """The rows at length 1; those of next to nothing as zeros."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > FAINT, sums / np.maximum(lengths, 1e-9), 0.0)


def _unit(vector: Floats) -> Floats:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)

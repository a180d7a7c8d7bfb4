"""What to ask a person next: the stretch whose answer would settle most.

Of each voice a clear stretch is a candidate, and so are the least certain words. For each the
likely answers are tried, and the words that would change with them are counted by their
probability. What is not settled so is asked in order of its uncertainty. It runs no network.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seal.teaching.decision import (
    CLEAR,
    OF_ONE,
    decide,
    homes_of,
    nearness,
    ruled_stretches,
    single,
    voices_of,
)
from seal.teaching.study import Study

CANDIDATES = 16
"""Stretches whose answers are tried, at most."""

NEW = 0.68
"""Similarity to all known voices below which a voice is rather somebody else's."""

SCALE = 20.0
"""Nats per unit of cosine similarity between mean voices."""

LARGER = 0.06
"""How much more than its likeness to another voice that of all words of a speaker to him counts for
the larger of the two."""

ODD = 0.12
"""Cosine similarity by which another speaker's voice is nearer where he is as likely to be right as
not: of stretches nearer by 0 to 0.2 a third were, on the voiced development sets, from 0.2 on 34
of 40."""

STEEP = 0.05
"""The same by which the odds change by e."""

SOMEBODY = "somebody else"
"""The answer that names a speaker who was not there before, where answers are tried."""

LIKELY = 0.02
"""Probability from which an answer is tried."""


class Question(NamedTuple):
    """Who says the words from `first` up to `after`, by their indices?"""

    first: int
    after: int
    settles: float
    """Words that the answer would change, as is to be expected; its own included."""
    likely: tuple[tuple[str, float], ...]
    """Answers with their probabilities, the most probable first."""


def questions(
    study: Study,
    now: Sequence[str],
    confidence: Sequence[float],
    ruled: Mapping[int, str],
    merges: Mapping[str, str] | None = None,
) -> list[Question]:
    """What could be asked, most settling first. `now` and `confidence` are those of each word."""
    known = decide(study, ruled, merges, text=False)
    shown = [known[index].speaker if index in known else name for index, name in enumerate(now)]
    found = []
    for place, answers in _candidates(study, shown, confidence, ruled):
        first, after = study.found[place]
        settles = 0.0
        for name, share in answers.items():
            if share < LIKELY:
                continue
            more = {**ruled, **dict.fromkeys(range(first, after), name)}
            then = decide(study, more, merges, text=False)
            moved = sum(
                then[index].speaker != shown[index]
                if index in then
                else more.get(index, now[index]) != shown[index]
                for index in {*then, *known, *range(first, after)}
            )
            settles += share * moved
        ranked = tuple(sorted(answers.items(), key=lambda answer: -answer[1]))
        found.append(Question(first, after, round(settles, 2), ranked))
    return sorted(found, key=lambda one: (-one.settles, one.first))


def _candidates(
    study: Study, shown: Sequence[str], confidence: Sequence[float], ruled: Mapping[int, str]
) -> list[tuple[int, dict[str, float]]]:
    """Stretches to ask of, each with its likely answers."""
    open_ones = [
        place
        for place, (first, after) in enumerate(study.found)
        if not any(index in ruled for index in range(first, after))
    ]
    doubts = {
        place: sum(1 - confidence[index] for index in range(*study.found[place]))
        for place in open_ones
    }
    found: dict[int, dict[str, float]] = {}
    odd: dict[int, dict[str, float]] = {}
    if study.vectors is not None:
        found |= _of_voices(study, shown, ruled, open_ones)
        odd = _odd_ones(study, shown, open_ones)
        for place, answers in odd.items():
            first, after = study.found[place]
            doubts[place] = max(doubts[place], (after - first) * (1 - answers[shown[first]]))
    for place in sorted(open_ones, key=lambda one: (-doubts[one], one)):
        if len(found) >= CANDIDATES:
            break
        if place not in found:
            first, after = study.found[place]
            wrong = min(0.9, doubts[place] / (after - first))
            found[place] = _with_voice(
                study, shown, place, _split(shown[first], study.names, wrong)
            )
            if place in odd and odd[place][shown[first]] < found[place].get(shown[first], 0.0):
                found[place] = odd[place]
    return list(found.items())


def _odd_ones(
    study: Study, shown: Sequence[str], open_ones: Sequence[int]
) -> dict[int, dict[str, float]]:
    """The stretches in which another speaker's voice may be heard: how likely it is his, and how
    likely that of whom it is said to be."""
    names = list(dict.fromkeys(shown))
    settled = np.array([names.index(shown[first]) for first, _ in study.found])
    near = nearness(study, settled, np.zeros(len(settled), dtype=bool), len(names))
    rows = np.arange(len(settled))
    present = near[rows, settled].copy()
    near[rows, settled] = -1.0
    best = near.argmax(axis=1)
    lead = np.where(present == 0, -1.0, near[rows, best] - present)
    his = 1.0 / (1.0 + np.exp(np.clip((ODD - lead) / STEEP, -50, 50)))
    heard = (study.groups >= 0) & single(study)
    return {
        place: {names[best[place]]: float(his[place]), names[settled[place]]: 1 - float(his[place])}
        for place in open_ones
        if heard[place] and his[place] >= LIKELY
    }


def _with_voice(
    study: Study, shown: Sequence[str], place: int, answers: dict[str, float]
) -> dict[str, float]:
    """The likely answers of a stretch once its voice is heard: a short one says little."""
    if study.vectors is None or study.groups[place] < 0 or len(answers) < 2:
        return answers
    names = list(dict.fromkeys(shown))
    settled = np.array([names.index(shown[first]) for first, _ in study.found])
    without = np.arange(len(study.found)) == place
    nobody = np.zeros(len(study.found), dtype=bool)
    near = voices_of(study, settled, nobody, len(names), without) @ study.vectors[place]
    scale = SCALE * min(1.0, float(study.spoken[place]))
    heard = dict(zip(names, near.tolist(), strict=True))
    shares = {
        who: share * float(np.exp(scale * (heard.get(who, 0.0) - near.max())))
        for who, share in answers.items()
    }
    total = sum(shares.values())
    return {who: share / total for who, share in shares.items()} if total else answers


def _of_voices(
    study: Study, shown: Sequence[str], ruled: Mapping[int, str], open_ones: Sequence[int]
) -> dict[int, dict[str, float]]:
    """The clearest stretch of each voice and speaker that nobody has ruled of, and its speakers."""
    assert study.vectors is not None
    anchors = ruled_stretches(study, ruled)
    present = [anchors.get(place, shown[first]) for place, (first, _) in enumerate(study.found)]
    names = list(dict.fromkeys(present))
    settled = np.array([names.index(name) for name in present])
    told = {
        (int(study.groups[place]), name)
        for place, name in anchors.items()
        if study.spoken[place] >= CLEAR
    }
    members: dict[tuple[int, str], list[int]] = {}
    for place in open_ones:
        if study.groups[place] >= 0:
            members.setdefault((int(study.groups[place]), present[place]), []).append(place)
    ranked = sorted(members.items(), key=lambda item: -float(study.spoken[item[1]].sum()))
    certain = np.array([place in anchors for place in range(len(study.found))])
    homes = homes_of(study, settled)
    found: dict[int, dict[str, float]] = {}
    for (group, name), places in ranked:
        if (group, name) in told or len(found) >= CANDIDATES // 2:
            continue
        mean = study.seconds[places] @ study.vectors[places]
        mean /= max(float(np.linalg.norm(mean)), 1e-9)
        clear = np.minimum(study.spoken[places], 2.0)
        typical = study.vectors[places] @ mean * clear
        without = np.zeros(len(study.found), dtype=bool)
        without[places] = True
        others = voices_of(study, settled, certain, len(names), without) @ mean
        near = {who: float(value) for who, value in zip(names, others, strict=True) if value}
        if name not in near:  # all his words: of two who are one the larger keeps his name
            most = max(near, key=lambda who: near[who], default=name)
            rest = sum(study.spoken[settled == names.index(most)]) if near else 0.0
            larger = float(study.spoken[places].sum()) > float(rest)
            near[name] = max(OF_ONE, near[most] + LARGER) if larger and near else OF_ONE
        if homes[names.index(name)] == group:  # most of his words: it would be odd not to be his
            near[name] = max(near[name], OF_ONE)
        near[SOMEBODY] = NEW
        top = max(near.values())
        shares = {who: float(np.exp(SCALE * (value - top))) for who, value in near.items()}
        total = sum(shares.values())
        found[places[int(typical.argmax())]] = {who: one / total for who, one in shares.items()}
    return found


def _split(name: str, names: Sequence[str], wrong: float) -> dict[str, float]:
    others = [other for other in names if other != name]
    share = wrong / len(others) if others else 0.0
    return {name: 1.0 - wrong if others else 1.0, **dict.fromkeys(others, share)}

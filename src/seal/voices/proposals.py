"""Names for the speakers of a recording, as proposals, and the names given where somebody agrees.

A name is proposed for one speaker of a conversation, and only where that is nearly certain: whoever
is not known stays unknown. Names are given by `named` alone, which is a step of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seal import rulings
from seal.progress import Progress
from seal.voices import heard, likeness
from seal.voices.heard import Heard
from seal.voices.library import Library
from seal.words import Word, speakers

SURE = 0.9
"""Probability from which a name is proposed."""


@dataclass(frozen=True)
class Proposal:
    """What is thought of one speaker of a conversation."""

    session_id: str
    speaker: str
    name: str | None
    """Who it sounds like; None where that is nobody who is known."""
    probability: float
    """That it is this person; without a name, that it is the likeliest of those who are known."""
    seconds: float
    """Of speech that were listened to; 0 where there is too little."""


def propose(
    words: Sequence[Word],
    source: str | Path,
    library: Library,
    progress: Progress | None = None,
) -> list[Proposal]:
    """What is thought of each speaker of one conversation, whose recording is `source` (or in that
    folder). Raises SealError where there is no such recording."""
    voices = heard.hear(words, source, progress=progress)
    return matched(words[0]["session_id"], speakers(words), voices, library)


def matched(
    session: str, names: Sequence[str], voices: Mapping[str, Heard], library: Library
) -> list[Proposal]:
    """The same of voices that were heard. No name is proposed for two speakers: the likelier of
    them has it."""
    known = [(voice.vector, voice.seconds) for voice in library.voices]
    chances = {
        name: likeness.posterior(likeness.log_ratios(known, *voice))
        for name, voice in voices.items()
        if known
    }
    taken: dict[int, str] = {}
    for name in sorted(chances, key=lambda name: -float(chances[name].max())):
        best = int(np.argmax(chances[name]))
        if chances[name][best] >= SURE:
            taken.setdefault(best, name)
    found = []
    for name in names:
        best = int(np.argmax(chances[name])) if name in chances else -1
        who = library.voices[best].name if taken.get(best) == name else None
        chance = round(float(chances[name][best]), 4) if name in chances else 0.0
        seconds = round(voices[name].seconds, 1) if name in voices else 0.0
        found.append(Proposal(session, name, who, chance, seconds))
    return found


def named(words: Sequence[Word], found: Sequence[Proposal]) -> tuple[list[Word], list[Proposal]]:
    """A copy of the words in which the proposed names are given, and the proposals that were taken.

    A speaker whose new name another speaker of the conversation bears already keeps the old one.
    """
    of_session: dict[str, list[Word]] = {}
    for word in words:
        of_session.setdefault(word["session_id"], []).append(word)
    there = {
        session: {*speakers(own), *(str(word.get("first_pass_speaker")) for word in own)}
        for session, own in of_session.items()
    }
    given = [
        each
        for each in found
        if each.name is not None and each.name not in there.get(each.session_id, ())
    ]
    names = {(each.session_id, each.speaker): str(each.name) for each in given}
    return [_renamed(word, names) for word in words], given


def _renamed(word: Word, names: Mapping[tuple[str, str], str]) -> Word:
    session = word["session_id"]

    def new(name: str) -> str:
        return names.get((session, name), name)

    changed = dict(word)
    for key in ("speaker", "first_pass_speaker"):
        if isinstance(changed.get(key), str):
            changed[key] = new(changed[key])
    if changed.get("speaker_scores"):
        scores = changed["speaker_scores"]
        changed["speaker_scores"] = {new(name): score for name, score in scores.items()}
    own = {name: given for (where, name), given in names.items() if where == session}
    return rulings.with_names(changed, own)

"""A conversation that is being ruled: what would follow, what to ask next, who calls whom by name.

It joins the rulings that words hold with what is known of the conversation (`study`), and answers
in indices of the transcript. Nothing changes but by `accept`, which a person asks for.
"""

import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from seal import rulings
from seal.progress import StageProgress
from seal.teaching import decision, names, pairs, questions, study
from seal.unspaced import joined
from seal.words import Word

SHOWN = 8
"""Words of a proposal or a question that are shown, at most."""


class Lesson(NamedTuple):
    """What is known of one conversation of a transcript."""

    indices: tuple[int, ...]
    """Of its words in the transcript, in time order."""
    study: study.Study


class Proposal(NamedTuple):
    """Words that would go from one speaker to another."""

    before: str
    after: str
    why: str
    """"voice", "text" or "merge"."""
    indices: tuple[int, ...]
    """Of the words in the transcript."""
    confidence: float


class Question(NamedTuple):
    """Words whose speaker would settle most."""

    indices: tuple[int, ...]
    """Of the words in the transcript."""
    settles: float
    """Words that the answer would change, as is to be expected."""
    likely: tuple[tuple[str, float], ...]
    """Speakers with their probabilities; `questions.SOMEBODY` is one who was not there before."""


def learn(
    words: Sequence[Word],
    indices: Sequence[int],
    audio: str | Path | None = None,
    device: str = "cpu",
    progress: StageProgress | None = None,
) -> Lesson:
    """Read, and with `audio` hear, the conversation of the words at `indices` once; the rest of
    this file is then arithmetic. Raises SealError where there are no words or no recording."""
    chosen = [words[index] for index in indices]
    labels = rulings.machine(chosen)
    return Lesson(tuple(indices), study.study(chosen, labels, audio, device, progress))


class Teacher:
    """A lesson of one conversation that is begun when it is first asked for, and kept: what the
    review page asks at every ruling."""

    def __init__(self, audio: str | Path | None = None, device: str = "cpu") -> None:
        self.audio = audio
        self.device = device
        self._lesson: Lesson | None = None
        self._lock = threading.Lock()

    def __call__(self, words: Sequence[Word], indices: Sequence[int]) -> dict[str, Any]:
        """The `view` of what follows from the rulings in `words`."""
        with self._lock:
            labels = rulings.machine([words[index] for index in indices])
            lesson = self._lesson
            if lesson is None or len(lesson.indices) != len(indices):
                lesson = learn(words, indices, self.audio, self.device)
            elif labels != lesson.study.labels:  # somebody got another name
                called = dict(zip(lesson.study.labels, labels, strict=True))
                known = [called.get(name, name) for name in lesson.study.names]
                if len(set(known)) == len(known):
                    lesson = Lesson(
                        tuple(indices), replace(lesson.study, labels=labels, names=known)
                    )
                else:
                    lesson = learn(words, indices, self.audio, self.device)
            self._lesson = lesson
            return view(lesson, words)


def proposals(lesson: Lesson, words: Sequence[Word]) -> list[Proposal]:
    """What follows from the rulings in `words`, the most words first."""
    chosen = [words[index] for index in lesson.indices]
    now = [word["speaker"] for word in chosen]
    found = decision.proposals(lesson.study, now, _ruled(chosen), rulings.merges(chosen))
    return [
        Proposal(
            one.before,
            one.after,
            one.why,
            tuple(lesson.indices[place] for place in one.indices),
            one.confidence,
        )
        for one in found
    ]


def accept(words: Sequence[Word], found: Sequence[Proposal], at: str | None = None) -> list[Word]:
    """The words with the proposals in them, as one act that can be undone; a copy."""
    indices = [index for one in found for index in one.indices]
    speakers = [one.after for one in found for _ in one.indices]
    return rulings.rule(words, indices, speakers, "like", at) if indices else list(words)


def asked(lesson: Lesson, words: Sequence[Word], most: int = 1) -> list[Question]:
    """What to ask next, that which would settle most first; of `most` at most."""
    chosen = [words[index] for index in lesson.indices]
    now = [word["speaker"] for word in chosen]
    found = questions.questions(
        lesson.study, now, [_sure(word) for word in chosen], _ruled(chosen), rulings.merges(chosen)
    )
    return [
        Question(lesson.indices[one.first : one.after], one.settles, one.likely)
        for one in found[:most]
    ]


def view(lesson: Lesson, words: Sequence[Word]) -> dict[str, Any]:
    """All of it as JSON has it: `proposals`, `question` (or None), `names`, and the `pairs` of
    voices to be merged or split; words by their number in the conversation, from 0."""
    place = {index: number for number, index in enumerate(lesson.indices)}
    chosen = [words[index] for index in lesson.indices]
    found = asked(lesson, words)
    return {
        "proposals": [
            {
                "before": one.before,
                "after": one.after,
                "why": one.why,
                "confidence": one.confidence,
                "words": [place[index] for index in one.indices],
                "start": float(words[one.indices[0]]["start_time"]),
                "quote": quote(words, one.indices),
            }
            for one in proposals(lesson, words)
        ],
        "question": None
        if not found
        else {
            "words": [place[index] for index in found[0].indices],
            "start": float(words[found[0].indices[0]]["start_time"]),
            "end": float(words[found[0].indices[-1]]["end_time"]),
            "quote": quote(words, found[0].indices),
            "settles": found[0].settles,
            "likely": [[name, round(share, 3)] for name, share in found[0].likely],
        },
        "names": called_by_name(chosen),
        "pairs": [
            {
                "one": one.one,
                "other": one.other,
                "likeness": one.likeness,
                "hear": [
                    [float(chosen[first]["start_time"]), float(chosen[after - 1]["end_time"])]
                    for first, after in (one.first, one.second)
                ],
                "words": [list(range(*span)) for span in (one.first, one.second)],
            }
            for one in pairs.pairs(lesson.study, [word["speaker"] for word in chosen])
        ],
    }


def called_by_name(chosen: Sequence[Word]) -> list[dict[str, Any]]:
    """The names that the words of a conversation propose, as JSON has them."""
    return [
        {
            "speaker": one.speaker,
            "name": one.name,
            "word": one.place,
            "start": float(chosen[one.place]["start_time"]),
            "quote": one.quote,
            "heard": one.heard,
        }
        for one in names.called(chosen)
    ]


def quote(words: Sequence[Word], indices: Collection[int]) -> str:
    """The first words of those at `indices`, as one line."""
    shown = joined(words[index]["words"] for index in list(indices)[:SHOWN])
    return shown + " …" * (len(indices) > SHOWN)


def _ruled(chosen: Sequence[Word]) -> dict[int, str]:
    return {place: word["speaker"] for place, word in enumerate(chosen) if rulings.is_certain(word)}


def _sure(word: Word) -> float:
    sure = word.get("speaker_confidence")
    if isinstance(sure, (int, float)) and 0 <= sure <= 1:
        return float(sure)
    scores = word.get("speaker_scores") or {}
    return float(scores.get(word["speaker"], 1.0))

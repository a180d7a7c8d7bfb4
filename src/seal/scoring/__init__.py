"""How good a transcript is against its reference: WER, cpWER, Δcp, WDER; tcpWER, DI-cpWER and DER.

Counts are summed over sessions and files, so that every rate is a micro average. Both sides are
normalised alike, word by word. It knows nothing of files, audio or models.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
from meeteval.io import SegLST
from meeteval.wer import (
    cp_word_error_rate,
    greedy_di_cp_word_error_rate,
)
from meeteval.wer.preprocess import preprocess
from meeteval.wer.wer.time_constrained import (
    time_constrained_siso_levenshtein_distance as distance,
)

from seal.errors import SealError
from seal.scoring.alignment import aligned_pairs
from seal.scoring.der import diarization
from seal.tpst import best_match
from seal.unspaced import Unit, has_letters, in_units
from seal.words import Word, normalise, sessions

MOST_SPEAKERS = 20
"""meeteval refuses more: so many speakers mean a mistake in the input."""

MAX_DI_BYTES = 1 << 28
"""What meeteval may have in memory for DI-cpWER: a number for each turn and each of the most words
that one speaker has. That is enough for 25,000 words; of longer talk it is not counted."""

COLLAR = 5.0
"""Seconds by which a word's times may be wrong in tcpWER."""

Number = TypeVar("Number", int, float)

Token = tuple[str, str]
"""One normalised word and its speaker."""


@dataclass(frozen=True)
class Score:
    """Counts that add up with `+`, and the rates that follow from them (1.0 is 100 %)."""

    words: int = 0
    """Words of the reference."""
    errors: int = 0
    """Insertions, deletions and substitutions, whoever spoke."""
    cp_errors: int = 0
    """The same with every speaker's words apart, speakers matched for the fewest errors."""
    aligned: int = 0
    """Hypothesis words that are aligned to a reference word, as a match or a substitution."""
    misattributed: int = 0
    """Those of them with the wrong speaker."""
    tcp_errors: int | None = None
    """As cp_errors, but words more than COLLAR seconds apart do not match; None: not counted."""
    di_cp_errors: int | None = None
    """As cp_errors, but every turn of the hypothesis goes where it costs least, so that what is
    left are words and places of changes, not names; None: not counted, or too long."""
    der_seconds: float | None = None
    """Seconds of missed speech, false alarms and wrong speakers; None: not counted."""
    speech: float | None = None
    """Seconds of speech in the reference, those of several at once counted for each."""
    characters: int = 0
    """Of `words` those that are characters, counted where a script has no spaces."""

    def __add__(self, other: "Score") -> "Score":
        if Score() in (self, other):  # what a sum begins with has counted nothing
            return other if self == Score() else self
        return Score(
            self.words + other.words,
            self.errors + other.errors,
            self.cp_errors + other.cp_errors,
            self.aligned + other.aligned,
            self.misattributed + other.misattributed,
            _sum(self.tcp_errors, other.tcp_errors),
            _sum(self.di_cp_errors, other.di_cp_errors),
            _sum(self.der_seconds, other.der_seconds),
            _sum(self.speech, other.speech),
            self.characters + other.characters,
        )

    @property
    def wer(self) -> float:
        """Word error rate of all words in time order, whoever spoke."""
        return _rate(self.errors, self.words)

    @property
    def cpwer(self) -> float:
        """Concatenated minimum-permutation word error rate."""
        return _rate(self.cp_errors, self.words)

    @property
    def delta_cp(self) -> float:
        """cpWER − WER: what the wrong speakers cost (SEAL, section IV)."""
        return _rate(self.cp_errors - self.errors, self.words)

    @property
    def wder(self) -> float:
        """Word diarization error rate: misattributed / aligned, as in DiarizationLM."""
        return _rate(self.misattributed, self.aligned)

    @property
    def tcpwer(self) -> float | None:
        """Time-constrained cpWER with a collar of COLLAR seconds; None where it was not counted."""
        return None if self.tcp_errors is None else _rate(self.tcp_errors, self.words)

    @property
    def di_cpwer(self) -> float | None:
        """Diarization-invariant cpWER, greedy; None where it was not counted."""
        return None if self.di_cp_errors is None else _rate(self.di_cp_errors, self.words)

    @property
    def der(self) -> float | None:
        """Diarization error rate without a collar; None where it was not counted."""
        return None if self.der_seconds is None else _rate(self.der_seconds, self.speech or 0.0)


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return None if one is None or other is None else one + other


def _rate(errors: float, total: float) -> float:
    if total:
        return errors / total
    return float("inf") if errors > 0 else 0.0


def score(
    reference: list[Word],
    hypothesis: list[Word],
    *,
    timed: bool = False,
    turns: bool = False,
    normaliser: Callable[[str], str] = normalise,
    unit: Unit = "auto",
) -> Score:
    """Score a word transcript against its reference, summed over the sessions inside.

    The reference may hold whole segments instead of words (then only the order within overlapping
    segments is coarser). A side without a single word counts as silence. With `timed` tcpWER and
    DI-cpWER are counted, too, which takes three times as long; with `turns` the DER, from the
    words' times. `unit` is what is counted: words, characters, or words and, of a script without
    spaces, characters ("auto"). Raises SealError for a session that is on one side only, and for
    more than 20 speakers in a session.
    """
    written = lru_cache(maxsize=1 << 16)(lambda text: in_units(normaliser(text), unit))
    ours, theirs = _by_session(hypothesis, written), _by_session(reference, written)
    spoken = [dict(sessions(words)) for words in (reference, hypothesis)] if turns else []
    if ours and theirs:
        _refuse_alone(sorted(theirs.keys() - ours), sorted(ours.keys() - theirs))
    total = Score()
    for session_id in ours | theirs:
        sides = theirs.get(session_id, []), ours.get(session_id, [])
        counted = _score_session(session_id, *sides, timed=timed)
        if unit != "word":
            counted = replace(counted, characters=_characters(sides[0], unit))
        if turns:
            heard = [
                [words[index] for index in indices.get(session_id, [])]
                for words, indices in zip((reference, hypothesis), spoken, strict=True)
            ]
            seconds = diarization(*heard)
            counted = replace(counted, der_seconds=seconds.errors, speech=seconds.speech)
        total += counted
    return total


def _refuse_alone(reference: list[str], hypothesis: list[str]) -> None:
    """Raise SealError for sessions that are on one side only."""
    if reference and hypothesis:
        raise SealError(
            f"session {reference[0]!r} is in the reference alone, {hypothesis[0]!r} in the "
            "hypothesis alone: if they are one, give both the same session_id"
        )
    sides = (("reference", "hypothesis", reference), ("hypothesis", "reference", hypothesis))
    for side, other, alone in sides:
        if alone:
            more = f" and {len(alone) - 3} more" if len(alone) > 3 else ""
            raise SealError(
                f"{_listed(alone)}{more} {'are' if len(alone) > 1 else 'is'} in the {side} "
                f"but not in the {other}"
            )


def _listed(sessions: list[str]) -> str:
    name = "session" if len(sessions) == 1 else "sessions"
    return f"{name} {', '.join(map(repr, sessions[:3]))}"


def _by_session(words: list[Word], normaliser: Callable[[str], str]) -> dict[str, list[Word]]:
    """The normalised words of each session, in time order."""
    return {
        session_id: [
            {**words[index], "words": text}
            for index in indices
            if (text := normaliser(words[index]["words"]))
        ]
        for session_id, indices in sessions(words)
    }


@lru_cache(maxsize=1)
def whisper_normaliser() -> Callable[[str], str]:
    """The normaliser that Whisper's authors report with, as `transformers` has it: without fillers
    (um, mm-hmm), contractions in full. Where it finds other differences than `normalise`, the
    difference lies in how words are written."""
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return lru_cache(maxsize=1 << 16)(EnglishTextNormalizer({}))


def _characters(words: list[Word], unit: Unit) -> int:
    """How many of the tokens were counted as characters."""
    tokens = (token for token, _ in _tokens(words))
    return sum(unit == "character" or (len(token) == 1 and has_letters(token)) for token in tokens)


def _tokens(words: list[Word]) -> list[Token]:
    return [(piece, word["speaker"]) for word in words for piece in word["words"].split()]


def _score_session(
    session_id: str, ref_words: list[Word], hyp_words: list[Word], timed: bool
) -> Score:
    reference, hypothesis = _tokens(ref_words), _tokens(hyp_words)
    errors = 0
    pairs: Counter[tuple[str, str]] = Counter()
    texts = [[word for word, _ in side] for side in (reference, hypothesis)]
    for first, second in aligned_pairs(*texts):
        if first is None or second is None:
            errors += 1
            continue
        errors += texts[0][first] != texts[1][second]
        pairs[reference[first][1], hypothesis[second][1]] += 1
    cp_errors = _cp_errors(session_id, reference, hypothesis)

    def counted(count: Callable[[list[Word], list[Word]], int | None]) -> int | None:
        """Where one side is silent, every measure counts the words of the other."""
        return count(ref_words, hyp_words) if reference and hypothesis else cp_errors

    return Score(
        words=len(reference),
        errors=errors,
        cp_errors=cp_errors,
        aligned=pairs.total(),
        misattributed=pairs.total() - _best_matched(pairs),
        tcp_errors=counted(_tcp_errors) if timed else None,
        di_cp_errors=counted(_di_cp_errors) if timed else None,
    )


def _cp_errors(session_id: str, reference: list[Token], hypothesis: list[Token]) -> int:
    by_speaker: list[dict[str, list[str]]] = []
    for side, tokens in (("reference", reference), ("hypothesis", hypothesis)):
        texts: dict[str, list[str]] = {}
        for word, speaker in tokens:
            texts.setdefault(speaker, []).append(word)
        if len(texts) > MOST_SPEAKERS:
            raise SealError(
                f"session {session_id!r}: {len(texts)} speakers in the {side}; "
                f"cpWER is scored for {MOST_SPEAKERS} at most"
            )
        by_speaker.append(texts)
    ours, theirs = ([" ".join(text) for text in texts.values()] for texts in by_speaker)
    if not ours or not theirs:  # one side is silent: all words of the other are errors
        return len(reference) + len(hypothesis)
    return int(cp_word_error_rate(ours, theirs, reference_sort=False, hypothesis_sort=False).errors)


def _tcp_errors(reference: list[Word], hypothesis: list[Word]) -> int:
    # Overlapping words of one speaker are in another order by their middles: it warns and goes on.
    logging.getLogger("preprocess").setLevel(logging.ERROR)
    # Its own function also aligns the words, in a table of all pairs: here are distances alone.
    sides = preprocess(
        _seglst(reference),
        _seglst(hypothesis),
        keep_keys=("start_time", "end_time", "words", "speaker"),
        remove_empty_segments=False,
        collar=COLLAR,
        reference_pseudo_word_level_timing="character_based",
        hypothesis_pseudo_word_level_timing="character_based_points",
        segment_representation="word",
    )
    ours, theirs = (list(side.groupby("speaker").values()) for side in sides[:2])
    count = max(len(ours), len(theirs))
    ours, theirs = ([*side, *[SegLST([])] * (count - len(side))] for side in (ours, theirs))
    distances = np.array([[distance(one, other) for other in theirs] for one in ours])
    return int(sum(distances[pair] for pair in best_match(-distances)))


def _di_cp_errors(reference: list[Word], hypothesis: list[Word]) -> int | None:
    """The segments that go where they cost least are the hypothesis's turns: words in time order of
    one speaker, until another one's. None where there are too many for meeteval's tables."""
    turns = []
    for _, group in groupby(hypothesis, key=lambda word: word["speaker"]):
        words = list(group)
        end = max(float(word["end_time"]) for word in words)
        text = " ".join(word["words"] for word in words)
        turns.append({**words[0], "words": text, "end_time": end})
    longest = max(Counter(word["speaker"] for word in reference).values())
    if len(turns) * longest * np.dtype(np.uint).itemsize > MAX_DI_BYTES:
        return None
    return int(greedy_di_cp_word_error_rate(_seglst(reference), _seglst(turns)).errors)


def _seglst(words: list[Word]) -> Any:
    """meeteval's own list; a word's end is never before its start there."""
    return SegLST(
        [
            {
                "session_id": "one",
                "speaker": word["speaker"],
                "words": word["words"],
                "start_time": float(word["start_time"]),
                "end_time": max(float(word["start_time"]), float(word["end_time"])),
            }
            for word in words
        ]
    )


def _best_matched(pairs: Counter[tuple[str, str]]) -> int:
    """Aligned words whose speakers agree under the best one-to-one match of speakers."""

    def indexed(names: Iterable[str]) -> dict[str, int]:
        return {name: index for index, name in enumerate(dict.fromkeys(names))}

    rows, columns = indexed(r for r, _ in pairs), indexed(h for _, h in pairs)
    counts = np.zeros((len(rows), len(columns)), dtype=int)
    for (ref_speaker, hyp_speaker), count in pairs.items():
        counts[rows[ref_speaker], columns[hyp_speaker]] = count
    return int(sum(counts[pair] for pair in best_match(counts)))

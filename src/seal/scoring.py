"""How good a transcript is against its reference: WER, cpWER, Δcp and WDER.

Counts are summed over sessions and files, so that every rate is a micro average. Both sides are
normalised alike, word by word. It knows nothing of files, audio or models.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from kaldialign import align
from meeteval.wer import cp_word_error_rate

from seal.errors import SealError
from seal.tpst import best_match
from seal.words import Word, normalise, sessions

MOST_SPEAKERS = 20
"""meeteval refuses more: so many speakers mean a mistake in the input."""

_GAP = "*"  # cannot be a normalised word

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

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.words + other.words,
            self.errors + other.errors,
            self.cp_errors + other.cp_errors,
            self.aligned + other.aligned,
            self.misattributed + other.misattributed,
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


def _rate(errors: int, total: int) -> float:
    if total:
        return errors / total
    return float("inf") if errors > 0 else 0.0


def score(reference: list[Word], hypothesis: list[Word]) -> Score:
    """Score a word transcript against its reference, summed over the sessions inside.

    The reference may hold whole segments instead of words (then only the order within overlapping
    segments is coarser). A side without a single word counts as silence. Raises SealError for a
    session that is on one side only, and for more than 20 speakers in a session.
    """
    ours, theirs = _tokens(hypothesis), _tokens(reference)
    if ours and theirs:
        alone = [(session_id, "reference", "hypothesis") for session_id in theirs.keys() - ours]
        alone += [(session_id, "hypothesis", "reference") for session_id in ours.keys() - theirs]
        for session_id, side, other in sorted(alone):
            raise SealError(
                f"session {session_id!r} is in the {side} but not in the {other}: "
                "give both the same session_id"
            )
    total = Score()
    for session_id in ours | theirs:
        total += _score_session(session_id, theirs.get(session_id, []), ours.get(session_id, []))
    return total


def _tokens(words: list[Word]) -> dict[str, list[Token]]:
    """The normalised words of each session, in time order."""
    return {
        session_id: [
            (piece, words[index]["speaker"])
            for index in indices
            for piece in normalise(words[index]["words"]).split()
        ]
        for session_id, indices in sessions(words)
    }


def _score_session(session_id: str, reference: list[Token], hypothesis: list[Token]) -> Score:
    alignment = align([word for word, _ in reference], [word for word, _ in hypothesis], _GAP)
    ref_speakers, hyp_speakers = (iter([s for _, s in side]) for side in (reference, hypothesis))
    pairs: Counter[tuple[str, str]] = Counter()
    for ref_word, hyp_word in alignment:
        ref_speaker = next(ref_speakers) if ref_word != _GAP else None
        hyp_speaker = next(hyp_speakers) if hyp_word != _GAP else None
        if ref_speaker is not None and hyp_speaker is not None:
            pairs[ref_speaker, hyp_speaker] += 1
    return Score(
        words=len(reference),
        errors=sum(ref_word != hyp_word for ref_word, hyp_word in alignment),
        cp_errors=_cp_errors(session_id, reference, hypothesis),
        aligned=pairs.total(),
        misattributed=pairs.total() - _best_matched(pairs),
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


def _best_matched(pairs: Counter[tuple[str, str]]) -> int:
    """Aligned words whose speakers agree under the best one-to-one match of speakers."""

    def indexed(names: Iterable[str]) -> dict[str, int]:
        return {name: index for index, name in enumerate(dict.fromkeys(names))}

    rows, columns = indexed(r for r, _ in pairs), indexed(h for _, h in pairs)
    counts = np.zeros((len(rows), len(columns)), dtype=int)
    for (ref_speaker, hyp_speaker), count in pairs.items():
        counts[rows[ref_speaker], columns[hyp_speaker]] = count
    return int(sum(counts[pair] for pair in best_match(counts)))

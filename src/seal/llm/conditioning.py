"""The score mapper (paper, III-B): from a word's pooled posteriors to what the model reads.

It sees one word at a time, and knows nothing of prompts or tokens.
"""

from typing import Literal, get_args

from seal.errors import SealError
from seal.words import Word

Condition = Literal["none", "prob", "int", "label"]
CONDITIONS: tuple[str, ...] = get_args(Condition)

TH_LOW, TH_MED = 0.5, 0.8
"""The paper's thresholds, tuned on its Fisher dev set (IV-C)."""

ScoreKind = Literal["posterior", "lead"]
SCORE_KINDS: tuple[str, ...] = get_args(ScoreKind)

LEVELS = ("Low", "Med", "High")
"""Capitals: words are shown in lower case, so a level is never mistaken for a word."""


def check_thresholds(thresholds: tuple[float, float]) -> tuple[float, float]:
    """Return (Th_low, Th_med) if 0 <= Th_low <= Th_med <= 1, else raise a SealError."""
    low, med = thresholds
    if not 0 <= low <= med <= 1:
        raise SealError(f"thresholds: need 0 <= Th_low <= Th_med <= 1, not {low} and {med}")
    return low, med


def word_score(word: Word, kind: str = "posterior") -> float | None:
    """Return the number in [0, 1] that stands for a word's `speaker_scores`, or None without them.

    `kind` is one of SCORE_KINDS. `posterior` is the paper's: that of the word's own speaker. `lead`
    is its distance from the strongest other speaker's: where two talk at once both posteriors are
    high, and only the lead says that the word may be either's.

    >>> word_score({"speaker": "A", "speaker_scores": {"A": 0.75, "B": 0.5}}, "lead")
    0.25
    """
    scores = word.get("speaker_scores") or {}
    posterior = scores.get(word["speaker"])
    if posterior is None:
        return None
    if kind == "lead":
        others = [float(value) for name, value in scores.items() if name != word["speaker"]]
        return max(0.0, float(posterior) - max(others, default=0.0))
    return float(posterior)


def acoustic_label(
    score: float | None, condition: str, thresholds: tuple[float, float] = (TH_LOW, TH_MED)
) -> str:
    """Return the text that the prompt shows beside a word with this `score` in [0, 1].

    `none` (or no score) gives "", `prob` two decimals, `int` one of ten classes of equal width,
    `label` Low, Med or High: Low up to Th_low, Med up to Th_med, High above.

    >>> [acoustic_label(score, "label") for score in (0.5, 0.8, 0.81)]
    ['Low', 'Med', 'High']
    """
    if score is None or condition == "none":
        return ""
    if condition == "prob":
        return f"{score:.2f}"
    if condition == "int":
        return str(min(int(score * 10), 9))
    if condition == "label":
        low, med = thresholds
        return LEVELS[(score > low) + (score > med)]
    raise SealError(f"condition: {condition!r} is none of {', '.join(CONDITIONS)}")

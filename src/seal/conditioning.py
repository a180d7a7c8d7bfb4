"""The score mapper (paper, III-B): a word's pooled posterior to what the language model reads.

It knows one number at a time, and nothing of words, prompts or tokens.
"""

from typing import Literal, get_args

from seal.errors import SealError

Condition = Literal["none", "prob", "int", "label"]
CONDITIONS: tuple[str, ...] = get_args(Condition)

TH_LOW, TH_MED = 0.5, 0.8
"""The paper's thresholds, tuned on its Fisher dev set (IV-C)."""

LEVELS = ("Low", "Med", "High")
"""Capitals: words are shown in lower case, so a level is never mistaken for a word."""


def check_thresholds(thresholds: tuple[float, float]) -> tuple[float, float]:
    """Return (Th_low, Th_med) if 0 <= Th_low <= Th_med <= 1, else raise a SealError."""
    low, med = thresholds
    if not 0 <= low <= med <= 1:
        raise SealError(f"thresholds: need 0 <= Th_low <= Th_med <= 1, not {low} and {med}")
    return low, med


def acoustic_label(
    score: float | None, condition: str, thresholds: tuple[float, float] = (TH_LOW, TH_MED)
) -> str:
    """What stands beside a word for the posterior `score` in [0, 1] of its speaker.

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

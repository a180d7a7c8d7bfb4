"""How sure a difference is: bootstrap intervals, a paired test, calibration.

Recordings are what is drawn: words of one conversation are not independent of each other. It knows
scores, and no systems.
"""

from collections.abc import Sequence
from itertools import product

from seal.scoring import Score

DRAWS = 2000
EXACT = 12
"""Up to so many recordings every pattern of signs is tried."""


def by_conversation(names: Sequence[str], scores: Sequence[Score]) -> list[Score]:
    """The scores of each conversation summed: several first passes of one are no several draws."""
    total: dict[str, Score] = {}
    for name, score in zip(names, scores, strict=True):
        total[name] = total.get(name, Score()) + score
    return list(total.values())


def relative_change(
    before: Sequence[Score], after: Sequence[Score]
) -> tuple[float, float, float] | None:
    """Relative change of Δcp and its 95 % bootstrap interval over recordings; None where the first
    pass's Δcp is 0."""
    import numpy as np

    costs = np.array([[s.cp_errors - s.errors for s in side] for side in (before, after)], float)
    if costs[0].sum() <= 0:
        return None
    drawn = np.random.default_rng(0).integers(costs.shape[1], size=(DRAWS, costs.shape[1]))
    sums = costs[:, drawn].sum(axis=2)
    sums = sums[:, sums[0] > 0]
    low, high = np.quantile(sums[1] / sums[0] - 1, [0.025, 0.975])
    return float(costs[1].sum() / costs[0].sum() - 1), float(low), float(high)


def p_value(before: Sequence[Score], after: Sequence[Score]) -> float:
    """Two-sided paired permutation test: how often would a difference in cp errors as large as
    this come about if the sign of each recording's difference were chance?"""
    import numpy as np

    gains = np.array(
        [a.cp_errors - b.cp_errors for b, a in zip(before, after, strict=True)], dtype=float
    )
    if len(gains) <= EXACT:
        signs = np.array(list(product([1, -1], repeat=len(gains))))
    else:
        signs = np.random.default_rng(0).choice([1, -1], size=(20_000, len(gains)))
        signs[0] = 1
    sums = np.abs(signs @ gains)
    return float((sums >= abs(gains.sum()) - 1e-9).mean())


def calibration_error(reliability: Sequence[Sequence[float]]) -> float | None:
    """Expected calibration error of bins (words, sum of confidence, right); None without words."""
    total = sum(count for count, *_ in reliability)
    if not total:
        return None
    return sum(abs(confidence - right) for _, confidence, right in reliability) / total

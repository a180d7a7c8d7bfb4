"""Tuning on a development set: the thresholds of the acoustic labels, and the margin, by Δcp.

The paper tunes Th_low and Th_med so (IV-C); the margin, by which another speaker must be preferred
before a word changes, is ours. Every setting is tried by correcting the whole set with it. It
knows nothing of how a corrector works.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from seal.correction import correct
from seal.llm.conditioning import TH_LOW, TH_MED
from seal.scoring import Score, score
from seal.words import Word, without_scores

MARGINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Nats."""

THRESHOLDS = ((0.3, 0.6), (0.4, 0.7), (0.4, 0.8), (0.5, 0.9), (0.6, 0.9), (0.7, 0.95))
"""Tried beside the paper's."""

Pairs = Sequence[tuple[list[Word], list[Word]]]
"""(reference, first pass) of each recording."""


@dataclass(frozen=True)
class Trial:
    """What a setting did to the development set."""

    scored: bool
    thresholds: tuple[float, float]
    margin: float
    delta_cp: float
    changed: int
    """Words that got another speaker."""


def tune(
    dev: Pairs,
    report: Callable[[Trial], None] | None = None,
    margins: Sequence[float] = MARGINS,
    thresholds: Sequence[tuple[float, float]] = THRESHOLDS,
    **options: Any,
) -> tuple[dict[str, Any], list[Trial]]:
    """Choose settings by Δcp, and return them with all that was tried, in order.

    The margin for words with scores is chosen under the paper's thresholds, then the thresholds
    (for `corrector="seal"` with labels), then the margin for words without scores. Of settings
    that do as well as each other the one that changes fewer words is taken. `options` are those
    of `seal.correct`. The settings are what stands in an adapter's `seal.json`.
    """
    trials: list[Trial] = []

    def best(scored: bool, pairs: Sequence[tuple[float, float]], wanted: Sequence[float]) -> Trial:
        found = []
        for pair in pairs:
            for margin in wanted:
                found.append(_trial(dev, scored, pair, margin, options))
                if report:
                    report(found[-1])
        trials.extend(found)
        return min(found, key=lambda trial: (round(trial.delta_cp, 6), trial.changed))

    paper = (TH_LOW, TH_MED)
    settings: dict[str, Any] = {"thresholds": list(paper), "margins": {}}
    if any("speaker_scores" in word for _, first in dev for word in first):
        chosen = best(True, [paper], margins)
        if options.get("corrector") == "seal" and options.get("condition", "label") == "label":
            other = best(True, thresholds, [chosen.margin])
            chosen = min(chosen, other, key=lambda trial: trial.delta_cp)
        settings["thresholds"] = list(chosen.thresholds)
        settings["margins"]["scores"] = chosen.margin
    settings["margins"]["no_scores"] = best(False, [paper], margins).margin
    return settings, trials


def _trial(
    dev: Pairs,
    scored: bool,
    thresholds: tuple[float, float],
    margin: float,
    options: dict[str, Any],
) -> Trial:
    total, changed = Score(), 0
    for reference, first in dev:
        given = first if scored else [without_scores(word) for word in first]
        answer = correct(given, margin=margin, thresholds=thresholds, **options)
        total += score(reference, answer)
        changed += sum(word["speaker"] != word["first_pass_speaker"] for word in answer)
    return Trial(scored, thresholds, margin, total.delta_cp, changed)

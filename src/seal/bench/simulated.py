"""A simulated first pass for the bench: the simulator's posteriors, pooled by `reconcile`.

Word errors and posteriors are `training.simulate`'s, so that a louder voice covers another for the
recogniser and the diarizer alike; what becomes of them is what becomes of a real first pass.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import reconcile
from seal.bench.diarised import matched
from seal.training.simulate import STEP, Severity, draw_severity, imagined, recognise
from seal.words import Word, speakers

SCALES = {
    "lag": 1.1,
    "jitter": 0.95,
    "fixed_lag": 0.13,
    "missed": 1.1,
    "confused": 0.3,
    "mistaken": 0.46,
}
"""How much of each the bench draws, for what the training draws: fitted to `real-meetings-dev`
alone (benchmarks/fit_simulator.py). How sure posteriors are is not seen in its hard labels, and is
the training simulator's."""


def simulated(
    reference: Sequence[Word], severity: Severity, rng: np.random.Generator
) -> tuple[list[Word], list[str]]:
    """The first pass of one recording, whose words are in time order, and the true speaker of each
    of its words, in the first pass's names."""
    loudness = rng.normal(0, 1, len(speakers(reference)))
    heard = recognise(reference, loudness, severity, rng)
    frames = imagined(reference, loudness, severity, rng)
    words = [
        {"words": text, "start_time": round(start, 3), "end_time": round(end, 3)}
        for _, start, end, text in heard
    ]
    posteriors = Posteriors(frames.astype(np.float32), step=STEP, start=STEP / 2)
    first = reconcile(words, posteriors, reference[0]["session_id"])
    true = [word["speaker"] for word, *_ in heard]
    return first, matched(true, [word["speaker"] for word in first])


def draw(rng: np.random.Generator, scales: dict[str, float] = SCALES) -> Severity:
    """A severity at random: as the training's, each of its numbers in `scales` times as large."""
    drawn = draw_severity(rng)
    return replace(drawn, **{name: getattr(drawn, name) * by for name, by in scales.items()})

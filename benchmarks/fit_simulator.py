"""Fit the bench's simulator to real diarizers: python benchmarks/fit_simulator.py SETS -o FIT.json

Real are the 18 meetings × 3 outputs of `real-meetings-dev` (hard labels) and nothing else. Compared
are, for each place in the conversation, the share of words with the wrong speaker, and the share of
wrong words that stand in runs of one, of two or three, of four to nine, and of ten and more. Tried
are random scales of what the simulator draws; the best of TRIALS is printed and written, with its
figures beside the real ones. Posteriors' sharpness cannot be seen in hard labels and is left as it
is. Every trial draws the same conversations and seeds; the file is written after each, and a run
that was stopped goes on.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from seal.bench.positions import PLACES, places
from seal.bench.sets import read_set
from seal.bench.simulated import SCALES, draw, simulated
from seal.files import write_text
from seal.words import Word

WORDS = 600
"""Of each meeting's beginning, in a trial."""

RUNS = (1, 3, 9)
"""Upper ends of the lengths of runs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=80)
    options = parser.parse_args()
    recordings = read_set(options.sets / "real-meetings-dev")
    real = figures(
        [
            (one.places, [w["speaker"] != t for w, t in zip(one.first, one.true, strict=True)])
            for one in recordings
        ]
    )
    references = {one.name: one.reference[:WORDS] for one in recordings}
    tried = []
    if options.output.is_file():
        tried = json.loads(options.output.read_text(encoding="utf-8"))["tried"]
    for trial in range(len(tried), options.trials):
        scales = proposal(tried, np.random.default_rng(trial))
        found = figures(drawn(list(references.values()), scales))
        tried.append({"distance": distance(real, found), "scales": scales, "figures": found})
        best = min(tried, key=lambda one: one["distance"])
        text = {"real": real, "best": best, "tried": tried}
        write_text(json.dumps(text, indent=1), options.output)
    print(json.dumps({"real": real, "best": best}, indent=1))


def proposal(tried: Sequence[dict], rng: np.random.Generator) -> dict[str, float]:
    """Scales to try: the present ones first, then anywhere within a factor of five, and, after 40,
    near the best."""
    if not tried:
        return dict(SCALES)
    if len(tried) < 40:
        return {name: float(np.exp(rng.uniform(np.log(0.1), np.log(3)))) for name in SCALES}
    best = min(tried, key=lambda one: one["distance"])["scales"]
    return {name: float(value * np.exp(rng.normal(0, 0.25))) for name, value in best.items()}


def drawn(
    references: Sequence[Sequence[Word]], scales: dict[str, float]
) -> list[tuple[list[str], list[bool]]]:
    found = []
    for number, reference in enumerate(references):
        rng = np.random.default_rng([11, number])
        first, true = simulated(reference, draw(rng, scales), rng)
        wrong = [word["speaker"] != who for word, who in zip(first, true, strict=True)]
        found.append((places(reference, first), wrong))
    return found


def figures(recordings: Sequence[tuple[list[str], list[bool]]]) -> dict[str, float]:
    """Shares of words with the wrong speaker by place, and of wrong words by length of run."""
    by_place = {place: [0, 0] for place in PLACES}
    by_run = [0] * (len(RUNS) + 1)
    for where, wrong in recordings:
        for place, mistaken in zip(where, wrong, strict=True):
            by_place[place][0] += 1
            by_place[place][1] += mistaken
        for mistaken, group in groupby(wrong):
            length = len(list(group))
            if mistaken:
                by_run[int(np.searchsorted(RUNS, length))] += length
    shares = {f"wrong, {place}": bad / max(words, 1) for place, (words, bad) in by_place.items()}
    titles = ("one", "two or three", "four to nine", "ten and more")
    runs = {f"run of {t}": n / max(sum(by_run), 1) for t, n in zip(titles, by_run, strict=True)}
    return shares | runs


def distance(real: dict[str, float], found: dict[str, float]) -> float:
    """Sum of squared differences of the logits: 1 % against 2 % counts as 40 % against 57 %."""
    sides = [np.array([side[name] for name in real]).clip(0.002, 0.998) for side in (real, found)]
    logits = [np.log(side / (1 - side)) for side in sides]
    return float(((logits[0] - logits[1]) ** 2).sum())


if __name__ == "__main__":
    main()

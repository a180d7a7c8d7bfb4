"""How much a word's acoustic label says about whether its speaker is wrong, in nats per word.

python benchmarks/score_information.py DATA [--words 1500]

DATA holds `primock57/` and `ami/`. For the speaker's own posterior and for its lead over the next
one, at the paper's thresholds, at the best two, and in ten integer classes, on simulated first
passes of the development recordings.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np

from seal.bench.held_out import recordings
from seal.llm.conditioning import SCORE_KINDS, TH_LOW, TH_MED, word_score

EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)


def entropy(wrong: np.ndarray) -> float:
    """Nats per word that it takes to say which of them are wrong, knowing only how many."""
    share = wrong.mean() if len(wrong) else 0.0
    if share in (0.0, 1.0):
        return 0.0
    return float(-share * np.log(share) - (1 - share) * np.log(1 - share))


def information(scores: np.ndarray, wrong: np.ndarray, edges: tuple[float, ...]) -> float:
    """Nats per word that the class of the score tells of it."""
    classes = np.digitize(scores, edges, right=True)
    left = sum(entropy(wrong[classes == c]) * (classes == c).mean() for c in np.unique(classes))
    return entropy(wrong) - float(left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1500)
    options = parser.parse_args()
    print("| set | score | paper's thresholds | best | thresholds | ten integers | to know |")
    print("|---|---|---|---|---|---|---|")
    for name in ("primock57-dev", "ami-dev"):
        pairs = [
            (word, true)
            for _, first, truth in recordings(options.data, name, options.words, 1)
            for word, true in zip(first, truth, strict=True)
        ]
        wrong = np.array([word["speaker"] != true for word, true in pairs])
        for kind in SCORE_KINDS:
            scores = np.array([word_score(word, kind) for word, _ in pairs])
            paper = information(scores, wrong, (TH_LOW, TH_MED))
            best, edges = max(
                (information(scores, wrong, pair), pair)
                for pair in itertools.combinations(EDGES, 2)
            )
            tenths = information(scores, wrong, tuple(i / 10 for i in range(1, 10)))
            print(
                f"| {name} | {kind} | {paper:.4f} | {best:.4f} | {edges[0]}, {edges[1]} | "
                f"{tenths:.4f} | {entropy(wrong):.4f} |"
            )


if __name__ == "__main__":
    main()

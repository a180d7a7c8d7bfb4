"""The recordings of a corpus that are held out, and simulated first passes of them.

It knows corpora and their splits, and nothing of systems.
"""

from pathlib import Path

import numpy as np

from seal.corpora import ami, primock57
from seal.corpora.splits import ami_split, first_clip_cut, primock57_past, primock57_split
from seal.training.simulate import draw_severity, simulate
from seal.words import Word


def references(data: Path, name: str, words: int) -> list[list[Word]]:
    """The first `words` words of each recording of a set (`primock57-test`, `ami-dev`, …).

    `primock57-unread` are the ten consultations that the shipped adapter has not learnt from.
    """
    corpus, split = name.split("-")
    if corpus == "primock57":
        loaded = primock57.load(data / "primock57")
        lists = primock57_past if split in ("unread", "tuned", "learnt") else primock57_split
        chosen = [loaded[key] for key in sorted(loaded) if lists(key) == split]
    else:
        loaded = ami.load(data / "ami")
        chosen = [first_clip_cut(loaded[key]) for key in sorted(loaded) if ami_split(key) == split]
    return [reference[:words] for reference in chosen]


def recordings(
    data: Path, name: str, words: int, seed: int
) -> list[tuple[list[Word], list[Word], list[str]]]:
    """(reference, first pass, true speakers) of each recording of a set, cut to `words` words."""
    result = []
    for index, reference in enumerate(references(data, name, words)):
        rng = np.random.default_rng([seed, index])
        result.append((reference, *simulate(reference, draw_severity(rng), rng)))
    return result

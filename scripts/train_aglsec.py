"""Train the shipped AG-LSEC: python scripts/train_aglsec.py DATA OUT [--steps N] …

DATA holds `ami/`, `icsi/` and `primock57/` as `seal.corpora` reads them. The run resumes where it
was stopped. Held out, and never read here, are the recordings that `train_adapter.py` leaves out.
At every checkpoint the words repaired and broken on the two development sets are counted.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from seal.aglsec import log_posteriors
from seal.aglsec_training import Recipe, train
from seal.corpora import ami, icsi, primock57
from seal.corpora.splits import ami_split, first_clip_cut, primock57_split
from seal.simulate import draw_severity, simulate
from seal.words import speakers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    for name, value in vars(Recipe()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    options = vars(parser.parse_args())
    data, out = options.pop("data"), options.pop("out")
    calls = primock57.load(data / "primock57")
    meetings = {name: first_clip_cut(words) for name, words in ami.load(data / "ami").items()}
    corpora = [
        (0.25, [calls[name] for name in sorted(calls) if primock57_split(name) == "train"]),
        (0.40, [meetings[name] for name in sorted(meetings) if ami_split(name) == "train"]),
        (0.35, list(icsi.load(data / "icsi").values())),
    ]
    dev = []
    for part, split, size in ((calls, primock57_split, 1500), (meetings, ami_split, 500)):
        chosen = [part[name][:size] for name in sorted(part) if split(name) == "dev"]
        rng = np.random.default_rng(1)
        dev.append([simulate(words, draw_severity(rng), rng) for words in chosen])

    def measure(network: Any, encode: Any) -> dict[str, Any]:
        return {
            f"{name}{suffix}": counts(network, encode, recordings, strip)
            for name, recordings in zip(("primock57", "ami"), dev, strict=True)
            for suffix, strip in (("", False), (" no scores", True))
        }

    def report(line: dict) -> None:
        if line["step"] % 10 == 0:
            print(line, file=sys.stderr, flush=True)

    train(corpora, out, Recipe(**options), report=report, measure=measure)


def counts(network: Any, encode: Any, recordings: list, strip: bool) -> list[int]:
    """Words, wrong words of the first pass, then repaired and broken at margins 0, 0.8, 1.6."""
    found = np.zeros(8, dtype=int)
    for transcript, truth in recordings:
        names = speakers(transcript)
        words = [{k: w[k] for k in w if not (strip and k == "speaker_scores")} for w in transcript]
        answer = log_posteriors(network, encode, words, names)
        was = np.array([names.index(word["speaker"]) for word in words])
        true = np.array([names.index(name) for name in truth])
        found[0] += len(words)
        found[1] += (was != true).sum()
        gain = answer - answer[np.arange(len(words)), was][:, None]
        best = gain.argmax(axis=1)
        for place, margin in enumerate((0.0, 0.8, 1.6)):
            moved = (best != was) & (gain.max(axis=1) > margin)
            found[2 + 2 * place] += (moved & (best == true)).sum()
            found[3 + 2 * place] += (moved & (was == true)).sum()
    return found.tolist()


if __name__ == "__main__":
    main()

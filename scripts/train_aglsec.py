"""Train the shipped AG-LSEC: python scripts/train_aglsec.py DATA OUT [--steps N] …

DATA holds `ami/`, `icsi/` and `primock57/` as `seal.corpora` reads them. The run resumes where it
was stopped. Held out, and never read here, are the recordings that `train_adapter.py` leaves out.
At every checkpoint it is measured what share of the wrong words of the two development sets is
repaired, less those that are broken.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from seal.corpora import ami, icsi, primock57
from seal.corpora.splits import ami_split, first_clip_cut, primock57_split
from seal.correctors.ag_lsec_network import log_posteriors
from seal.training.ag_lsec import Recipe, train
from seal.training.simulate import draw_severity, simulate
from seal.words import Conversation, speakers, without_scores

MARGIN = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, help="weights to begin with")
    for name, value in vars(Recipe()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    options = vars(parser.parse_args())
    data, out, start = options.pop("data"), options.pop("out"), options.pop("start")
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

    def measure(network: Any, encode: Any) -> dict[str, float]:
        return {
            f"{name}{suffix}": gain(network, encode, recordings, strip)
            for name, recordings in zip(("primock57", "ami"), dev, strict=True)
            for suffix, strip in (("", False), (" no scores", True))
        }

    def report(line: dict) -> None:
        if line["step"] % 10 == 0:
            print(line, file=sys.stderr, flush=True)

    train(corpora, out, Recipe(**options), start, report, measure)


def gain(network: Any, encode: Any, recordings: list, strip: bool) -> float:
    """Words repaired less words broken, at a margin of 0.8, as a share of the wrong words."""
    wrong, net = 0, 0
    for transcript, truth in recordings:
        names = speakers(transcript)
        words = [without_scores(word) if strip else word for word in transcript]
        answer = log_posteriors(network, encode, [Conversation(words, names)])[0]
        was = np.array([names.index(word["speaker"]) for word in words])
        true = np.array([names.index(name) for name in truth])
        better = answer - answer[np.arange(len(words)), was][:, None]
        now = np.where(better.max(axis=1) > MARGIN, better.argmax(axis=1), was)
        wrong += int((was != true).sum())
        net += int((was != true).sum() - (now != true).sum())
    return round(net / wrong, 3)


if __name__ == "__main__":
    main()

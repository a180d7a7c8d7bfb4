"""Train the shipped adapter: python scripts/train_adapter.py DATA OUT [--chunks N] …

DATA holds `ami/`, `icsi/` and `primock57/` as `seal.corpora` reads them. The run resumes where it
was stopped. Held out, and never read here: AMI's dev and test meetings, ten PriMock57
consultations to test on, five to set the margin on, and the first 31 s of the AMI meetings whose
beginnings are evaluation clips.
"""

import argparse
import sys
from pathlib import Path

from seal.corpora import ami, icsi, primock57
from seal.corpora.splits import ami_split, first_clip_cut, primock57_split
from seal.training.adapter import train
from seal.training.examples import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, help="an adapter to begin with")
    numbers = {k: v for k, v in vars(Recipe()).items() if k not in ("base", "four_bits")}
    for name, value in numbers.items():
        many = {"nargs": "+", "type": str} if isinstance(value, tuple) else {"type": type(value)}
        parser.add_argument("--" + name.replace("_", "-"), default=value, **many)
    options = vars(parser.parse_args())
    data, out, start = options.pop("data"), options.pop("out"), options.pop("start")
    two_party = primock57.load(data / "primock57")
    meetings = {name: first_clip_cut(words) for name, words in ami.load(data / "ami").items()}
    corpora = [
        (0.45, [two_party[name] for name in sorted(two_party) if primock57_split(name) == "train"]),
        (0.30, [meetings[name] for name in sorted(meetings) if ami_split(name) == "train"]),
        (0.25, list(icsi.load(data / "icsi").values())),
    ]

    def report(line: dict) -> None:
        print(line, file=sys.stderr, flush=True)

    train(corpora, out, Recipe(**options), start=start, report=report)


if __name__ == "__main__":
    main()

"""Train what is shipped: python scripts/train_shipped.py adapter|ag-lsec DATA OUT [--seed N] …

DATA holds `ami/`, `icsi/` and `cabnc/` as `seal.corpora` reads them. A run resumes where it was
stopped. Held out, and never learnt from: the dev and test lists of `seal.corpora.splits`, and the
first 31 s of the AMI meetings whose beginnings are evaluation clips. Of AG-LSEC it is measured at
every checkpoint what share of the wrong words of the development sets in --dev (a folder that `seal
bench sets` made) is repaired, less those that are broken.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from seal.bench.diarised import matched, read_turns
from seal.bench.sets import read_set
from seal.corpora import ami, cabnc, icsi
from seal.corpora.columns import columns
from seal.corpora.splits import DEV_SETS, LEARNT, ami_split, cabnc_split, first_clip_cut
from seal.correctors.ag_lsec_network import log_posteriors
from seal.formats.rttm import Turns
from seal.training import adapter, ag_lsec
from seal.training.ag_lsec import AgLsecRecipe
from seal.training.examples import AdapterRecipe
from seal.training.first_passes import Diarised
from seal.training.simulate import Corpora
from seal.words import Conversation, Word, speakers

MARGIN = 0.8

SHARES = (0.45, 0.30, 0.25)
"""Of CABNC, AMI and ICSI in what both learn from."""

DEV_WORDS, DEV_RECORDINGS = 400, 18
"""Of the beginning of each recording, and recordings of each set: enough to see a run go on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="corrector", required=True)
    for corrector, recipe in (("adapter", AdapterRecipe()), ("ag-lsec", AgLsecRecipe())):
        command = commands.add_parser(corrector)
        command.add_argument("data", type=Path)
        command.add_argument("out", type=Path)
        command.add_argument("--start", type=Path, help="weights to begin with")
        if corrector == "ag-lsec":
            command.add_argument("--dev", type=Path, help="the sets that `seal bench sets` made")
        for name, value in vars(recipe).items():
            if name not in ("base", "four_bits"):
                many = isinstance(value, tuple)
                kind: dict[str, Any] = (
                    {"nargs": "+", "type": str} if many else {"type": type(value)}
                )
                command.add_argument("--" + name.replace("_", "-"), default=value, **kind)
    options = vars(parser.parse_args())
    corrector = options.pop("corrector")
    data, out, start = options.pop("data"), options.pop("out"), options.pop("start")
    everyday = cabnc.load(data / "cabnc")
    meetings = {name: first_clip_cut(words) for name, words in ami.load(data / "ami").items()}
    corpora = list(
        zip(
            SHARES,
            (
                [told for name, told in everyday.items() if cabnc_split(name) == "train"],
                [meetings[name] for name in sorted(meetings) if ami_split(name) == "train"],
                list(icsi.load(data / "icsi").values()),
            ),
            strict=True,
        )
    )
    found = real(data / "real_firstpass" / "ami_dev", meetings) if options["real"] else []
    if corrector == "adapter":
        recipe = AdapterRecipe(**options)
        adapter.train(corpora, out, recipe, start=start, report=report, found=found)
    else:
        dev = options.pop("dev")
        train_ag_lsec(corpora, out, AgLsecRecipe(**options), start, dev, found)


def real(outputs: Path, meetings: dict[str, list[Word]]) -> list[Diarised]:
    """The development meetings that are learnt from, under each diarizer with a folder in
    `outputs`."""
    found = []
    for file in sorted(outputs.glob("*/*.rttm")):
        if file.stem in LEARNT:
            told, known = meetings[file.stem], Turns(read_turns(file))
            given = [known.speaker(word["start_time"], word["end_time"]) for word in told]
            true = matched([word["speaker"] for word in told], given)
            words = [word | {"speaker": who} for word, who in zip(told, true, strict=True)]
            found.append(Diarised(columns([words])[0], known))
    return found


def report(line: dict[str, Any]) -> None:
    print(line, file=sys.stderr, flush=True)


def train_ag_lsec(
    corpora: Corpora,
    out: Path,
    recipe: AgLsecRecipe,
    start: Path | None,
    sets: Path | None,
    found: list[Diarised],
) -> None:
    dev = {name: beginnings(sets / name) for name in DEV_SETS} if sets else {}

    def measure(network: Any, encode: Any) -> dict[str, float]:
        return {name: gain(network, encode, recordings) for name, recordings in dev.items()}

    def report_some(line: dict[str, Any]) -> None:
        if line["step"] % 10 == 0:
            report(line)

    ag_lsec.train(corpora, out, recipe, start, report_some, measure, found=found)


def beginnings(folder: Path) -> list[tuple[list[Word], list[str]]]:
    """The first pass of recordings of a set, and the true speaker of each word."""
    recordings = [one for one in read_set(folder) if one.name not in LEARNT]
    return [
        (one.first[:DEV_WORDS], one.true[:DEV_WORDS])
        for one in recordings[:: max(1, len(recordings) // DEV_RECORDINGS)]
    ]


def gain(network: Any, encode: Any, recordings: list[tuple[list[Word], list[str]]]) -> float:
    """Words repaired less words broken, at a margin of 0.8, as a share of the wrong words."""
    wrong, net = 0, 0
    for words, truth in recordings:
        names = speakers(words)
        answer = log_posteriors(network, encode, [Conversation(words, names)])[0]
        was = np.array([names.index(word["speaker"]) for word in words])
        true = np.array([names.index(name) if name in names else -1 for name in truth])
        better = answer - answer[np.arange(len(words)), was][:, None]
        now = np.where(better.max(axis=1) > MARGIN, better.argmax(axis=1), was)
        wrong += int((was != true).sum())
        net += int((was != true).sum() - (now != true).sum())
    return round(net / wrong, 3)


if __name__ == "__main__":
    main()

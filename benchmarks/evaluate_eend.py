"""DER of the first passes, and of a peer: python benchmarks/evaluate_eend.py DATA

On three sets of sound under DATA: conversations of held-out speakers' turns, spoken by voices that
the training of EEND never heard (`--mixtures` of each kind, 60 s each); `libri2mix/`; `ami_clips/`.
Our two first passes, segmentation-3.0's and EEND, join their local speakers alike, by voice; senko
is that program's own pipeline. All find the number of speakers. Wants the packages spy-der (pip
install spy-der; it compiles) and, for senko, what it asks for (umap-learn, hdbscan).
`--eend FOLDER` takes other weights, `--only NAME` one system.
"""

import argparse
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from common.clips import of_session, recordings_of
from common.der import Clip, Turn, der_parts, found_turns, true_turns
from seal.acoustic.audio import RATE, blocks, duration
from seal.acoustic.first_pass import first_pass
from seal.bench.held_out import references
from seal.training.mixtures import effects, held_out, load_voices, mix
from seal.training.simulate import from_start
from seal.words import read, speakers, turns

SECONDS = 60.0
Truth = list[Turn]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--eend", default="shipped", metavar="FOLDER")
    parser.add_argument("--mixtures", type=int, default=10, metavar="N")
    parser.add_argument("--only", nargs="*", metavar="NAME")
    options = parser.parse_args()
    print(
        "| set | first pass | DER | miss | false alarm | confusion | DER, collar 0.25 s | speakers"
        " right | times real time |\n|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as scratch:
        sets = {
            "mixtures, two-party": mixtures(options, "primock57-unread", Path(scratch)),
            "mixtures, meetings": mixtures(options, "ami-dev", Path(scratch)),
            "Libri2Mix": libri2mix(options.data / "libri2mix"),
            "ten clips": clips(options.data / "ami_clips"),
        }
        for title, recordings in sets.items():
            heard = list(recordings)
            for name, heard_by in systems(options).items() if heard else ():
                print(row(title, name, heard, heard_by), flush=True)


System = Callable[[Path], tuple[list[Turn], int]]
"""A recording to its turns, and the number of speakers."""


def systems(options: argparse.Namespace) -> dict[str, System]:
    """What is measured, by name."""

    def own(eend: str | None, path: Path) -> tuple[list[Turn], int]:
        posteriors = first_pass(path, eend=eend)
        return found_turns(posteriors), posteriors.frames.shape[1]

    found: dict[str, System] = {
        "segmentation-3.0": partial(own, None),
        "EEND": partial(own, options.eend),
    }
    if not options.only or "senko" in options.only:
        found["senko"] = peer()
    return {name: found[name] for name in options.only or found}


def peer() -> System:
    """senko's own pipeline, as it is on a processor."""
    import senko

    diarizer = senko.Diarizer(device="cpu", warmup=False)

    def hear(path: Path) -> tuple[list[Turn], int]:
        samples = np.concatenate(list(blocks(path)))
        answer = diarizer.diarize_samples(samples, RATE)
        turns = answer["merged_segments"] if answer else []
        found = [(turn["speaker"], float(turn["start"]), float(turn["end"])) for turn in turns]
        return found, max(1, len({speaker for speaker, *_ in found}))

    return hear


def row(title: str, name: str, recordings: list[tuple[Path, Truth]], system: System) -> str:
    """A line of the table: one first pass on one set."""
    began, total, right = time.perf_counter(), 0.0, 0
    found: list[Clip] = []
    for path, true in recordings:
        turns, count = system(path)
        seconds = duration(path)
        assert seconds
        total += seconds
        right += count == len({speaker for speaker, *_ in true})
        found.append((path.stem, true, turns, seconds))
        print(f"{title}, {name}: {path.stem}", file=sys.stderr)
    spent = (time.perf_counter() - began) / total
    exact, kind = der_parts(found, 0.0), der_parts(found, 0.25)
    return (
        f"| {title} ({len(found)}, {total / 60:.0f} min) | {name} | {exact.der:.1%} |"
        f" {exact.miss:.1%} | {exact.falarm:.1%} | {exact.conf:.1%} | {kind.der:.1%} |"
        f" {right} of {len(found)} | {spent:.3f} |"
    )


def mixtures(options: argparse.Namespace, part: str, scratch: Path) -> Iterator[tuple[Path, Truth]]:
    """The first minute of held-out conversations, in voices that nobody learnt from."""
    voices = load_voices(options.data / "librispeech_utterances")
    unheard = sorted(held_out(voices))
    for reference in references(options.data, part, 400)[: options.mixtures]:
        words = [word for word in from_start(reference) if word["end_time"] < SECONDS]
        name = words[0]["session_id"]
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        who = speakers(words)
        cast = {n: voices[v] for n, v in zip(who, rng.permutation(unheard), strict=False)}
        gains = {n: float(rng.normal(0, 3)) for n in who}
        path = scratch / f"{name}.wav"
        soundfile.write(path, effects(mix(turns(words), cast, gains, SECONDS, rng), rng), RATE)
        yield path, true_turns(words)


def libri2mix(folder: Path) -> Iterator[tuple[Path, Truth]]:
    for path in sorted((folder / "flac").glob("*.flac")):
        rows = (folder / "rttm" / f"{path.stem}.rttm").read_text().splitlines()
        fields = [row.split() for row in rows if row.startswith("SPEAKER")]
        yield path, [(f[7], float(f[3]), float(f[3]) + float(f[4])) for f in fields]


def clips(folder: Path) -> Iterator[tuple[Path, Truth]]:
    reference = read(folder / "reference.seglst.json")
    for path in recordings_of(folder):
        yield path, true_turns(of_session(reference, path.stem))


if __name__ == "__main__":
    main()

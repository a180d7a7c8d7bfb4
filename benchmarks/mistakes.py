"""Broken words, and wrong words left, to be read: python benchmarks/mistakes.py SETS/NAME -o OUT

Corrects every recording of a set by the default, draws `--each` runs of broken words and as many of
words that stay wrong (a run counts by its words), and prints each with what stands around it: the
truth, the first pass, and the answer, pauses of half a second and more as `·`, the words in `>…<`.
Answers are kept in OUT. For reading on test sets, never for tuning on them.
"""

import argparse
import hashlib
import json
from itertools import groupby
from pathlib import Path

import numpy as np

import seal
from seal.bench.sets import Recording, cut, read_set
from seal.files import write_text

AROUND = 14
"""Words on either side."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--words", type=int, default=10**9, help="of each recording's beginning")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    recordings = [cut(one, options.words) for one in read_set(options.set)]
    answers = [answer(one, options.output / options.set.name) for one in recordings]
    for kind in ("broken", "left"):
        runs = [
            (number, *span)
            for number, (one, given) in enumerate(zip(recordings, answers, strict=True))
            for span in spans(one, given, kind)
        ]
        sizes = np.array([length for *_, length in runs], dtype=float)
        print(f"# {kind}: {sizes.sum():.0f} words in {len(runs)} runs\n")
        rng = np.random.default_rng(options.seed)
        drawn = rng.choice(len(runs), min(options.each, len(runs)), False, sizes / sizes.sum())
        for place, index in enumerate(drawn, start=1):
            number, first, length = runs[index]
            print(f"## {kind} {place}: {shown(recordings[number], answers[number], first, length)}")


def answer(one: Recording, out: Path) -> list[dict]:
    """Speaker and confidence of each word after the default's correction."""
    kept = out / one.group / f"{one.name}.json"
    mark = hashlib.sha256(one.mark.encode()).hexdigest()
    if kept.is_file():
        held = json.loads(kept.read_text(encoding="utf-8"))
        if held["mark"] == mark:
            return held["answer"]
    corrected = seal.correct(one.first)
    given = [{key: word[key] for key in ("speaker", "speaker_confidence")} for word in corrected]
    write_text(json.dumps({"mark": mark, "answer": given}), kept)
    return given


def spans(one: Recording, given: list[dict], kind: str) -> list[tuple[int, int]]:
    """First index and length of each run of words that were broken, or that are left wrong."""
    states = []
    for before, after, true in zip(one.first, given, one.true, strict=True):
        wrong = after["speaker"] != true
        broken = wrong and before["speaker"] == true
        states.append("broken" if broken else "left" if wrong else "")
    found, place = [], 0
    for state, group in groupby(states):
        length = len(list(group))
        if state == kind:
            found.append((place, length))
        place += length
    return found


def shown(one: Recording, given: list[dict], first: int, length: int) -> str:
    """A run with what stands around it."""
    lines = [f"{length} words, {one.group} {one.name}, {one.places[first]}"]
    lines[0] += f", at {one.first[first]['start_time']:.0f} s"
    begin, end = max(0, first - AROUND), first + length + AROUND
    for title, labels in (
        ("true ", one.true[begin:end]),
        ("first", [word["speaker"] for word in one.first[begin:end]]),
        ("after", [word["speaker"] for word in given[begin:end]]),
    ):
        text, previous, latest = "", None, one.first[begin]["start_time"]
        for index, label in enumerate(labels, start=begin):
            word = one.first[index]
            text += " ·" if word["start_time"] - latest >= 0.5 else ""
            latest = max(latest, word["end_time"])
            text += f" [{label}]" if label != previous else ""
            told = word["words"]
            text += f" >{told}<" if first <= index < first + length else f" {told}"
            previous = label
        lines.append(f"  {title}{text}")
    certain = " ".join(
        f"{word['speaker_confidence']:.2f}" for word in given[first : first + length]
    )
    return "\n".join([*lines, f"  sure  {certain[:80]}", ""])


if __name__ == "__main__":
    main()

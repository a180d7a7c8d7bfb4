"""How many mistakes are left after how many rulings of a person who answers from the reference:

    python benchmarks/teaching.py SETS/voiced-calls [--rulings 20] [--recordings N] [--start text]

A set is a folder as `seal bench` has them. Its first passes are corrected by the default (with the
recording, or with --start text by the text alone, which is much quicker), and a simulated person
rules. In reading order she mends each run of wrong words of one speaker as she comes to it, and
only wrong ones count. Asked (the least certain word first, or what settles most) she answers of a
stretch: one ruling where it is one person's, as many as it has runs where it is several people's,
and an answer that confirms what stands counts as well. With teaching she accepts all that follows.
"""

import argparse
import pickle
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seal import rulings
from seal.bench.sets import Recording, read_set
from seal.correction import correct
from seal.errors import Notice
from seal.teaching import lesson
from seal.teaching.lesson import Lesson
from seal.words import Word

ROWS = (
    ("reading in order", "order", False),
    ("reading in order, taught", "order", True),
    ("uncertain first", "uncertain", False),
    ("uncertain first, taught", "uncertain", True),
    ("what settles most, taught", "settles", True),
)
SHOWN = (0, 1, 2, 3, 5, 8, 12, 20)


class Case(NamedTuple):
    """A recording as it is corrected, in time order, with what is known of it."""

    name: str
    words: list[Word]
    true: list[str]
    lesson: Lesson
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--rulings", type=int, default=20, help="at most, of each recording")
    parser.add_argument("--recordings", type=int, help="only the first so many")
    parser.add_argument("--group", help="only the first passes of this diarizer")
    parser.add_argument("--cache", type=Path, help="folder for what was heard, to go on from")
    parser.add_argument("--start", choices=("heard", "text"), default="heard")
    options = parser.parse_args()
    warnings.simplefilter("ignore", Notice)
    chosen = [one for one in read_set(options.set) if options.group in (None, one.group)]
    cases = []
    for recording in chosen[: options.recordings]:
        cases.append(prepared(recording, options.start == "heard", options.cache))
        print(f"{cases[-1].name}: {cases[-1].seconds:.0f} s to learn", flush=True)
    shown = [count for count in SHOWN if count <= options.rulings]
    print(
        f"\n| {options.set.name}, wrong after rulings | {' | '.join(map(str, shown))} "
        "| after 5 | broken | worst step | slowest decision, s |"
    )
    print("|---" * (len(shown) + 5) + "|")
    for title, how, taught in ROWS:
        row(title, [ruled(case, how, taught, options.rulings) for case in cases], shown)


def row(title: str, runs: Sequence["Run"], shown: Sequence[int]) -> None:
    sums = [sum(run.wrong[count] for run in runs) for count in range(len(runs[0].wrong))]
    less = 1 - sums[min(5, len(sums) - 1)] / max(sums[0], 1)
    steps = [b - a for run in runs for a, b in zip(run.wrong, run.wrong[1:], strict=False)]
    slowest = max(run.slowest for run in runs)
    print(
        f"| {title} | {' | '.join(str(sums[count]) for count in shown)} | {-less:+.0%} | "
        f"{sum(run.broken for run in runs)} | {max(steps):+d} | {slowest:.2f} |",
        flush=True,
    )


def prepared(recording: Recording, heard: bool, cache: Path | None) -> Case:
    kept = cache and cache / f"{recording.mark}-{heard}.pickle"
    if kept is not None and kept.is_file():
        case: Case = pickle.loads(kept.read_bytes())
        return case
    words = correct(recording.first, audio=recording.audio if heard else None)
    order = sorted(range(len(words)), key=lambda index: words[index]["start_time"])
    words, true = [words[i] for i in order], [recording.true[i] for i in order]
    began = time.perf_counter()
    known = lesson.learn(words, range(len(words)), recording.audio)
    name = f"{recording.group} {recording.name}".strip()
    case = Case(name, words, true, known, time.perf_counter() - began)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(case))
    return case


class Run(NamedTuple):
    wrong: list[int]
    """Wrong words after 0, 1, 2, … rulings."""
    broken: int
    """Words that were right at first and are wrong at the end."""
    slowest: float
    """Seconds of the CPU that the slowest decision took, with the question that came before."""


def ruled(case: Case, how: str, taught: bool, most: int) -> Run:
    words, true = list(case.words), case.true
    wrong, slowest, read = [count_wrong(words, true)], 0.0, 0
    while len(wrong) <= most:
        began = time.process_time()
        runs = asked(case, words, how, read)
        took = time.process_time() - began if how == "settles" else 0.0
        if not runs:
            break
        for first, after in runs:
            read = after
            words = rulings.rule(words, range(first, after), true[first], at="")
            if taught:
                began = time.process_time()
                words = lesson.accept(words, lesson.proposals(case.lesson, words), at="")
                slowest = max(slowest, time.process_time() - began + took)
            wrong.append(count_wrong(words, true))
    wrong += [wrong[-1]] * (most + 1 - len(wrong))
    broken = sum(
        old["speaker"] == who != new["speaker"]
        for old, who, new in zip(case.words, true, words, strict=True)
    )
    return Run(wrong[: most + 1], broken, slowest)


def asked(case: Case, words: Sequence[Word], how: str, read: int) -> list[tuple[int, int]]:
    """The runs of words of one true speaker that she rules of next."""
    true = case.true
    if how == "order":
        first = next((i for i in range(read, len(words)) if words[i]["speaker"] != true[i]), None)
        if first is None:
            return []
        after = first
        pair = (words[first]["speaker"], true[first])
        while after < len(words) and (words[after]["speaker"], true[after]) == pair:
            after += 1
        return [(first, after)]
    if how == "uncertain":
        left = [i for i, word in enumerate(words) if not rulings.is_certain(word)]
        if not left:
            return []
        least = min(left, key=lambda i: words[i].get("speaker_confidence", 1.0))
        first, after = case.lesson.study.found[case.lesson.study.stretch_of[least]]
    else:
        found = lesson.asked(case.lesson, words)
        if not found:
            return []
        first, after = found[0].indices[0], found[0].indices[-1] + 1
    starts = [first, *(i for i in range(first + 1, after) if true[i] != true[i - 1])]
    return list(zip(starts, [*starts[1:], after], strict=True))


def count_wrong(words: Sequence[Word], true: Sequence[str]) -> int:
    return sum(word["speaker"] != who for word, who in zip(words, true, strict=True))


if __name__ == "__main__":
    main()

"""Correct simulated first passes of held-out conversations, and count what each system did.

python benchmarks/evaluate_text.py DATA [--set primock57-unread] [--corrector best hmm …]

DATA is the folder with `primock57/` and `ami/` as `seal.corpora` reads them. Prints a Markdown
table: the first pass, and every system with and without scores; the relative change of Δcp has a
95 % bootstrap interval over recordings. `--errors N` prints N excerpts around broken words.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import seal
from seal.bench.held_out import recordings
from seal.bench.sets import read_set
from seal.bench.statistics import relative_change
from seal.llm.precision import PRECISIONS
from seal.scoring import Score, score
from seal.words import without_scores


def made(folder: Path) -> list[tuple]:
    """The same from a folder with reference/, first/ and oracle/ (voice_conversations.py)."""
    return [(found.reference, found.first, found.true) for found in read_set(folder)]


def row(name: str, first: list[Score], after: list[Score], counts: tuple) -> str:
    total = sum(after, Score())
    text = f"| {name} | {100 * total.wer:.2f} | {100 * total.cpwer:.2f} | "
    text += f"{100 * total.delta_cp:.2f} | "
    if not counts:
        return text + "| | | |"
    repaired, broken, seconds = counts
    change, found = "", relative_change(first, after)
    if found is not None:
        middle, low, high = (100 * value for value in found)
        change = f"{middle:+.1f} % ({low:+.0f} to {high:+.0f})".replace("-", "−")
    return text + f"{change} | {repaired} | {broken} | {seconds:.0f} |"


def evaluate(chosen: list[tuple], systems: list[str], errors: int, **options: Any) -> None:
    print("| system | WER | cpWER | Δcp | relative | repaired | broken | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    first = [score(reference, transcript) for reference, transcript, _ in chosen]
    print(row("first pass", first, first, ()), flush=True)
    shown = []
    for system in systems:
        for suffix, strip in (("scores", False), ("no scores", True)):
            after, repaired, broken, began = [], 0, 0, time.perf_counter()
            for reference, transcript, truth in chosen:
                given = [without_scores(word) for word in transcript] if strip else transcript
                answer = seal.correct(given, corrector=system, **options)
                after.append(score(reference, answer))
                for index, (old, new, true) in enumerate(
                    zip(transcript, answer, truth, strict=True)
                ):
                    repaired += old["speaker"] != true == new["speaker"]
                    if old["speaker"] == true != new["speaker"]:
                        broken += 1
                        shown.append((f"{system}, {suffix}", index, transcript, truth, answer))
            counts = (repaired, broken, time.perf_counter() - began)
            print(row(f"{system}, {suffix}", first, after, counts), flush=True)
    for index in np.linspace(0, len(shown) - 1, errors).astype(int) if shown else []:
        print(excerpt(*shown[index]))


def excerpt(system: str, index: int, transcript: list, truth: list, answer: list) -> str:
    """The words around one, as truth, first pass and answer have them."""
    span = slice(max(0, index - 14), index + 12)
    lines = [f"\n{system}, {transcript[0]['session_id']}, word {index}"]
    for name, labels in (
        ("true", truth[span]),
        ("first", [word["speaker"] for word in transcript[span]]),
        ("after", [word["speaker"] for word in answer[span]]),
    ):
        text, previous = "", None
        for word, label in zip(transcript[span], labels, strict=True):
            text += (f" [{label[:7]}]" if label != previous else "") + " " + word["words"]
            previous = label
        lines.append(f"  {name:6}{text}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="primock57-unread")
    parser.add_argument("--first-pass", type=Path, help="a folder of voice_conversations.py")
    parser.add_argument("--words", type=int, default=750, help="words of each recording")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corrector", nargs="+", default=["best", "seal", "ag-lsec", "hmm"])
    parser.add_argument("--margin", type=float, default=None)
    parser.add_argument("--precision", choices=PRECISIONS, help="of the language model's products")
    parser.add_argument("--errors", type=int, default=0)
    options = parser.parse_args()
    if options.first_pass:
        chosen = made(options.first_pass)
    else:
        chosen = recordings(options.data, options.set, options.words, options.seed)
    choices = {"margin": options.margin, "precision": options.precision}
    evaluate(chosen, options.corrector, options.errors, **choices)


if __name__ == "__main__":
    main()

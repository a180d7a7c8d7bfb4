"""Time seal's `fast` against what one would pick instead, on the same model and chunks.

python benchmarks/bench_peers.py DATA [--chunks 12] [--runs 2] [--only PEER …] [-o RUNS.jsonl]
       [--precision bfloat16]

Takes chunks of held-out PriMock57, as bench_decode.py does (`word` format, plain argmax), evenly
spaced. For each chunk, `--runs` times, it times `fast` and every peer (peers/), in an order
that turns from chunk to chunk, and then `fast` on all chunks together, as it is used. It prints a
Markdown table. Ratios to the chunk alone are medians of times taken side by side; the ratio to all
together is of the seconds that all chunks took, the other way's over `fast`'s.
The exit status is 1 if a method that is exact gives other labels than `fast`.

`-o` keeps the runs, one line of JSON each, and what is there already is not run again: so a long
comparison can be made in pieces. If nothing is left to run it only prints the table. A peer that is
not installed (`pip install -e '.[peers]'`) is left out, with a line on stderr.

A peer's label may differ from `fast`'s without being wrong where the model hardly prefers either:
`fast` keeps the first pass's label up to TIE_NATS. A chunk's differing labels are put down to near
ties if both answers are greedy ones up to NEAR: no label of either is further below the model's
best, given the answer's own labels before it. (llama.cpp's logits differ from PyTorch's by less
than TIE_NATS / 10 where both compute in float32 on the CPU; in bfloat16 attention's own rounding
moves preferences by up to 0.08 nats.)
"""

import argparse
import importlib
import json
import math
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from common.prompts import prompts
from peers import Answer
from seal.correctors.seal import load_corrector
from seal.llm.decode import TIE_NATS, posteriors_of
from seal.llm.decode.fast import decode_many, fast
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt, build

NEAR = {"float32": TIE_NATS, "bfloat16": 0.1}
"""Nats within which two engines may prefer other labels."""


@dataclass(frozen=True)
class Peer:
    """A way to decode: its row's name, and whether ("yes") it must give the exact labels."""

    title: str
    exact: str


PEERS = {
    "algorithm1": Peer("seal's `algorithm1`", "yes"),
    "prefix_fn": Peer("`generate`, `prefix_allowed_tokens_fn`", "yes"),
    "llguidance": Peer("`generate`, llguidance masks", "yes"),
    "llguidance_forced": Peer("llguidance, forced tokens read along", "yes"),
    "xgrammar": Peer("`generate`, xgrammar masks", "yes"),
    "llama_cpp": Peer("llama.cpp, GBNF", "yes"),
    "llama_cpp_8bit": Peer("llama.cpp, GBNF, Q8_0", "no: 8 bits"),
    "fast_int8": Peer("seal's `fast`, int8", "to int8"),
    "outlines": Peer("`generate`, outlines regex", "no: tokens free"),
    "diarizationlm": Peer("DiarizationLM: free + TPST", "no"),
}

Decode = Callable[[LanguageModel, Prompt], Answer]


def fast_answer(model: LanguageModel, prompt: Prompt) -> Answer:
    """What all peers are compared with."""
    decoded = fast(model, prompt, [[0.0] * len(prompt.labels)] * len(prompt.words))
    return Answer(decoded.speakers, decoded.passes)


def installed(names: list[str]) -> dict[str, Decode]:
    """The `decode` of each peer whose packages are there."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.import_module(f"peers.{name}").decode
        except ImportError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
    return found


def chosen(data: Path, model: LanguageModel, kind: str, words: int, count: int) -> list[Prompt]:
    """`count` of the chunks in the set's first `words` words, evenly spaced."""
    found = list(prompts(data, model, kind, words, "word"))
    count = min(count, len(found))
    return [found[index * len(found) // count] for index in range(count)]


def mark(prompt: Prompt) -> int:
    """A number that tells chunks apart, between runs of this script too."""
    return zlib.crc32(repr((prompt.tokens, prompt.words)).encode())


def shortfall(model: LanguageModel, prompt: Prompt, speakers: list[int]) -> float:
    """By how many nats the worst of the labels is below the model's best, given those before."""
    rows = posteriors_of(model, prompt, speakers)
    tiny = sys.float_info.min
    return max(
        math.log(max(row) / max(row[speaker], tiny))
        for row, speaker in zip(rows, speakers, strict=True)
    )


def run(model: LanguageModel, prompt: Prompt, decoders: dict[str, Decode], turned: bool) -> dict:
    """Time each decoder once: seconds, passes, labels that differ from `fast`'s, and shortfall."""
    answers = {}
    for name in reversed(decoders) if turned else decoders:
        began = time.perf_counter()
        answer = decoders[name](model, prompt)
        answers[name] = (time.perf_counter() - began, answer)
    exact = answers["fast"][1].speakers
    row = {}
    for name, (seconds, answer) in answers.items():
        differ = sum(a != b for a, b in zip(answer.speakers, exact, strict=True))
        row[name] = {"seconds": seconds, "passes": answer.passes, "differ": differ}
        if differ:
            both = (answer.speakers, exact)
            row[name]["shortfall"] = max(shortfall(model, prompt, labels) for labels in both)
    return row


def together(model: LanguageModel, chunks: list[Prompt]) -> float:
    """Seconds per chunk where `fast` decodes all of them together, as `seal correct` does."""
    asked = ((prompt, [[0.0] * len(prompt.labels)] * len(prompt.words)) for prompt in chunks)
    began = time.perf_counter()
    count = len(list(decode_many(model, asked)))
    return (time.perf_counter() - began) / count


def table(rows: list[dict]) -> tuple[list[str], list[str]]:
    """The Markdown table of all runs, and those that must be exact and are not."""
    failed = []
    shared = statistics.median(row["together"] for row in rows)
    lines = [
        "| method | exact | seconds per chunk | passes per chunk | × `fast`, chunk by chunk"
        " | × `fast`, chunks together | labels that differ |",
        "|---|---|---|---|---|---|---|",
        f"| seal's `fast`, chunks together | yes | {shared:.2f} | | | 1.0 | |",
    ]
    for name in ["fast", *PEERS]:
        timed = [row for row in rows if name in row["answers"]]
        if not timed:
            continue
        peer = PEERS.get(name, Peer("seal's `fast`", "yes"))
        seconds = [row["answers"][name]["seconds"] for row in timed]
        beside = [row["answers"]["fast"]["seconds"] for row in timed]
        ratio = statistics.median(a / b for a, b in zip(seconds, beside, strict=True))
        passes = [row["answers"][name]["passes"] for row in timed]
        words = sum({row["chunk"]: row["words"] for row in timed}.values())
        once = {row["chunk"]: row["answers"][name] for row in timed}.values()
        near = NEAR[rows[0]["precision"]]
        ties = sum(a["differ"] for a in once if a.get("shortfall", 0.0) <= near)
        wrong = sum(answer["differ"] for answer in once) - ties
        if wrong and peer.exact == "yes":
            failed.append(name)
        differ = f"{wrong} of {words}" + (f", and {ties} by near ties" if ties else "")
        lines.append(
            f"| {peer.title} | {peer.exact} | {statistics.mean(seconds):.2f} |"
            f" {statistics.mean(passes):.1f} (most {max(passes)}) | {ratio:.1f} |"
            f" {statistics.mean(seconds) / shared:.1f} | {differ} |"
        )
    return lines, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1000, help="of which the chunks are taken")
    parser.add_argument("--chunks", type=int, default=12)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("-o", dest="output", type=Path, help="keep the runs here, and go on")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, settings = load_corrector(None, None, "cpu", options.precision)
    chunks = chosen(options.data, model, settings["score"], options.words, options.chunks)
    marks = [mark(prompt) for prompt in chunks]
    rows = []
    if options.output and options.output.is_file():
        rows = [json.loads(line) for line in options.output.read_text("utf-8").splitlines()]
        rows = [row for row in rows if row["chunk"] in marks]
        alike = (options.threads, options.precision)
        if any((row["threads"], row["precision"]) != alike for row in rows):
            parser.error(f"{options.output}: has runs with other threads or another precision")
    todo = []
    for number in range(options.runs):
        for prompt, chunk in zip(chunks, marks, strict=True):
            done = {
                name
                for row in rows
                if (row["chunk"], row["run"]) == (chunk, number)
                for name in row["answers"]
            }
            missing = [name for name in options.only if name not in done]
            if missing:
                todo.append((number, prompt, missing))
    decoders = {"fast": fast_answer}
    decoders |= installed([name for name in options.only if any(name in m for *_, m in todo)])
    for decode in decoders.values() if todo else []:  # compiles, converts and fills caches
        first = chunks[0]
        decode(model, build(first.words[:4], [""] * 4, [0, 1, 0, 1], 2, model.encode))
    for turn, (number, prompt, missing) in enumerate(todo):
        wanted = {n: d for n, d in decoders.items() if n == "fast" or n in missing}
        if len(wanted) > 1:
            answers = run(model, prompt, wanted, turn % 2 == 1)
            line = {"chunk": mark(prompt), "words": len(prompt.words), "run": number}
            line["together"] = together(model, chunks)
            line |= {"threads": options.threads, "precision": options.precision}
            rows.append(line | {"answers": answers})
            if options.output:
                with options.output.open("a", encoding="utf-8") as file:
                    print(json.dumps(rows[-1]), file=file)
    if not rows:
        sys.exit("none of these is installed: pip install 'seal[peers]'")
    timed = len({row["chunk"] for row in rows})
    print(f"{len(rows)} runs of {timed} chunks, {options.threads} threads, {options.precision}\n")
    lines, failed = table(rows)
    print("\n".join(lines))
    if failed:
        sys.exit(f"not the labels of fast: {', '.join(failed)}")


if __name__ == "__main__":
    main()

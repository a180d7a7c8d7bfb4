"""Write the figures of the first pages: python scripts/make_readme.py [--demo [FILE]]

The README's table takes its figures from the tables of docs/reports, so that it says what they say;
a test compares it with what this makes. With --demo the lines, scores and tables that show the
bundled call are written anew, in README.md, docs/tutorial.md and docs/reports/demo.md, from FILE,
which `seal transcribe` made of it, or else from what it makes now. What this writes stands between
marks, `<!-- NAME -->` and `<!-- end -->`.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import groupby
from pathlib import Path

from rich.console import Console

from seal import console, demo, words
from seal.correction import correct
from seal.pipeline import transcribe
from seal.scoring import Score, score
from seal.words import Word

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "docs" / "reports"

EXAMPLE = (9.5, 15.2)
"""Seconds between which the words of README's example begin."""

WORD = 12
"""Index of the word that the tutorial shows."""


def main() -> None:
    blocks = {"README.md": {"figures": table()}}
    if "--demo" in sys.argv[1:]:
        files = sys.argv[2:]
        heard = words.read(files[0]) if files else transcribe(demo.RECORDING)
        for page, texts in demo_blocks(heard).items():
            blocks[page] = blocks.get(page, {}) | texts
    for page, texts in blocks.items():
        path = ROOT / page
        path.write_text(filled(path.read_text(encoding="utf-8"), texts), encoding="utf-8")


def demo_blocks(heard: list[Word]) -> dict[str, dict[str, str]]:
    """What shows the bundled call, by page and mark."""
    first = [{**word, "speaker": word["first_pass_speaker"]} for word in heard]
    reference = words.read(demo.REFERENCE)
    before, after = score(reference, first), score(reference, heard)
    repaired, broken = demo.repaired_and_broken(heard, demo.said_by(reference, first))
    # A line breaks between two keys, not behind one.
    whole = json.dumps(heard[WORD], ensure_ascii=False).replace(": ", ":\N{NO-BREAK SPACE}")
    lines = textwrap.wrap(whole, 96, subsequent_indent=" ", break_on_hyphens=False)
    word = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    calls = bench_rows("real-calls")
    default = calls["best (default)"]
    typical = [
        "| | Δcp, first pass | corrected | relative | repaired, broken |",
        "|---|---|---|---|---|",
        typical_row("this call, as the demo corrects it", before, after, repaired, broken),
        typical_row("this call, from words and turns alone", before, *alone(reference, first)),
        f"| real calls, from words and turns alone ([all](results.md#real-diarizers-on-calls)) | "
        f"{calls['first pass'][3]} | {default[3]} | {default[4]} | {default[5]}, {default[6]} |",
    ]
    return {
        "README.md": {"example": fenced([*turns(first, "before"), *turns(heard, "after")])},
        "docs/tutorial.md": {
            "word": fenced(word, "json"),
            "first": shown({"first.json": before}),
            "score": shown({"call.json": after}),
        },
        "docs/reports/demo.md": {"demo": "\n".join(typical)},
    }


def typical_row(name: str, before: Score, after: Score, repaired: int, broken: int) -> str:
    relative = signed(after.delta_cp / before.delta_cp - 1)
    rates = f"{100 * before.delta_cp:.2f} | {100 * after.delta_cp:.2f}"
    return f"| {name} | {rates} | {relative} | {repaired}, {broken} |"


def alone(reference: Sequence[Word], first: Sequence[Word]) -> tuple[Score, int, int]:
    """Score, words repaired and broken where neither scores nor sound are there, as in the
    yardstick's real calls."""
    added = ("first_pass_speaker", "speaker_confidence", "speaker_scores")
    bare = [{key: value for key, value in word.items() if key not in added} for word in first]
    answer = correct(bare)
    right = demo.said_by(reference, first)
    return score(reference, answer), *demo.repaired_and_broken(answer, right)


def turns(heard: Sequence[Word], name: str) -> Iterator[str]:
    """The turns of the example, a line each."""
    inside = [word for word in heard if EXAMPLE[0] <= word["start_time"] < EXAMPLE[1]]
    for speaker, turn in groupby(inside, lambda word: word["speaker"]):
        yield f"{name:8} {speaker}  {' '.join(word['words'] for word in turn)}"
        name = ""


def shown(scores: Mapping[str, Score]) -> str:
    file = StringIO()
    Console(file=file, width=100).print(console.score_table(scores))
    return fenced(file.getvalue().splitlines())


def fenced(lines: Iterable[str], language: str = "") -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def signed(share: float) -> str:
    """A change in per cent, with a minus sign as the tables have it."""
    return f"{100 * share:+.0f} %".replace("-", "−")


def table() -> str:
    """README's table, each row with what docs/reports say of it and the command that says it."""
    calls, meetings, clips = map(bench_rows, ("real-calls", "real-meetings", "clips"))
    performance = (REPORTS / "performance.md").read_text(encoding="utf-8")
    words_10k = cells(performance, "10,000, 2")
    hours = cells(performance, "10 hours")
    share = cells(performance, "in all")[2]
    results, measured = "docs/reports/results.md", "docs/reports/performance.md"
    rows = [
        (
            f"[Calls]({results}#real-diarizers-on-calls): 11 consultations, four diarizers; words "
            "and turns alone",
            gain(calls, "best (default)"),
            "`make bench-real`",
        ),
        (
            f"[Meetings]({results}#real-diarizers-on-meetings): 8, nine diarizers; words and turns "
            "alone",
            gain(meetings, "best (default)"),
            "`make bench-real`",
        ),
        (
            f"[With sound]({results}#the-whole-chain-on-sound): ten clips of meetings, on which a "
            "part of it was chosen",
            gain(clips, "best, listening"),
            "`make bench-real`",
        ),
        (
            f"[Speed]({measured}), two cores",
            f"10,000 words take {words_10k[1]} s; a recording {share} of its own time",
            "`python benchmarks/measure_memory.py`, `evaluate_clips.py`",
        ),
        (
            f"[Memory]({measured}#memory-and-what-words-and-speakers-cost), at most",
            f"10,000 words take {words_10k[2]} MB; ten hours of sound {hours[3]} MB",
            "`python benchmarks/measure_memory.py`",
        ),
    ]
    head = "| | what comes of it | command |\n|---|---|---|"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows)])


def gain(rows: Mapping[str, Sequence[str]], system: str) -> str:
    """What a system does to the first pass, from a row of results.md."""
    before, after = rows["first pass"][3], rows[system][3]
    change, repaired, broken, harmed = rows[system][4:8]
    return (
        f"Δcp **{change.split(' (')[0]}** ({before} → {after} %); {repaired} words repaired, "
        f"{broken} broken; {harmed} outputs worse than before"
    )


def bench_rows(name: str) -> dict[str, list[str]]:
    """The cells of a table of results.md, by system, which is the first of them."""
    page = (REPORTS / "results.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- table: {name} -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    if found is None:
        raise SystemExit(f"docs/reports/results.md: there is no table {name}")
    rows = [split(line) for line in found[1].splitlines()[2:]]
    return {row[0]: row for row in rows}


def cells(page: str, first: str) -> list[str]:
    """The cells of the row that begins with this one, which is there once."""
    rows = [split(line) for line in page.splitlines() if line.startswith(f"| {first} |")]
    if len(rows) != 1:
        raise SystemExit(f"docs/reports/performance.md: {len(rows)} rows begin with {first!r}")
    return rows[0]


def split(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """The page with other text between its marks."""
    for name, text in blocks.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, count = marked.subn(lambda m, text=text: f"{m[1]}{text}\n{m[2]}", page)
        if count != 1:
            raise SystemExit(f"{count} places are marked {name!r}")
    return page


if __name__ == "__main__":
    main()

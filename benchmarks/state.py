"""The page of truth: python benchmarks/state.py [--figures build/bench-real/figures.json]

Writes docs/reports/state.md and its charts from what is committed: docs/reports/figures.json, and
tables of other reports. With --figures that file is made anew first, from what `real.py` measured,
with the revision and the date. `make bench-real` does both.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from real import change, markdown, percent, right_share
from seal.files import write_text

REPORTS = Path(__file__).parents[1] / "docs" / "reports"
FIGURES = REPORTS / "figures.json"
DIGITS = 9  # behind the point, of a share or of seconds

BEST, HIDDEN, LISTENING = "best (default)", "best, no scores", "best, listening"

REAL = [
    ("Calls under four diarizers", "real-calls", BEST),
    ("… community-1", "real-calls, community1", BEST),
    ("… Sortformer, folded to two", "real-calls, sortformer21", BEST),
    ("… Sortformer, up to four", "real-calls, sortformer21_auto", BEST),
    ("… VibeVoice", "real-calls, vibe_original", BEST),
    ("Meetings under nine outputs", "real-meetings", BEST),
    ("Sound: ten clips of meetings, listening", "clips", LISTENING),
    ("Sound: people who read at once, listening", "libri2mix", LISTENING),
]
"""The rows of the first table: title, set, system. The meetings' best and worst outputs follow
theirs."""

MADE = [
    ("Calls, simulated", "simulated-calls", BEST),
    ("… without scores", "simulated-calls", HIDDEN),
    ("Meetings, simulated", "simulated-meetings", BEST),
    ("… without scores", "simulated-meetings", HIDDEN),
    ("Everyday talk, simulated", "simulated-cabnc", BEST),
    ("… without scores", "simulated-cabnc", HIDDEN),
    ("Calls, strange voices, words alone", "voiced-calls", BEST),
    ("… listening", "voiced-calls", LISTENING),
    ("Meetings, strange voices, words alone", "voiced-meetings", BEST),
    ("… listening", "voiced-meetings", LISTENING),
]
"""The rows of the second table."""

SURE = {
    "calls": ("real-calls", BEST),
    "meetings": ("real-meetings", BEST),
    "everyday talk, simulated": ("simulated-cabnc", BEST),
    "calls, strange voices": ("voiced-calls", BEST),
}
"""The rows of the table of confidence, and the lines of its chart."""

Row = dict[str, Any]
Chosen = tuple[str, str, str]
Sets = dict[str, list[Row]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figures", type=Path, help="what real.py measured")
    parser.add_argument("--revision", help="that it was measured with; else the checked-out one")
    options = parser.parse_args()
    if options.figures:
        measured = json.loads(options.figures.read_text(encoding="utf-8"))
        write_text(as_text(measured, options.revision or _revision()), FIGURES)
    held = read()
    write_text(page(held), REPORTS / "state.md")
    draw(held["sets"])


def read() -> dict[str, Any]:
    """The committed figures: `revision`, `date`, and `sets`, rows by the set's name."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def as_text(sets: Sets, revision: str) -> str:
    """The figures as JSON, a system a line, so that a change shows where it is."""
    named = [
        f" {_json(name)}: [\n  " + ",\n  ".join(_json(_rounded(row)) for row in rows) + "\n ]"
        for name, rows in sets.items()
    ]
    head = f'"revision": {_json(revision)},\n"date": {_json(date.today().isoformat())},\n'
    return "{" + head + '"sets": {\n' + ",\n".join(named) + "\n}}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value


def _revision() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def row_of(sets: Sets, name: str, system: str) -> Row:
    """The row of a system on a set."""
    return next(row for row in sets[name] if row["system"] == system)


def page(held: dict[str, Any]) -> str:
    """state.md."""
    sets = held["sets"]
    return TEMPLATE.format(
        revision=held["revision"],
        date=held["date"],
        real=gains(sets, real_rows(sets)),
        made=gains(sets, MADE),
        balance=" and ".join(
            f"{ratio(row_of(sets, name, BEST))} in {title}"
            for title, name in (("calls", "real-calls"), ("meetings", "real-meetings"))
        ),
        calls=systems(sets["real-calls"]),
        meetings=systems(sets["real-meetings"]),
        model=systems(sets["seal-real-calls"]),
        model_meetings=systems(sets["seal-real-meetings"]),
        tables_calls=lifted("results.md", "The paper's tables", 0, BRIEF),
        tables_meetings=lifted("results.md", "The paper's tables", 1, BRIEF),
        chain=lifted("performance.md", "From recording to transcript", 0),
        memory=lifted("performance.md", "Memory, and what words and speakers cost", 0),
        sound=lifted("performance.md", "Memory, and what words and speakers cost", 1),
        decoders=markdown(
            ("method", "seconds for a chunk", "times `fast`, chunks together"),
            [[name, seconds, times] for name, seconds, times in exact_decoders()],
        ),
        sure=confidence(sets),
        places=places(sets),
        broken_calls=lifted("mistakes.md", "Calls: ", 0, (0, 1)),
        wrong_calls=lifted("mistakes.md", "Calls: ", 1, (0, 1)),
        wrong_meetings=lifted("mistakes.md", "Meetings", 1, (0, 1)),
    )


def real_rows(sets: Sets) -> list[Chosen]:
    """The rows of the first table."""
    outputs = [name for name in sets if name.startswith("real-meetings, ")]
    by_gain = sorted(outputs, key=lambda name: row_of(sets, name, BEST)["relative"][0])
    ends = [("most", by_gain[0]), ("least", by_gain[-1])]
    added = [(f"… gains {how}: {name.split(', ')[1]}", name, BEST) for how, name in ends]
    after = next(place for place, row in enumerate(REAL, 1) if row[1] == "real-meetings")
    return REAL[:after] + added + REAL[after:]


def ratio(row: Row) -> str:
    """Words repaired for one that is broken."""
    return f"{row['repaired'] / max(row['broken'], 1):.1f}"


def gains(sets: Sets, chosen: list[Chosen]) -> str:
    """What the default does to each set: before, after, and at what price."""
    head = ("", "recordings", "WER", "cpWER", "Δcp", "relative Δcp", "repaired", "broken", "worse")
    lines = []
    for title, name, system in chosen:
        before, after = sets[name][0], row_of(sets, name, system)
        pairs = [f"{percent(before[key])} → {percent(after[key])}" for key in ("cpwer", "delta_cp")]
        counts = (str(after[key]) for key in ("repaired", "broken", "harmed"))
        recordings = str(after["recordings"])
        lines.append([title, recordings, percent(after["wer"]), *pairs, change(after), *counts])
    return markdown(head, lines)


BRIEF = (0, 2, 3, 4, 5, 6, 7)
"""The columns of a table of results.md that are those of `systems`."""


def systems(rows: Sequence[Row]) -> str:
    """The systems on one set, in short."""
    head = ("system", "cpWER", "Δcp", "relative Δcp", "repaired", "broken", "worse")
    return markdown(
        head,
        [
            [row["system"], percent(row["cpwer"]), percent(row["delta_cp"])]
            + ([""] * 4 if row["relative"] is None else [change(row), *_counts(row)])
            for row in rows
        ],
    )


def _counts(row: Row) -> list[str]:
    return [str(row["repaired"]), str(row["broken"]), f"{row['harmed']} of {row['recordings']}"]


def confidence(sets: Sets) -> str:
    """How often a word with such a confidence has the right speaker."""
    edges = [f"{place / 10:.1f} to {(place + 1) / 10:.1f}" for place in range(5, 10)]
    lines = []
    for title, where in SURE.items():
        row = row_of(sets, *where)
        cells = [right_share(cell) for cell in row["reliability"][5:]]
        lines.append([title, f"{row['ece']:.3f}", f"{row['doubtful']:.0%}", *cells])
    return markdown(("", "ECE", "mistakes in the least certain 5 %", *edges), lines)


def places(sets: Sets) -> str:
    """Where words are wrong before and after, of the default."""
    lines = []
    for title in ("real-calls", "real-meetings"):
        wrong = row_of(sets, title, BEST)["wrong"]
        for place, (count, after, repaired, broken) in wrong.items():
            before = after + repaired - broken
            share = f"{before / count:.0%} → {after / count:.0%}"
            lines.append([title, place, str(count), share, str(repaired), str(broken)])
    return markdown(("set", "place", "words", "wrong", "repaired", "broken"), lines)


def lifted(report: str, heading: str, number: int, columns: Sequence[int] = ()) -> str:
    """The table of that number below a heading of another report; all its columns, or some."""
    text = (REPORTS / report).read_text(encoding="utf-8")
    part = re.split(r"^##+ ", text, flags=re.MULTILINE)
    below = next(one for one in part if one.startswith(heading))
    table = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)[number]
    if not columns:
        return table
    cells = [line.strip().strip("|").split("|") for line in table.splitlines()]
    kept = [[line[index].strip() for index in columns] for line in cells]
    return markdown(kept[0], kept[2:])


def exact_decoders() -> list[tuple[str, str, str]]:
    """Those that give the labels of the paper's loop: name, seconds for a chunk, times `fast`."""
    lines = cells_of(lifted("performance.md", "Against other decoders", 0))
    return [(line[0], line[2], line[5]) for line in lines if line[1] == "yes"]


def cells_of(table: str) -> list[list[str]]:
    """The cells of a table's lines, without its head."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def draw(sets: Sets) -> None:
    """The three charts."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams |= {"axes.spines.top": False, "axes.spines.right": False, "font.size": 10}
    _draw_balance(pyplot, sets)
    _draw_confidence(pyplot, sets)
    _draw_speed(pyplot)


def _draw_balance(pyplot: Any, sets: Sets) -> None:
    """Words repaired and broken, as a share of those that were wrong."""
    shown = real_rows(sets) + MADE
    figure, axis = pyplot.subplots(figsize=(9, 6.4))
    for index, (_, name, system) in enumerate(shown):
        row, wrong = row_of(sets, name, system), wrong_words(sets[name][0])
        for value, colour in ((row["repaired"], "#59a14f"), (-row["broken"], "#e15759")):
            axis.barh(index, 100 * value / wrong, color=colour, height=0.7)
            side = 1 if value > 0 else -1
            axis.annotate(f"{abs(value):,}", (100 * value / wrong, index), (3 * side, 0),
                          textcoords="offset points", va="center", fontsize=8,
                          ha="left" if side > 0 else "right")  # fmt: skip
    axis.set_yticks(range(len(shown)), [title for title, *_ in shown])
    axis.invert_yaxis()
    axis.axvline(0, color="0.3", linewidth=0.8)
    axis.margins(x=0.08)
    axis.set_xlabel("% of the words that had a wrong speaker: broken (left), repaired (right)")
    figure.tight_layout()
    figure.savefig(REPORTS / "state-words.png", dpi=100)


def wrong_words(first_pass: Row) -> int:
    """The words whose speaker the first pass had wrong."""
    return sum(cell[1] for cell in first_pass["wrong"].values())


def _draw_confidence(pyplot: Any, sets: Sets) -> None:
    figure, axis = pyplot.subplots(figsize=(5.4, 5))
    axis.plot([0.4, 1], [0.4, 1], color="0.7", linestyle="--", linewidth=1, label="as it says")
    for title, where in SURE.items():
        cells = [cell for cell in row_of(sets, *where)["reliability"] if cell[0] >= 30]
        sure = [total / count for count, total, _ in cells]
        axis.plot(sure, [right / count for count, _, right in cells], marker="o", label=title)
    axis.set(xlabel="confidence", ylabel="share of words with the right speaker",
             xlim=(0.2, 1.01), ylim=(0.2, 1.01))  # fmt: skip
    axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(REPORTS / "state-confidence.png", dpi=100)


def _draw_speed(pyplot: Any) -> None:
    """Seconds against words, and what each decoder costs."""
    figure, (words, decoders) = pyplot.subplots(1, 2, figsize=(9.6, 3.6))
    cost = cells_of(lifted("performance.md", "Memory, and what words and speakers cost", 0))
    two = [(what.split(", "), seconds) for what, seconds, _ in cost]
    points = [(float(n[0].replace(",", "")), float(s)) for n, s in two if n[1] == "2"]
    words.plot(*zip(*points, strict=True), marker="o")
    words.set(xscale="log", yscale="log", xlabel="words", ylabel="seconds, start included")
    words.set_title("seal correct, the default, two cores", loc="left", fontsize=10)
    words.set_yticks((2, 5, 10, 20, 50, 100), ("2", "5", "10", "20", "50", "100"))
    words.set_yticks((), minor=True)
    words.set_xticks((100, 1000, 10_000, 100_000), ("100", "1,000", "10,000", "100,000"))
    plain = re.compile(r"`|seal's |, prefix_allowed.*|, llguidance's.*|^a loop over .* reading")
    names = [plain.sub("", name) or "forced tokens alone" for name, *_ in exact_decoders()]
    decoders.barh(names, [float(times) for *_, times in exact_decoders()], color="#4e79a7")
    decoders.invert_yaxis()
    decoders.set(xlabel="times as long as fast, chunks together")
    decoders.set_title("SEAL: decoders of the same labels", loc="left", fontsize=10)
    figure.tight_layout()
    figure.savefig(REPORTS / "state-speed.png", dpi=100)


TEMPLATE = """# State

The page of truth: what seal does today, in tables of a few rows. One command makes it, from what is
committed:

```sh
make bench-real                   # DATA=../shared/data: measures, then makes this page
python benchmarks/state.py        # makes it anew from figures.json and the other reports
```

Measured with revision {revision}, {date}; the figures are in [figures.json](figures.json). What the
columns mean, and how far to trust them: [results](results.md). "Worse" are recordings with more
words broken than repaired. Speed and memory are older: each says so.

## What it does to mistakes
Real diarizers' mistakes, and the whole chain on sound. No weights of the default have read these
calls and meetings; the words stand in for a recogniser's ([how](results.md)).

{real}
Simulated first passes, and seal's own first pass on voices that it has not met:

{made}
![Words repaired and broken, as a share of the wrong ones, for each set](state-words.png)

For one word that it breaks it repairs {balance}. A diarizer's own scores are in no real set: only
in the simulated ones, the strange voices and the sound.

## Rivals
The same calls, then the same meetings. The last three know no language:

{calls}
{meetings}
SEAL, the paper's language model with the shipped adapter, on the same calls, then on the meetings
under VBx:

{model}
{model_meetings}
## The paper's tables
Every system of the paper on the first 500 words of the simulated consultations, then of the
simulated meetings ([how](results.md#the-papers-tables)). "Margin" is ours:

{tables_calls}
{tables_meetings}

## Speed and memory
Two cores with AVX-512, 24 to 25 November 2026 ([how](performance.md)); on two without it 1.4 times
as long. A recording of ten minutes:

{chain}
`seal correct`, the default, from start to end:

{memory}
`seal transcribe`, one thread:

{sound}
The language model's decoders that give the labels of the paper's loop, for a chunk of 64 words:

{decoders}
![Seconds against words; what other exact decoders take against seal's](state-speed.png)

## Confidence
Share of words that have the right speaker, by `speaker_confidence`:

{sure}
![Share of right words against confidence](state-confidence.png)

Trust it on calls. In meetings it is too sure: where a voice was not found, no word can be right.

## Where it fails
By place, of all words there:

{places}
Read one by one ([what goes wrong](mistakes.md), weights before these): words that it breaks on
calls,

{broken_calls}
what stays wrong on calls,

{wrong_calls}
and what stays wrong in meetings:

{wrong_meetings}
Leave it off where nobody converses, as in mixtures of people who read. It cannot name a voice that
the diarizer did not find, nor join two names of one voice.
"""


if __name__ == "__main__":
    main()

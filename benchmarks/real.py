"""The yardstick's tables: python benchmarks/real.py SETS -o OUT [--docs docs/reports/results.md]

SETS is what `seal bench sets DATA -o SETS` made. Every system runs over every set, several
recordings at once; what was measured is kept in OUT/measured, so a run that was stopped goes on,
and one of which nothing has changed takes seconds. Tables go to OUT/NAME.md, all figures to
OUT/figures.json; with --docs, the lines between `<!-- table: NAME -->` and `<!-- end -->` are
filled in that file. `make bench-real` does all of it.
"""

import argparse
import hashlib
import json
import multiprocessing
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from seal.bench import MEASURES, Outcome, Row, measure, missing, outcome_of, row_digest
from seal.bench.report import FIRST, rows, with_groups
from seal.bench.sets import Recording, read_set
from seal.files import write_text

BEST = Row("best (default)", {"corrector": "best"})
LSEC = Row("ag-lsec (no punctuation)", {"corrector": "ag-lsec"})
LSEC_HIDDEN = Row("ag-lsec, no scores", {"corrector": "ag-lsec"}, scored=False)
HIDDEN = Row("best, no scores", {"corrector": "best"}, scored=False)
HMM = Row("hmm", {"corrector": "hmm"})
SMOOTHED = Row("smoothing over pauses", {"rival": "smoothed"})
UNIT = Row("a speaker per sentence or pause", {"rival": "unit"})
SEAL = Row("seal", {"corrector": "seal", "precision": "bfloat16"})
SEAL_HIDDEN = Row("seal, no scores", SEAL.options, scored=False)
VOICE = Row("voice", {"corrector": "voice"}, heard=True)
LISTENING = Row("best, listening", {"corrector": "best"}, heard=True)

HARD = (BEST, LSEC, HMM, SMOOTHED, UNIT)
SCORED = (BEST, HIDDEN, LSEC, LSEC_HIDDEN, HMM, SMOOTHED, UNIT)
HEARD = (BEST, HIDDEN, HMM, SMOOTHED, UNIT, VOICE, LISTENING)
VOICED = (*SCORED, VOICE, LISTENING)

ROWS = {
    "real-calls": HARD,
    "real-meetings": (BEST, HMM, SMOOTHED, UNIT),
    "simulated-calls": SCORED,
    "simulated-meetings": SCORED,
    "simulated-cabnc": SCORED,
    "voiced-calls": VOICED,
    "voiced-meetings": VOICED,
    "clips": HEARD,
    "libri2mix": HEARD,
    "real-audio": HEARD,
    "seal-real-calls": (BEST, SEAL),
    "seal-real-meetings": (BEST, SEAL),
    "seal-simulated-calls": (BEST, HIDDEN, SEAL, SEAL_HIDDEN),
    "seal-simulated-meetings": (BEST, HIDDEN, SEAL, SEAL_HIDDEN),
}
"""The systems of each table. Sets of hard labels know no difference between with and without
scores."""

PARTS = {
    "seal-real-calls": ("real-calls", ""),
    "seal-real-meetings": ("real-meetings", "vbx_headset"),
    "seal-simulated-calls": ("simulated-calls", ""),
    "seal-simulated-meetings": ("simulated-meetings", ""),
}
"""What the language model reads, which is slow: a set, and one diarizer of it, or all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--docs", type=Path, help="a page whose tables are filled")
    parser.add_argument("--set", nargs="*", default=list(ROWS), dest="names", metavar="NAME")
    parser.add_argument("--workers", type=int, default=2, help="recordings at once")
    options = parser.parse_args()
    table = {}
    for name in options.names:
        if (options.sets / PARTS.get(name, (name,))[0]).is_dir():
            table[name] = measured(options.sets, name, options.output, options.workers)
        else:
            print(f"{name}: left out, {options.sets} has no such set", file=sys.stderr)
    texts = tables(table)
    for name, text in texts.items():
        write_text(text, options.output / f"{name}.md")
    figures = {name: rows(found) for name, found in with_groups(table).items()}
    write_text(json.dumps(figures, indent=1, ensure_ascii=False), options.output / "figures.json")
    if options.docs:
        fill(options.docs, texts)


def measured(sets: Path, name: str, out: Path, workers: int) -> dict[str, list[Outcome]]:
    """What each system of a table does to each recording. Kept as one file as long as the set's
    files, the systems and the weights are the same: then nothing is read at all."""
    source, diarizer = PARTS.get(name, (name, ""))
    chosen = ROWS[name]
    mark = _mark(sets / source, chosen)
    kept = out / "tables" / f"{name}.json"
    if kept.is_file():
        held = json.loads(kept.read_text(encoding="utf-8"))
        if held["mark"] == mark:
            return {
                system: [outcome_of(one) for one in each] for system, each in held["table"].items()
            }
    recordings = [one for one in read_set(sets / source) if diarizer in ("", one.group)]
    found = outcomes(recordings, chosen, out / "measured" / source, workers, name)
    held = {system: [asdict(one) for one in each] for system, each in found.items()}
    write_text(json.dumps({"mark": mark, "table": held}), kept)
    return found


def outcomes(
    recordings: Sequence[Recording], chosen: Sequence[Row], folder: Path, workers: int, name: str
) -> "Found":
    """What the first pass and each of the systems do to each recording, kept in `folder`, several
    recordings at once; `name` is told with the progress."""
    found = {}
    for row in (None, *chosen):
        title, began = row.name if row else FIRST, time.monotonic()
        cache = folder / re.sub(r"\W+", "-", title)
        todo = missing(recordings, row, cache)
        if len(todo) > 1 and workers > 1:
            with ProcessPoolExecutor(
                workers, multiprocessing.get_context("spawn"), _one_thread
            ) as pool:
                list(pool.map(_measure, [(one, row, cache) for one in todo]))
        found[title] = [measure(one, row, cache) for one in recordings]
        spent = time.monotonic() - began
        print(f"{name}, {title}: {len(todo)} measured, {spent:.0f} s", file=sys.stderr, flush=True)
    return found


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _measure(task: tuple[Recording, Row | None, Path]) -> None:
    measure(*task)


def _mark(folder: Path, chosen: Sequence[Row]) -> str:
    """A digest of a set's files by size and time, of systems and weights."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    seen = [(str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    what = [MEASURES, seen, [(asdict(row), row_digest(row)) for row in chosen]]
    return hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()


Found = dict[str, list[Outcome]]


def tables(table: dict[str, Found]) -> dict[str, str]:
    """The Markdown of each table, by the name that the page has for it."""
    texts = {}
    for name, found in table.items():
        texts[name] = main_table(found)
        texts[f"{name}-measures"] = measures_table(found)
        texts[f"{name}-places"] = places_table(found)
        texts[f"{name}-calibration"] = calibration_table(found)
        if any(one.group for one in found[FIRST]):
            texts[f"{name}-diarizers"] = split_table(found, lambda one: one.group)
        texts[f"{name}-speakers"] = split_table(found, _people)
    return texts


def _people(one: Outcome) -> str:
    true, found = one.people
    return (
        f"{true} speakers, {'all' if found == true else 'fewer' if found < true else 'more'} found"
    )


def main_table(found: Found) -> str:
    """What each system did."""
    return markdown(("system", *HEAD), [main_row(row) for row in rows(found)])


HEAD = (
    *("WER", "cpWER", "Δcp", "relative Δcp", "repaired", "broken", "harmed"),
    *("in overlap", "elsewhere", "wrong elsewhere"),
)
"""Behind a system's name. The last three are words repaired and broken where two speak at once and
elsewhere, and the change of the number of words with the wrong speaker elsewhere."""


def main_row(row: dict) -> list[str]:
    rates = [percent(row[key]) for key in ("wer", "cpwer", "delta_cp")]
    places = row["wrong"]
    over = places["overlap"]
    apart = [sum(cell[part] for cell in places.values()) - over[part] for part in range(4)]
    if row["system"] == FIRST:
        wrong = [f"{cell[1]} of {cell[0]} wrong" for cell in (over, apart)]
        return [FIRST, *rates, "", "", "", "", *wrong, ""]
    harmed = f"{row['harmed']} of {row['recordings']}"
    changed = [f"+{cell[2]} −{cell[3]}" for cell in (over, apart)]
    before = apart[1] + apart[2] - apart[3]
    less = f"{100 * (apart[1] / max(before, 1) - 1):+.0f} %".replace("-", "−")
    counts = (str(row["repaired"]), str(row["broken"]), harmed)
    return [row["system"], *rates, change(row), *counts, *changed, less]


def measures_table(found: Found) -> str:
    """Every measure, the second normaliser's two among them, and the islands in sentences."""
    keys = ("wer", "cpwer", "delta_cp", "tcpwer", "di_cpwer", "wder", "other_wer", "other_cpwer")
    head = ("system", "WER", "cpWER", "Δcp", "tcpWER", "DI-cpWER", "WDER", "WER*", "cpWER*")
    return markdown(
        (*head, "islands"),
        [
            [row["system"], *(percent(row[key]) for key in keys), str(row["islands"])]
            for row in rows(found)
        ],
    )


def places_table(found: Found) -> str:
    """By place: wrong at first of all words there, then repaired and broken."""
    every = rows(found)
    titles = list(every[0]["wrong"])
    lines = [
        ["first pass: wrong", *(_share(*every[0]["wrong"][place][:2]) for place in titles)],
        *(
            [row["system"], *("+{2} −{3}".format(*row["wrong"][place]) for place in titles)]
            for row in every[1:]
        ),
    ]
    return markdown(("", *titles), lines)


def _share(words: int, wrong: int) -> str:
    return f"{wrong} of {words} ({wrong / max(words, 1):.0%})"


def calibration_table(found: Found) -> str:
    """How far confidence can be trusted, for the systems that have it."""
    edges = [f"{place / 10:.1f} to {(place + 1) / 10:.1f}" for place in range(5, 10)]
    lines = []
    for row in rows(found):
        if row["ece"] is None:
            continue
        cells = [right_share(cell) for cell in row["reliability"][5:]]
        doubt = "" if row["doubtful"] is None else f"{row['doubtful']:.0%}"
        lines.append([row["system"], f"{row['ece']:.3f}", doubt, *cells])
    return markdown(("system", "ECE", "mistakes in the least certain 5 %", *edges), lines)


def right_share(cell: Sequence[float]) -> str:
    count, _, right = cell
    return f"{right / count:.0%} of {count:.0f}" if count else ""


def split_table(found: Found, key: Callable[[Outcome], str], title: str = "") -> str:
    """The default by parts of the set: diarizers, numbers of speakers, pasts."""
    parts: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for system, each in found.items():
        for one in each:
            parts[key(one)][system].append(one)
    lines = []
    for part in sorted(parts):
        for row in rows(parts[part]):
            if row["system"] in (FIRST, BEST.name, LISTENING.name):
                system, *cells = main_row(row)
                lines.append([part if system == FIRST else "", system, *cells])
    return markdown((title, "system", *HEAD), lines)


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"


def change(row: dict) -> str:
    if row["relative"] is None:
        return ""
    # Rounded as the kept figures are: a half goes the same way from both.
    middle, low, high = (round(100 * value, 7) for value in row["relative"])
    return f"{middle:+.1f} % ({low:+.0f} to {high:+.0f})".replace("-", "−")


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = "|---" * len(head) + "|"
    return "\n".join(["| " + " | ".join(line) + " |" for line in (head, *lines)][:1] + [rule]
                     + ["| " + " | ".join(line) + " |" for line in lines]) + "\n"  # fmt: skip


def fill(page: Path, texts: dict[str, str]) -> None:
    """Put the tables into the page, each between its two marks."""

    def table(found: re.Match[str]) -> str:
        text = texts.get(found[1])
        return found[0] if text is None else f"<!-- table: {found[1]} -->\n{text}<!-- end -->"

    text = page.read_text(encoding="utf-8")
    marks = r"<!-- table: (\S+) -->\n(?:.*\n)*?<!-- end -->"
    write_text(re.sub(marks, table, text), page)


if __name__ == "__main__":
    main()

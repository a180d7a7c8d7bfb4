"""Figures that are told: those of README and docs are those of the committed data.

The data is docs/reports/figures.json, which `benchmarks/state.py` keeps of a run of the yardstick.
README's text is free: what it says in per cent, and in words repaired and broken, is looked for in
the rows that its line is about, and memory and speed in the reports.
"""

import re
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REPORTS = DOCS / "reports"
sys.path.insert(0, str(ROOT / "benchmarks"))

import real  # noqa: E402
import state  # noqa: E402

HELD = state.read()
SETS: dict[str, list[dict[str, Any]]] = HELD["sets"]

PAGES = [
    ROOT / "README.md",
    *sorted(page for page in DOCS.rglob("*.md") if page.parent != REPORTS),
]
"""What people read first."""

ABOUT = {
    "meeting": ("real-meetings", "simulated-meetings", "voiced-meetings"),
    r"consultation|\bcalls?\b|telephone": (
        *("real-calls", "simulated-calls", "voiced-calls", "real-audio"),
    ),
    "everyday|at home": ("simulated-cabnc",),
    "clip|listen|sound": ("clips", "libri2mix", "real-audio"),
    "mixture|people who read": ("libri2mix",),
}
"""What a line says, and the sets that it may then be about."""

NAMED = {"simulated": "simulat|score", "voiced": "voice"}
"""Sets that are milder than a real diarizer's mistakes: a line that is about them has to say so."""

CHANGE = re.compile(r"(?<![\w.])([−+])(\d+(?:\.\d+)?)(?=\s?%| to [−+]\d+(?:\.\d+)?\s?%)")
_COUNT = r"(\d[\d,]*\d|\d)"
COUNTS = re.compile(
    rf"(?<![\d.,]){_COUNT}(?:\s|words?|repaired|broken|breaks|and|for|[,/:+−])+{_COUNT}(?![\d.,]*\s?%)"
)
COST = re.compile(r"(\d[\d,.]*)(?: to (\d[\d,.]*))? (MB|GB|times real time|words a second)")

LEAST = 10
"""Words repaired and broken from which two numbers are taken for such; fewer may be an example."""


def lines(page: Path) -> list[tuple[str, str]]:
    """The rows of a page's tables, each with its table's head, and its paragraphs; no code."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        parts = paragraph.splitlines()
        if parts and parts[0].startswith("|"):
            found += [(part, parts[0]) for part in parts[2:]]
        else:
            found.append((" ".join(parts), ""))
    return found


def sets_of(line: str) -> list[str]:
    """The sets that a line is about, those of single diarizers among them; none: it says none."""
    chosen = {
        name for words, sets in ABOUT.items() if re.search(words, line, re.I) for name in sets
    }
    for kind, words in NAMED.items():
        if not re.search(words, line, re.I):
            chosen = {name for name in chosen if not name.startswith(kind)}
    return [name for name in SETS if name.split(",")[0].removeprefix("seal-") in chosen]


def counts(row: dict[str, Any]) -> list[tuple[int, int]]:
    """(repaired, broken) of a row: in all, where two speak at once, and elsewhere."""
    whole, over = (row["repaired"], row["broken"]), tuple(row["wrong"]["overlap"][2:])
    return [whole, over, (whole[0] - over[0], whole[1] - over[1])]


@cache
def together(name: str) -> set[tuple[int, int]]:
    """The same of the default under any of a set's diarizers together."""
    groups = [key for key in SETS if key.startswith(f"{name}, ")]
    each = [counts(state.row_of(SETS, key, state.BEST)) for key in groups]
    known = set()
    for size in range(2, len(each) + 1):
        for some in combinations(each, size):
            for pairs in zip(*some, strict=True):
                known.add((sum(one for one, _ in pairs), sum(two for _, two in pairs)))
    return known


@cache
def reported() -> str:
    """All that the reports say."""
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(REPORTS.glob("*.md")))


def number(text: str) -> float:
    return float(text.replace(",", "").rstrip("."))


def unfounded(line: str, head: str = "") -> list[str]:
    """What a line tells that the data does not: changes in per cent, and counts of words."""
    if re.search(r"\bdemo\b", line, re.I):  # its own test has its figures
        return []
    names = sets_of(f"{head} {line}")
    rows = [row for name in names for row in SETS[name] if row["relative"]]
    wrong = []
    for sign, share in CHANGE.findall(line):
        told, digits = number(share) * (1 if sign == "+" else -1), len(share.partition(".")[2])
        known = any(abs(round(100 * row["relative"][0], digits) - told) < 1e-9 for row in rows)
        if not known and (names or f"{sign}{share} %" not in reported()):
            wrong.append(f"{sign}{share} %")
    if "repair" in f"{head} {line}".lower() and names:
        pairs = {pair for row in rows for pair in counts(row)}
        pairs |= {pair for name in names for pair in together(name)}
        for one, two in COUNTS.findall(line):
            if min(number(one), number(two)) >= LEAST and (number(one), number(two)) not in pairs:
                wrong.append(f"{one}, {two}")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_tells_a_gain_that_the_data_does_not_show(page: Path) -> None:
    for line, head in lines(page):
        assert not unfounded(line, head), f"{page.name}: {unfounded(line, head)} in: {line}"


def test_readme_tells_speed_and_memory_as_the_reports_do() -> None:
    known = (DOCS / "howto" / "install.md").read_text(encoding="utf-8") + reported()
    found = [number(one) for one in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", known)]
    for line, _ in lines(ROOT / "README.md"):
        for *told, unit in COST.findall(line):
            for one in filter(None, told):
                digits = len(one.rstrip(".").partition(".")[2])
                value = number(one)
                near = [x for x in found if round(x, digits) == value]
                near += [x for x in found if unit == "GB" and round(x / 1000, digits) == value]
                assert near, f"{one} {unit} is in no report: {line}"


def test_a_figure_that_nothing_shows_is_found() -> None:
    assert unfounded("On calls it is −21 %.") == []
    assert unfounded("On calls it is −19.9 %.") == ["−19.9 %"]
    assert unfounded("In meetings it is −20.7 %.") == ["−20.7 %"]
    assert unfounded("In meetings it is −28 %.") == ["−28 %"]
    assert unfounded("In everyday talk under a simulated first pass it is −28 %.") == []
    assert unfounded("On calls 1003 words repaired, 234 broken.") == []
    assert unfounded("| calls | −21 % | 1003, 234 |", "| | Δcp | repaired, broken |") == []
    assert unfounded("| meetings | −5 % | 1003, 234 |", "| | Δcp | repaired, broken |") == [
        "1003, 234"
    ]


def test_the_page_of_truth_is_that_of_the_data() -> None:
    page = (REPORTS / "state.md").read_text(encoding="utf-8")
    assert page == state.page(HELD), "python benchmarks/state.py writes it anew"


@pytest.mark.parametrize("name", [name for name in SETS if "," not in name])
def test_the_tables_of_the_results_are_those_of_the_data(name: str) -> None:
    page = (REPORTS / "results.md").read_text(encoding="utf-8")
    told = re.search(rf"<!-- table: {name} -->\n((?:.*\n)*?)<!-- end -->", page)
    made = real.markdown(("system", *real.HEAD), [real.main_row(row) for row in SETS[name]])
    assert told and told[1] == made, "make bench-real fills both"

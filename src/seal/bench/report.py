"""The report of a bench: Markdown, JSON, and one self-contained HTML page with charts.

It writes what was measured, and measures nothing. The page loads nothing from anywhere, and its
charts are drawn in SVG, light or dark as the reader's system is.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

from seal.bench import Outcome
from seal.bench.positions import PLACES
from seal.bench.statistics import (
    by_conversation,
    calibration_error,
    p_value,
    relative_change,
)
from seal.scoring import Score

if TYPE_CHECKING:
    from seal.bench import Row

Table = dict[str, dict[str, list[Outcome]]]
"""Set → system → an outcome per recording. "first pass" is the system that changes nothing. A set
of several diarizers is followed by one for each of them, "SET, DIARIZER"."""

FIRST = "first pass"

COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#edc948", "#9c755f")

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap }
th, td { border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem } svg { overflow: visible }
svg text { fill: currentColor; font-size: 11px } .grid { stroke: var(--line) }
.talk { border-left: 3px solid var(--line); padding: .2rem .8rem; margin: .8rem 0 }
.talk b { font-weight: 600; opacity: .7 } .repaired { background: #59a14f55 }
.broken { background: #e1575955 } small { opacity: .75 }
"""


def rows(outcomes: dict[str, list[Outcome]]) -> list[dict[str, Any]]:
    """The figures of each system on one set; rates as shares."""
    names = [item.name for item in outcomes[FIRST]]
    before = by_conversation(names, [item.score for item in outcomes[FIRST]])
    found = []
    for name, each in outcomes.items():
        after = by_conversation(names, [item.score for item in each])
        total = sum(after, Score())
        other = sum((item.other for item in each), Score())
        doubtful, mistakes = (sum(item.doubtful[part] for item in each) for part in (0, 1))
        bins = [
            [sum(values) for values in zip(*cells, strict=True)]
            for cells in zip(*(item.reliability for item in each), strict=True)
        ]
        wrong = {
            place: [sum(item.wrong[place][part] for item in each) for part in range(4)]
            for place in PLACES
        }
        found.append(
            {
                "system": name,
                "wer": total.wer,
                "cpwer": total.cpwer,
                "delta_cp": total.delta_cp,
                "tcpwer": total.tcpwer,
                "di_cpwer": total.di_cpwer,
                "other_wer": other.wer,
                "other_cpwer": other.cpwer,
                "wder": total.wder,
                "relative": None if name == FIRST else relative_change(before, after),
                "p": None if name == FIRST else p_value(before, after),
                "repaired": sum(item.repaired for item in each),
                "broken": sum(item.broken for item in each),
                "harmed": sum(item.broken > item.repaired for item in each),
                "recordings": len(each),
                "wrong": wrong,
                "islands": sum(item.islands for item in each),
                "doubtful": doubtful / mistakes if mistakes else None,
                "reliability": bins,
                "ece": calibration_error(bins),
                "seconds": sum(item.seconds for item in each),
                "megabytes": max((item.megabytes or 0.0 for item in each), default=0.0) or None,
            }
        )
    return found


def with_groups(table: Table) -> Table:
    """The table, each set of several diarizers followed by one for each of them."""
    found: Table = {}
    for name, outcomes in table.items():
        found[name] = outcomes
        for group in dict.fromkeys(item.group for item in outcomes[FIRST] if item.group):
            found[f"{name}, {group}"] = {
                system: [item for item in each if item.group == group]
                for system, each in outcomes.items()
            }
    return found


def as_json(table: Table) -> str:
    """Every figure, and every recording's counts."""
    return json.dumps(
        {
            name: {
                "systems": rows(outcomes),
                "recordings": {
                    system: [
                        {"name": item.name, "group": item.group, **asdict(item.score)}
                        for item in each
                    ]
                    for system, each in outcomes.items()
                },
            }
            for name, outcomes in table.items()
        },
        indent=1,
    )


HEAD = (
    *("system", "WER", "cpWER", "Δcp", "tcpWER", "DI-cpWER", "WDER", "relative Δcp", "p"),
    *("repaired", "broken", "recordings harmed"),
)
TAIL = (*PLACES, "ECE", "mistakes in the least certain 5 %", "seconds", "MB")


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table as text, in the order of HEAD and TAIL."""

    def percent(share: float | None) -> str:
        return "" if share is None else f"{100 * share:.2f}"

    change = ""
    if row["relative"] is not None:
        middle, low, high = (100 * value for value in row["relative"])
        change = f"{middle:+.1f} % ({low:+.0f} to {high:+.0f})".replace("-", "−")
    changed = row["system"] != FIRST
    keys = ("wer", "cpwer", "delta_cp", "tcpwer", "di_cpwer", "wder")
    return [
        row["system"],
        *(percent(row[key]) for key in keys),
        change,
        f"{row['p']:.3f}" if changed else "",
        str(row["repaired"]) if changed else "",
        str(row["broken"]) if changed else "",
        f"{row['harmed']} of {row['recordings']}" if changed else "",
        *(f"{row['wrong'][place][1]} of {row['wrong'][place][0]}" for place in PLACES),
        "" if row["ece"] is None else f"{row['ece']:.3f}",
        "" if row["doubtful"] is None else f"{percent(row['doubtful'])} %",
        f"{row['seconds']:.1f}" if changed else "",
        f"{row['megabytes']:.0f}" if row["megabytes"] else "",
    ]


def paper_lines(rows: "Sequence[Row]") -> list[list[str]]:
    """Head and rows of the paper's own figures, for those of `rows` that it has."""
    from seal.bench.tables import PAPER_FIRST, PAPER_SPLITS

    theirs = [(FIRST, PAPER_FIRST), *((row.name, row.paper) for row in rows if row.paper)]
    lines = [["system", *PAPER_SPLITS]]
    for name, figures in theirs:
        line = [name]
        for found, before in zip(figures, PAPER_FIRST, strict=True):
            text = ""
            if found and before:
                text = f"{found[0]:.2f}, {found[1]:.2f}"
                if name != FIRST:
                    text += f" ({100 * (found[1] / before[1] - 1):+.0f} %)".replace("-", "−")
            line.append(text)
        lines.append(line)
    return lines if len(lines) > 2 else []


PAPER_SAYS = (
    "What the paper has in these rows: Mistral-7B, telephone calls, a first pass of its own. "
    "cpWER, Δcp, and the change of Δcp against its first pass."
)


def as_markdown(table: Table, rows_of: "Sequence[Row]" = (), notes: Sequence[str] = ()) -> str:
    """A table per set; the columns named by places count words with the wrong speaker. The paper's
    figures stand beside, for those of the rows that it has."""
    parts = [f"{note}\n" for note in notes]
    for name, outcomes in table.items():
        parts.append(f"## {name}\n")
        parts.append("| " + " | ".join(HEAD + TAIL) + " |")
        parts.append("|---" * len(HEAD + TAIL) + "|")
        parts += ["| " + " | ".join(cells(row)) + " |" for row in rows(outcomes)]
        parts.append("")
    theirs = paper_lines(rows_of)
    if theirs:
        parts += ["## The paper's own\n", PAPER_SAYS + "\n"]
        lines = ["| " + " | ".join(line) + " |" for line in theirs]
        parts += [lines[0], "|---" * len(theirs[0]) + "|", *lines[1:], ""]
    return "\n".join(parts)


def as_html(table: Table, rows_of: "Sequence[Row]" = (), notes: Sequence[str] = ()) -> str:
    """The page."""
    body = [f"<p>{escape(note)}</p>" for note in notes]
    for name, outcomes in table.items():
        found = rows(outcomes)
        body.append(f"<h2>{escape(name)}</h2>")
        body.append(_table([list(HEAD + TAIL), *map(cells, found)]))
        body.append("<div class=charts>" + _changes(found) + _reliability(found) + "</div>")
        body.append(_places(found))
        body.append("<h3>The longest repairs and breakages</h3>")
        for system, each in outcomes.items():
            shown = sorted(
                (example for item in each for example in item.examples),
                key=lambda example: -example["words"],
            )
            for kind in ("repaired", "broken"):
                chosen = [example for example in shown if example["kind"] == kind][:2]
                body += [_talk(system, example) for example in chosen]
    theirs = paper_lines(rows_of)
    if theirs:
        body += ["<h2>The paper's own</h2>", f"<p>{escape(PAPER_SAYS)}</p>", _table(theirs)]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>seal bench</title>"
        "<meta name=viewport content='width=device-width'>"
        f"<style>{STYLE}</style><h1>Who said which word: systems compared</h1>"
        "<p>Δcp is cpWER − WER: what wrong speakers cost. Columns named by a place count words "
        "with the wrong speaker there. Intervals: 95 % bootstrap over recordings; p: paired "
        "permutation test against the first pass.</p>" + "".join(body) + "</html>\n"
    )


def _table(lines: Sequence[Sequence[str]]) -> str:
    """The first line is the head."""
    head = "".join(f"<th scope=col>{escape(title)}</th>" for title in lines[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
        for line in lines[1:]
    )
    return (
        f"<div style='overflow-x:auto'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _changes(found: Sequence[dict[str, Any]]) -> str:
    """Relative change of Δcp with intervals, a bar per system."""
    bars = [row for row in found if row["relative"]]
    if not bars:
        return ""
    ends = [value for row in bars for value in row["relative"]] + [0.0]
    low, high = min(ends) - 0.05, max(ends) + 0.05

    def x(value: float) -> float:
        return 180 + 320 * (value - low) / (high - low)

    parts = [f"<svg width=520 height={40 + 24 * len(bars)} role=img aria-label='relative change'>"]
    parts.append("<text x=180 y=12>relative change of Δcp, in %</text>")
    for place, row in enumerate(bars):
        middle, least, most = row["relative"]
        y, colour = 30 + 24 * place, COLOURS[place % len(COLOURS)]
        parts.append(f"<text x=0 y={y + 4}>{escape(row['system'])}</text>")
        left, width = min(x(0), x(middle)), abs(x(middle) - x(0))
        parts.append(
            f"<rect x={left:.0f} y={y - 7} width={width:.0f} height=14 fill='{colour}'/>"
            f"<line x1={x(least):.0f} x2={x(most):.0f} y1={y} y2={y} stroke=currentColor />"
            f"<text x={x(max(most, 0)) + 6:.0f} y={y + 4}>{100 * middle:.1f}</text>"
        )
    bottom = 24 + 24 * len(bars)
    parts.append(f"<line class=grid x1={x(0):.0f} x2={x(0):.0f} y1=18 y2={bottom} /></svg>")
    return "".join(parts)


def _reliability(found: Sequence[dict[str, Any]]) -> str:
    """Share of right words against confidence."""
    drawn = [row for row in found if row["ece"] is not None]
    if not drawn:
        return ""
    parts = ["<svg width=420 height=260 role=img aria-label='reliability'>"]
    parts.append("<text x=40 y=12>share of right speakers, by confidence</text>")
    parts.append("<line class=grid x1=40 y1=230 x2=250 y2=20 />")
    for place, row in enumerate(drawn):
        colour = COLOURS[place % len(COLOURS)]
        points = " ".join(
            f"{40 + 210 * confidence / count:.0f},{230 - 210 * right / count:.0f}"
            for count, confidence, right in row["reliability"]
            if count >= 5
        )
        parts.append(f"<polyline points='{points}' fill=none stroke='{colour}' stroke-width=2 />")
        parts.append(f"<rect x=265 y={26 + 18 * place} width=10 height=10 fill='{colour}'/>")
        title = f"{row['system']} (ECE {row['ece']:.3f})"
        parts.append(f"<text x=280 y={35 + 18 * place}>{escape(title)}</text>")
    parts += [f"<text x={36 + 105 * i} y=246>{i / 2}</text>" for i in range(3)]
    parts += [f"<text x=14 y={234 - 105 * i}>{i / 2}</text>" for i in range(3)]
    return "".join(parts) + "</svg>"


def _places(found: Sequence[dict[str, Any]]) -> str:
    """Share of words with the wrong speaker, by place, a bar per system."""
    shares = [w / n for row in found for n, w, *_ in row["wrong"].values() if n]
    most = max(shares, default=0) or 1
    width = 40 + len(PLACES) * (14 * len(found) + 40)
    parts = [f"<svg width={width} height=190 role=img aria-label='wrong words by place'>"]
    parts.append("<text x=0 y=12>share of words with the wrong speaker, by place, in %</text>")
    for group, place in enumerate(PLACES):
        start = 10 + group * (14 * len(found) + 40)
        for number, row in enumerate(found):
            words, wrong, *_ = row["wrong"][place]
            height = 120 * (wrong / words if words else 0) / most
            colour = "#888" if row["system"] == FIRST else COLOURS[(number - 1) % len(COLOURS)]
            parts.append(
                f"<rect x={start + 14 * number} y={160 - height:.0f} width=12 "
                f"height={height:.0f} fill='{colour}'><title>{escape(row['system'])}: "
                f"{wrong} of {words}</title></rect>"
            )
        base = found[0]["wrong"][place]
        share = 100 * base[1] / base[0] if base[0] else 0
        parts.append(f"<text x={start} y=176>{place} ({share:.0f})</text>")
    return "".join(parts) + "</svg>"


def _talk(system: str, example: dict[str, Any]) -> str:
    """An example: truth, first pass and answer, one below the other."""
    lines = []
    for title in ("true", "first", "after"):
        text, previous = "", None
        for word, label, true, first, after in zip(
            example["text"],
            example[title],
            example["true"],
            example["first"],
            example["after"],
            strict=True,
        ):
            text += f" <b>[{escape(label)}]</b>" if label != previous else ""
            kind = ""
            if title == "after" and first != after:
                kind = "repaired" if after == true else "broken" if first == true else ""
            text += f" <span class='{kind}'>{escape(word)}</span>" if kind else f" {escape(word)}"
            previous = label
        lines.append(f"<small>{title}</small> {text}")
    caption = f"{system}, {example['recording']}: {example['words']} words {example['kind']}"
    return f"<div class=talk><small>{escape(caption)}</small><br>" + "<br>".join(lines) + "</div>"

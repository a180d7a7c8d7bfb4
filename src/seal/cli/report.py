"""The command `seal report`: what was changed in a folder of results, and where to begin to review.

`seal.cli` adds it to its own commands; what it does is in `seal.batch.summary`.
"""

import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seal.batch.inputs import TRANSCRIPT_SUFFIXES, inputs_of
from seal.batch.summary import Listed, Summary, least_certain_first, summary
from seal.errors import SealError
from seal.files import check_writable, write_text

SHOWN = 20
"""Files in the terminal's table; the CSV and the JSON have all."""

COLUMNS = (
    *("file", "words", "by_machine", "by_person", "reviewed", "unsure", "expected_wrong"),
    *("least_certain_time", "least_certain_word", "least_certain_confidence"),
)
"""Of the CSV of files, a line each."""

CHANGES = ("file", *("time" if name == "seconds" else name for name in Listed._fields))
"""Of the CSV of changes, a line for each changed word."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal report corrected/\n\n"
        "Example: seal report corrected/ --csv files.csv --changes words.csv\n\n"
        "Example: seal report corrected/ --json"
    )(report)


def report(
    transcript: Annotated[
        list[Path],
        typer.Argument(metavar="OUT...", help="Results of seal: folders, files, globs in quotes."),
    ],
    files: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE.csv", help="Write a line for each file."),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            "--changes",
            metavar="FILE.csv",
            help="Write a line for each changed word: file, time in seconds, word, before, after, "
            "confidence, by (machine or person), why.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all of it as JSON, changes included.")
    ] = False,
) -> None:
    """Sum up what was changed in results.

    Files come in the order in which a review gains most, the least certain first.
    """
    sources, several = inputs_of(transcript, None, TRANSCRIPT_SUFFIXES)
    _check_targets(sources, files, changes)
    found, failed = [], 0
    for source in sources:
        try:
            found.append(summary(source))
        except SealError as error:
            if not several:
                raise
            print(f"seal: {error}", file=sys.stderr)
            failed += 1
    found = least_certain_first(found)
    if files is not None:
        write_text(_csv(COLUMNS, [_row(one) for one in found]), files, errors="replace")
    if changes is not None:
        rows = [[one.file, *_shown(each)] for one in found for each in one.each]
        write_text(_csv(CHANGES, rows), changes, errors="replace")
    if as_json:
        print(json.dumps([_entry(one) for one in found], indent=1))
    else:
        Console().print(_table(found))
    if failed:
        raise SealError(f"{failed} of {len(sources)} could not be read")


def _check_targets(sources: Sequence[Path], *targets: Path | None) -> None:
    taken = {os.path.realpath(source) for source in sources}
    for target in filter(None, targets):
        if target.suffix.lower() != ".csv":
            raise SealError(f"{target}: is a CSV file; end its name in .csv")
        if os.path.realpath(target) in taken:
            raise SealError(f"{target}: is an input, or named twice; take another name")
        taken.add(os.path.realpath(target))
        check_writable(target)


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(rows)
    return text.getvalue()


def _row(one: Summary) -> list[Any]:
    time, word, sure = one.least or ("", "", "")
    counts = (one.words, one.by_machine, one.by_person, one.reviewed, one.unsure, one.expected)
    return [one.file, *counts, time, word, sure]


def _shown(each: Listed) -> list[Any]:
    sure = "" if each.confidence is None else f"{each.confidence:.4g}"
    rest = (each.word, each.before, each.after, sure, each.by, each.why)
    return [f"{each.seconds:.2f}", *rest]


def _entry(one: Summary) -> dict[str, Any]:
    row = dict(zip(COLUMNS, _row(one), strict=True)) | {"file": str(one.file)}
    if one.least is None:
        row |= dict.fromkeys(COLUMNS[-3:])
    names = ("time", *Listed._fields[1:])
    return row | {"changes": [dict(zip(names, each, strict=True)) for each in one.each]}


def _table(found: Sequence[Summary]) -> Table:
    words, machine, person = (
        sum(getattr(one, name) for one in found) for name in ("words", "by_machine", "by_person")
    )
    parents = {one.file.parent for one in found}
    files = f"{len(found):,} {'file' if len(found) == 1 else 'files'}"
    table = Table(
        title=f"{files}, {words:,} words; changed by seal: {machine:,}, by a person: {person:,}",
        title_justify="left",
        caption=f"and {len(found) - SHOWN:,} more (--csv, --json)" if len(found) > SHOWN else None,
        caption_justify="left",
    )
    table.add_column("file", overflow="fold", min_width=12)
    for column in ("words", "by seal", "by a person", "unsure", "wrong, expected"):
        table.add_column(column, justify="right")
    table.add_column("least certain", overflow="fold")
    for one in found[:SHOWN]:
        least = "" if one.least is None else f"{one.least[1]} at {one.least[0]:.1f} s"
        counts = (one.words, one.by_machine, one.by_person, one.unsure)
        shown = [f"{count:,}" for count in counts]
        name = one.file if len(parents) > 1 else one.file.name
        table.add_row(Text(str(name)), *shown, f"{one.expected:.1f}", Text(least))
    return table

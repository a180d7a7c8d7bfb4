"""The command `seal bench`: systems compared on conversations of one's own, in one report.

`seal.cli` adds it to its own commands; what it does is in `seal.bench`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seal.errors import SealError, need
from seal.files import check_writable

if TYPE_CHECKING:
    from seal.bench import Row
    from seal.bench.report import Table


HELD_OUT = 250
"""Words of each held-out recording that are used, where nobody says how many."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal bench --sets calls/ -o report/\n\n"
        "Example: seal bench --sets calls/ --sets meetings/ --system best --system hmm -o report/"
        "\n\nExample: seal bench table2 --learn ami/ --learn icsi/ -o table2/"
        "\n\nExample: seal bench sets corpora/ -o sets/"
    )(bench)


def bench(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Folder for the report, or for the sets; a run that was stopped there goes on.",
        ),
    ],
    table: Annotated[
        Literal["systems", "table1", "table2", "sets"],
        typer.Argument(
            help="Choose the rows: all that need no training, or the paper's tables; or make the "
            "yardstick's sets of DATA.",
        ),
    ] = "systems",
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA", help="Folder of open corpora (ami/, primock57/, …) to make sets of."
        ),
    ] = None,
    sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--sets",
            metavar="DIR",
            help="Folder with reference/NAME.json and first/NAME.json (and oracle/, audio/, if "
            "known). Without: what is held out of --learn, with a simulated first pass.",
        ),
    ] = None,
    learn: Annotated[
        list[Path] | None,
        typer.Option(
            "--learn",
            metavar="DIR",
            help="Folder that `seal prepare` made; the tables learn from it.",
        ),
    ] = None,
    adapter: Annotated[
        Path | None,
        typer.Option(
            "--adapter",
            metavar="FOLDER",
            help="Use the adapter of another table instead of training one.",
        ),
    ] = None,
    chunks: Annotated[
        int,
        typer.Option(
            "--chunks", min=1, help="Number of chunks to learn, shared by the LLM's rows."
        ),
    ] = 2000,
    most: Annotated[
        int | None,
        typer.Option(
            "--words",
            min=1,
            help="Number of words of each recording to use; else all of --sets, 250 of those held "
            "out of --learn.",
        ),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system", metavar="NAME", help="Only rows whose name begins with this; else all."
        ),
    ] = None,
    named: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME", help="Make this set of DATA; else all."),
    ] = None,
) -> None:
    """Compare systems in one report.

    Measures them on conversations of your own, or fills the paper's tables. Writes report.md,
    report.json and report.html. What was learnt and measured is kept in OUT: a run that was stopped
    goes on where it was.
    """
    need("score")
    from seal.bench import ROWS, report
    from seal.bench.sets import cut, read_set, simulate_set
    from seal.bench.tables import TABLES, budget, train_adapter, with_adapter
    from seal.corpora.prepare import read_part

    if table == "sets":
        make_sets(data, output, named or [])
        return
    if data is not None or named:
        raise SealError(f"{data or '--set'}: is for `seal bench sets`; name a set with --sets")
    rows = chosen(TABLES.get(table, ROWS), system)
    if not sets and not learn:
        raise SealError("--sets: name a folder to measure on, or --learn one that has a dev list")
    trained = any(row.shape for row in rows)
    if trained and not adapter and not learn:
        raise SealError(f"{table}: has rows to train: name --learn folders, or an --adapter")
    check_writable(output / "report.md")
    loaded = {}
    for folder in sets or []:
        title = folder.resolve().name
        if title in loaded:
            raise SealError(f"--sets: two folders are called {title}; rename one")
        recordings = read_set(folder)
        loaded[title] = [cut(one, most) for one in recordings] if most else recordings
    if adapter:
        rows = with_adapter(rows, adapter)

    from seal.cli.learn import report_steps

    if not sets:
        for folder in learn or []:
            part = held_out(folder)
            if part:
                held = [reference[: most or HELD_OUT] for reference in read_part(folder, part)]
                title = f"{folder.resolve().name}-{part}"
                simulate_set(held, output / "sets" / title)
                loaded[title] = read_set(output / "sets" / title)
        if not loaded:
            raise SealError("--learn: none of the folders has a test or dev list; name --sets")
    notes = []
    if trained:
        if not adapter:
            corpora = [(1.0, read_part(folder, "train")) for folder in learn or []]
            adapter = train_adapter(rows, corpora, output / "adapter", chunks, report_steps())
            rows = with_adapter(rows, adapter)
        notes.append(budget(adapter))
    found = measured(loaded, rows, output / "measured")

    from seal.files import write_text

    shown = report.as_markdown(found, rows, notes)
    for kind, text in (
        ("md", shown),
        ("json", report.as_json(found)),
        ("html", report.as_html(found, rows, notes)),
    ):
        write_text(text, output / f"report.{kind}")
    print(shown)


def make_sets(data: Path | None, output: Path, names: list[str]) -> None:
    """Make the yardstick's sets, and print how many recordings each has."""
    from seal import console
    from seal.bench.build import build
    from seal.corpora.splits import USES

    if data is None:
        raise SealError("sets: name the folder with the open corpora: seal bench sets DATA -o SETS")
    if not data.is_dir():
        raise SealError(f"{data}: there is no such folder")
    check_writable(output / "sets")
    with console.progress("sets") as progress:
        found = build(data, output, names, progress)
    for name, count in found.items():
        print(f"{name}: {count} recordings ({USES[name]})")


def held_out(folder: Path) -> str | None:
    """The list to measure on: test, or dev where that is empty, or none."""
    for part in ("test", "dev"):
        names = folder / f"{part}.txt"
        if names.is_file() and names.read_text(encoding="utf-8").strip():
            return part
    return None


def chosen(rows: "tuple[Row, ...]", names: list[str] | None) -> "list[Row]":
    """The rows whose name begins with one of `names`, or all."""
    for name in names or []:
        if not any(row.name.lower().startswith(name.lower()) for row in rows):
            known = ", ".join(row.name for row in rows)
            raise SealError(f"--system: none begins with {name}; there are {known}")
    begins = tuple(name.lower() for name in names or [""])
    return [row for row in rows if row.name.lower().startswith(begins)]


def measured(loaded: dict, rows: "list[Row]", kept: Path) -> "Table":
    """Every row on every set, first of all the first pass itself. A row that wants the recordings
    is left out of a set that has not got them all."""
    from seal import console
    from seal.bench import measure, report

    table: Table = {}
    with console.progress("bench") as progress:
        for title, recordings in loaded.items():
            table[title] = {}
            heard = all(recording.audio for recording in recordings)
            for row in (None, *rows):
                if row and row.heard and not heard:
                    continue
                name = row.name if row else report.FIRST
                cache = kept / title / name.replace(" ", "-").replace(":", "")
                cache.mkdir(parents=True, exist_ok=True)
                table[title][name] = []
                for place, recording in enumerate(recordings):
                    found = measure(recording, row, cache, weigh=place == 0)
                    table[title][name].append(found)
                    progress(f"{title}, {name}", (place + 1) / len(recordings))
    return report.with_groups(table)

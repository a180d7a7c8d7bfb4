"""The command `seal bench`: every system on the user's own conversations, in one report.

`seal.cli` adds it to its own commands; what it does is in `seal.bench`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seal.errors import SealError
from seal.outputs import check_writable

if TYPE_CHECKING:
    from seal.bench import Row
    from seal.bench.report import Table


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal bench --sets calls/ -o report/\n\n"
        "Example: seal bench --sets calls/ --sets meetings/ --system best --system hmm -o report/"
    )(bench)


def bench(
    sets: Annotated[
        list[Path],
        typer.Option(
            "--sets",
            metavar="DIR",
            help="Folder with reference/NAME.json and first/NAME.json (and oracle/, if known).",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Folder for the report.")
    ],
    system: Annotated[
        list[str] | None,
        typer.Option("--system", metavar="NAME", help="Those whose name begins so; else all."),
    ] = None,
) -> None:
    """Compare systems on references and first-pass transcripts of your own.

    Writes report.md, report.json and report.html. What was measured is kept in OUT/measured, so a
    run that was stopped goes on where it was.
    """
    from seal.bench import ROWS, measure, read_set

    chosen = [row for row in ROWS if not system or any(map(row.name.startswith, system))]
    if not chosen:
        names = ", ".join(row.name for row in ROWS)
        raise SealError(
            f"--system: none begins with {' or '.join(system or [])}; there are {names}"
        )
    titles = [folder.resolve().name for folder in sets]
    for title in titles:
        if titles.count(title) > 1:
            raise SealError(f"--sets: two folders are called {title}; rename one")
    check_writable(output / "report.md")
    loaded = {title: read_set(folder) for title, folder in zip(titles, sets, strict=True)}

    from seal import console
    from seal.bench import report

    table: Table = {}
    steps: list[Row | None] = [None, *chosen]
    with console.progress("bench") as progress:
        for title, recordings in loaded.items():
            table[title] = {}
            for row in steps:
                name = row.name if row else report.FIRST
                stage = f"{title}, {name}"
                cache = output / "measured" / title / name.replace(" ", "-").replace(":", "")
                cache.mkdir(parents=True, exist_ok=True)
                table[title][name] = []
                for place, recording in enumerate(recordings):
                    table[title][name].append(measure(recording, row, cache))
                    progress(stage, (place + 1) / len(recordings))
    from seal.words import write_text

    shown = report.as_markdown(table)
    for kind, text in (
        ("md", shown),
        ("json", report.as_json(table)),
        ("html", report.as_html(table)),
    ):
        write_text(text, output / f"report.{kind}")
    print(shown)

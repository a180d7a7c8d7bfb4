"""What `correct` and `transcribe` share on the command line: the options for many inputs, and how
a run over them is shown, resumed and ended.

It knows nothing of what is done to an input.
"""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seal import console
from seal.outputs import sweep

if TYPE_CHECKING:
    from seal.batch import Group, Outcome
    from seal.tasks import Correct, Transcribe

SEVERAL = "; of several, or a folder of them, or a glob in quotes, each goes to OUT/NAME.json."

Manifest = Annotated[
    Path | None,
    typer.Option("--manifest", metavar="FILE", help="Text file with a path per line: more inputs."),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Processes for several inputs; each loads the models and has its share of the cores.",
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="ray|ray:ADDRESS",
        help="For several inputs: a Ray cluster on this machine, or the one at ADDRESS (HOST:PORT, "
        "auto; ray://HOST:PORT is a client's port).",
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Of several inputs, do those anew that are finished.")
]


def do_all(
    task: "Correct | Transcribe",
    sources: list[Path],
    targets: list[Path],
    several: bool,
    workers: int,
    on: str | None,
    again: bool,
) -> None:
    """Do the task to every input; of several, those that are not finished.

    One bad input among several stops no other: it is told at the end, and the exit status is 2.
    """
    if on is not None:
        from seal.ray_batch import check_address

        check_address(on)
    sweep(targets)
    if not several:
        with console.progress(sources[0].name) as progress:
            task(sources[0], targets[0], progress)
        return

    from seal.batch import Job, grouped
    from seal.finished import Finished, made_by

    known = Finished(targets[0].parent, made_by(task, task.models()))
    jobs = [Job(*pair) for pair in zip(sources, targets, strict=True)]
    groups = [
        group for group in grouped(task, jobs) if again or not all(known.has(*job) for job in group)
    ]
    left = [job for group in groups for job in group]
    other = sum(known.otherwise(*job) for job in left)
    if len(left) < len(jobs):
        tell(f"{len(jobs) - len(left)} of {len(jobs)} are finished (--again does them anew)")
    if other and not again:
        tell(f"{other} results were made with other options or models and are made anew")
    if not left:
        return
    problems: dict[Job, str] = {}
    try:
        with (
            console.count(len(left)) as show,
            closing(engine(task, groups, workers, on, show)) as run,
        ):
            for done, outcome in enumerate(run, start=1):
                if outcome.problem:
                    problems[outcome.job] = outcome.problem
                else:
                    known.add(*outcome.job, outcome.states)
                show(done, outcome.job.source.name)
    finally:
        sweep([job.target for job in left])
    for job in left:
        if job in problems:
            tell(problems[job])
    if problems:
        raise typer.Exit(2)


def engine(
    task: "Correct | Transcribe",
    groups: "Sequence[Group]",
    workers: int,
    on: str | None,
    show: Callable[[int, str], None],
) -> "Generator[Outcome, None, None]":
    """Whatever is to do the work, about to begin."""
    if on is not None:
        from seal.ray_batch import on_ray

        return on_ray(task, groups, workers, on, gpu=task.options["device"].startswith("cuda"))

    from seal.batch import in_pool, in_turn

    return in_turn(task, groups, show) if workers == 1 else in_pool(task, groups, workers)


def tell(line: str) -> None:
    print(f"seal: {line}", file=sys.stderr)

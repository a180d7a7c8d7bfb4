"""A run of `correct` or `transcribe` over one input or many: how it is shown, resumed and ended.

It knows nothing of what is done to an input.
"""

import shutil
import sys
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from seal import console
from seal.errors import SealError
from seal.files import sweep

if TYPE_CHECKING:
    from seal.batch.pool import Group, Job, Outcome
    from seal.batch.tasks import Correct, Transcribe


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
        from seal.batch.on_ray import check_address

        check_address(on)
    pairs = list(zip(sources, targets, strict=True))
    sweep([path for pair in pairs for path in task.files(*pair)[1]])
    from seal.batch.ledger import NAME, Finished, made_by, states

    if not several:
        source, target = pairs[0]
        read, written = task.files(source, target)
        before = states(read)
        known = Finished(target.parent, made_by(task, task.models()), task.files)
        with console.progress(source.name) as progress:
            if known.edited(source, target):
                put_aside(written)
            task(source, target, progress)
        if (target.parent / NAME).is_file():  # else it would be taken for edited there
            known.add(source, target, before, states(written))
        return

    from seal.batch.pool import Job, grouped, sweep_after

    jobs = [Job(*pair) for pair in pairs]
    known = Finished(targets[0].parent, made_by(task, task.models()), task.files)
    groups, kept = grouped(task, jobs), set[Job]()
    if not again:
        kept = {job for job in jobs if known.edited(*job) and task.reads(job.target)}
        done = {job for job in jobs if known.has(*job)} | kept
        groups = [group for group in groups if not done.issuperset(group)]
    left = [job for group in groups for job in group if job not in kept]
    tell_of_the_rest(len(jobs), len(left), sorted(job.target.name for job in kept))
    if other := sum(known.otherwise(*job) for job in left if not again):
        tell(f"{other} results were made with other options or models and are made again")
    if not left:
        return
    put_aside([path for job in left if known.edited(*job) for path in task.files(*job)[1]])
    problems: dict[Job, str] = {}
    try:
        with (
            TemporaryDirectory() as nowhere,
            console.count(sum(map(len, groups))) as show,
            closing(engine(task, aside(groups, kept, nowhere), workers, on, show)) as run,
        ):
            for count, outcome in enumerate(run, start=1):
                show(count, outcome.job.source.name)
                if outcome.job.target.parent == Path(nowhere):
                    continue
                if outcome.problem:
                    problems[outcome.job] = outcome.problem
                else:
                    known.add(*outcome.job, outcome.read, outcome.written)
    finally:
        sweep_after(task, left)
    for job in left:
        if job in problems:
            tell(problems[job])
    if problems:
        raise typer.Exit(2)


def put_aside(edited: Sequence[Path]) -> None:
    """Keep results that somebody has edited, and that are made again, under another name."""
    for path in filter(Path.is_file, edited):
        kept = path.with_name(f"{path.name}.bak")
        try:
            shutil.copy2(path, kept)
        except OSError as error:
            raise SealError(f"{kept}: cannot be written: {error.strerror}") from None
        tell(f"{path}: was edited, and is made again; a copy is in {kept.name}")


def tell_of_the_rest(inputs: int, left: int, kept: Sequence[str]) -> None:
    """Say what is not done, and why: results that are finished, and those that were edited."""
    if finished := inputs - left - len(kept):
        tell(f"{finished} of {inputs} are finished (--again redoes them)")
    if kept:
        more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
        names = ", ".join(kept[:3]) + more
        tell(f"edited since they were made, and kept (--again overwrites them): {names}")


def aside(groups: "Sequence[Group]", kept: "Collection[Job]", nowhere: str) -> "list[Group]":
    """The groups, in which those that are `kept` write elsewhere: their neighbours are done with
    them as ever."""
    return [
        tuple(
            job._replace(target=Path(nowhere) / job.target.name) if job in kept else job
            for job in group
        )
        for group in groups
    ]


def engine(
    task: "Correct | Transcribe",
    groups: "Sequence[Group]",
    workers: int,
    on: str | None,
    show: Callable[[int, str], None],
) -> "Generator[Outcome, None, None]":
    """Whatever is to do the work, about to begin."""
    if on is not None:
        from seal.batch.on_ray import on_ray

        return on_ray(task, groups, workers, on, gpu=task.options["device"].startswith("cuda"))

    from seal.batch.pool import in_pool, in_turn

    return in_turn(task, groups, show) if workers == 1 else in_pool(task, groups, workers)


def tell(line: str) -> None:
    print(f"seal: {line}", file=sys.stderr)

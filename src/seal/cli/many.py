"""A run of `correct` or `transcribe` over one input or many: how it is shown, resumed and ended.

It knows nothing of what is done to an input.
"""

import sys
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from seal import console
from seal.batch.ledger import LEDGER_NAME, Ledger, file_states, made_by
from seal.batch.pool import FileJob, Group, Outcome, grouped, in_pool, in_sequence, sweep_after
from seal.batch.tasks import Correct, Transcribe
from seal.files import back_up, refuse_shared, sweep


def do_all(
    task: Correct | Transcribe,
    sources: list[Path],
    targets: list[Path],
    several: bool,
    workers: int,
    on: str | None,
    again: bool,
) -> None:
    """Do the task to an input, or to those of several that are not finished.

    One bad input among several stops no other: it is reported at the end, and the exit status is 2.
    """
    if on is not None:
        from seal.batch.on_ray import check_address

        check_address(on)
    pairs = list(zip(sources, targets, strict=True))
    written_by = [(pair[0], path) for pair in pairs for path in dict.fromkeys(task.files(*pair)[1])]
    refuse_shared(written_by)
    sweep([path for _, path in written_by])
    ledger = Ledger(targets[0].parent, made_by(task, task.models()), task.files)
    if not several:
        source, target = pairs[0]
        read, written = task.files(source, target)
        before = file_states(read)
        with console.progress(source.name) as progress:
            if ledger.is_edited(source, target):
                back_up_edited(written)
            task(source, target, progress)
        if (target.parent / LEDGER_NAME).is_file():  # else it would count as edited there
            ledger.add(source, target, before, file_states(written))
        return

    jobs = [FileJob(*pair) for pair in pairs]
    groups = grouped(task, jobs)
    edited: set[FileJob] = set()
    if not again:
        edited = {job for job in jobs if ledger.is_edited(*job) and task.reads(job.target)}
        done = {job for job in jobs if ledger.is_finished(*job)} | edited
        groups = [group for group in groups if not done.issuperset(group)]
    left = [job for group in groups for job in group if job not in edited]
    report_skipped(len(jobs), len(left), sorted(job.target.name for job in edited))
    if outdated := sum(ledger.is_outdated(*job) for job in left if not again):
        report(f"{outdated} results were made with other options or models and are made again")
    if not left:
        return
    back_up_edited([path for job in left if ledger.is_edited(*job) for path in task.files(*job)[1]])
    problems: dict[FileJob, str] = {}
    try:
        with (
            TemporaryDirectory() as scratch,
            console.count(sum(map(len, groups))) as show,
            closing(start(task, diverted(groups, edited, scratch), workers, on, show)) as outcomes,
        ):
            for count, outcome in enumerate(outcomes, start=1):
                show(count, outcome.job.source.name)
                if outcome.job.target.parent == Path(scratch):
                    continue
                if outcome.problem:
                    problems[outcome.job] = outcome.problem
                else:
                    ledger.add(*outcome.job, outcome.read, outcome.written)
    finally:
        sweep_after(task, left)
    for job in left:
        if job in problems:
            report(problems[job])
    if problems:
        raise typer.Exit(2)


def back_up_edited(edited: Sequence[Path]) -> None:
    """Copy results that somebody has edited, and that are made again."""
    for path in filter(Path.is_file, edited):
        copy = back_up(path)
        report(f"{path}: was edited, and is made again; a copy is in {copy.name}")


def report_skipped(inputs: int, left: int, edited: Sequence[str]) -> None:
    """Say how many results are not made, and why: they are finished, or were edited."""
    if finished := inputs - left - len(edited):
        report(f"{finished} of {inputs} are finished (--again redoes them)")
    if edited:
        more = f" and {len(edited) - 3} more" if len(edited) > 3 else ""
        names = ", ".join(edited[:3]) + more
        report(f"edited since they were made, and kept (--again overwrites them): {names}")


def diverted(groups: Sequence[Group], edited: Collection[FileJob], scratch: str) -> list[Group]:
    """The groups, in which edited results go to a scratch folder: they stay as they are, and their
    neighbours are still done together with them, which gives the same bytes."""
    return [
        tuple(
            job._replace(target=Path(scratch) / job.target.name) if job in edited else job
            for job in group
        )
        for group in groups
    ]


def start(
    task: Correct | Transcribe,
    groups: Sequence[Group],
    workers: int,
    on: str | None,
    show: Callable[[int, str], None],
) -> Generator[Outcome, None, None]:
    """The outcomes to come: from this process, from a pool, or from a Ray cluster."""
    if on is not None:
        from seal.batch.on_ray import on_ray

        return on_ray(task, groups, workers, on, gpu=task.options["device"].startswith("cuda"))
    return in_sequence(task, groups, show) if workers == 1 else in_pool(task, groups, workers)


def report(line: str) -> None:
    """Print a line on stderr."""
    print(f"seal: {line}", file=sys.stderr)

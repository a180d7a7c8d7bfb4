"""A run of `correct` or `transcribe` over one input or many: how it is shown, resumed and ended.

It knows nothing of what is done to an input.
"""

import filecmp
import os
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from seal import console, formats
from seal.batch.changes import Changes
from seal.batch.ledger import LEDGER_NAME, Ledger, file_states, made_by
from seal.batch.pool import FileJob, Group, Outcome, grouped, in_pool, in_sequence, sweep_after
from seal.batch.tasks import Correct, Transcribe
from seal.cli.told import check_report, closing_line, warn_of_model, write_report
from seal.errors import SealError
from seal.files import back_up, refuse_shared, sweep
from seal.formats import evidence
from seal.words import Word, speakers


def do_all(
    task: Correct | Transcribe,
    sources: list[Path],
    targets: list[Path],
    several: bool,
    workers: int,
    on: str | None,
    again: bool,
    retry: bool = False,
    quiet: bool = False,
    listing: Path | None = None,
) -> None:
    """Do the task to an input, or to those of several that are not finished, and say what changed,
    if not `quiet`, and each change in the file `listing`.

    One bad input among several stops no other: it is reported at the end, and the exit status is 2.
    As long as it stays as it is, it is not tried again but with `retry`.
    """
    check_report(listing, [*sources, *targets])
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
        in_place = target.exists() and source.exists() and target.samefile(source)
        replaced = [path for path in written if path.suffix != evidence.SUFFIX]
        with (
            kept_aside(replaced, target, in_place) as aside,
            console.progress(source.name) as progress,
        ):
            if ledger.is_edited(source, target) and not in_place:
                back_up_edited(written)
            found = task(source, target, progress)
        if (target.parent / LEDGER_NAME).is_file():  # else it would count as edited there
            ledger.add(source, target, before, file_states(written))
        if listing is not None:
            write_report([(source, found)], listing)
        warn_of_model(task)
        if not quiet:
            before_it = f" (before: {aside[0].name})" if aside else ""
            closing_line([source], found, f"{target}{before_it}")
        return

    jobs = [FileJob(*pair) for pair in pairs]
    groups = grouped(task, jobs)
    edited: set[FileJob] = set()
    known: dict[FileJob, str] = {}
    if not again:
        if not retry:
            known = {job: problem for job in jobs if (problem := ledger.problem(*job))}
        edited = {job for job in jobs if ledger.is_edited(*job) and task.reads(job.target)}
        done = {job for job in jobs if ledger.is_finished(*job)} | edited | known.keys()
        groups = [group for group in groups if not done.issuperset(group)]
    left = [job for group in groups for job in group if job not in edited]
    known = {job: told for job, told in known.items() if job not in left and job not in edited}
    report_skipped(len(jobs) - len(known), len(left), sorted(job.target.name for job in edited))
    if outdated := sum(ledger.is_outdated(*job) for job in left if not again):
        report(f"{outdated} results were made with other options or models and are made again")
    skipped = [job for job in jobs if job not in left and job not in known]
    back_up_edited([path for job in left if ledger.is_edited(*job) for path in task.files(*job)[1]])
    problems = dict(known)
    changes: dict[FileJob, Changes] = {}
    if left:
        make(task, groups, edited, workers, on, ledger, problems, changes)
    if listing is not None:
        earlier = {job: task.recorded(job.target) for job in skipped}
        rows = {**earlier, **changes}
        write_report([(job.source, rows[job]) for job in jobs if job in rows], listing)
    for job in jobs:
        if job in problems:
            report(problems[job])
    if known:
        report(f"{len(known)} of these were bad before, and are not tried again (--retry does)")
    if changes:
        warn_of_model(task)
    if changes and not quiet:
        made = [job.source for job in jobs if job in changes]
        closing_line(made, sum(changes.values(), Changes()), f"{targets[0].parent}{os.sep}")
    if problems:
        raise typer.Exit(2)


def make(
    task: Correct | Transcribe,
    groups: Sequence[Group],
    edited: Collection[FileJob],
    workers: int,
    on: str | None,
    ledger: Ledger,
    problems: dict[FileJob, str],
    changes: dict[FileJob, Changes],
) -> None:
    """Do the groups, and note in the ledger what came of each, in `problems` what was bad, and in
    `changes` what was changed in the others."""
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
                    if outcome.lasting:
                        ledger.add_problem(*outcome.job, outcome.read, outcome.problem)
                else:
                    ledger.add(*outcome.job, outcome.read, outcome.written)
                    changes[outcome.job] = outcome.changes or Changes()
    except KeyboardInterrupt:
        report("interrupted; the same command goes on with what is left")
        raise
    finally:
        sweep_after(task, [job for group in groups for job in group if job not in edited])


@contextmanager
def kept_aside(paths: Sequence[Path], target: Path, in_place: bool) -> Iterator[list[Path]]:
    """Where an input is replaced by its own result, or a result that a person has worked on by a
    new one: keep copies of the files, as they were, in the block's list, beside them. Of those that
    stay as they were no copy is kept."""
    before = [] if in_place else transcript_at(target)
    copies = {path: back_up(path) for path in paths if (in_place or before) and path.is_file()}
    kept: list[Path] = []
    try:
        yield kept
    finally:
        worked_on = in_place or is_worked_on(before, transcript_at(target) if before else [])
        for path, copy in copies.items():
            if worked_on and not filecmp.cmp(path, copy, shallow=False):
                kept.append(copy)
            else:
                copy.unlink()


def transcript_at(path: Path) -> list[Word]:
    """The words of a transcript; none where there is no such file, or it is something else."""
    try:
        return formats.read(path) if path.is_file() else []
    except SealError:
        return []


def is_worked_on(before: Sequence[Word], after: Sequence[Word]) -> bool:
    """Whether a person had decided something in a result that is made anew, corrected a word in it,
    or given somebody a name that is in the new one no more."""
    marked = any(word.get("reviewed") is True or "words_before" in word for word in before)
    return marked or not set(speakers(before)) <= set(speakers(after))


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

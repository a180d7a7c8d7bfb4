"""Many inputs: one task done to each, here or by a pool of worker processes.

A fault of one input, or the death of a worker, becomes that input's outcome and stops nothing
else. This file knows nothing of what a task does to its input; results never pass through it, for
the workers write them. `seal.ray_batch` does the same on a Ray cluster.
"""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from seal.errors import SealError, explained
from seal.finished import state
from seal.outputs import sweep

TRIES = 2
"""How often an input is begun before the death of its worker is laid to its charge."""


class Job(NamedTuple):
    """An input, and where its result goes."""

    source: Path
    target: Path


class Task(Protocol):
    """What is done to an input. It is pickled once for every worker."""

    def prepare(self) -> None:
        """Load what all inputs need. Raises SealError where none of them could be done."""

    def __call__(
        self, source: Path, target: Path, progress: Callable[[str, float], None] | None = None
    ) -> None:
        """Make `target`, whole or not at all, from `source`. Raises SealError."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a `problem` in one line, or none and the `states` (see
    `seal.finished`) of the input before and of the result after."""

    job: Job
    problem: str = ""
    states: list[list[int] | None] = field(default_factory=list)


def attempt(task: Task, job: Job, progress: Callable[[str, float], None] | None = None) -> Outcome:
    """Do the task to one input; whatever goes wrong is in the outcome."""
    before = state(job.source)
    try:
        task(job.source, job.target, progress)
        return Outcome(job, states=[before, state(job.target)])
    except Exception as error:
        told = explained(error)
        if told is None:
            told = f"{type(error).__name__}: {error} (a fault of seal's; try it alone to see more)"
    line = " ".join(told.split())
    named = str(job.source) in line or str(job.target) in line
    return Outcome(job, line if named else f"{job.source}: {line}")


def died(job: Job, how: str) -> Outcome:
    """The outcome of a job whose worker died as often as it was tried."""
    return Outcome(
        job,
        f"{job.source}: the worker on it was killed {TRIES} times ({how}), perhaps for want of "
        "memory; run again with fewer --workers",
    )


def share(cores: Sequence[int], workers: int) -> int:
    """The most cores that each of the workers can have on machines with so many, 1 at least."""
    fair = (n for n in range(max(cores), 0, -1) if sum(each // n for each in cores) >= workers)
    return next(fair, 1)


def cores() -> int:
    """How many cores of this machine the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_turn(
    task: Task, jobs: Sequence[Job], report: Callable[[int, str], None]
) -> Generator[Outcome, None, None]:
    """One input after the other, in this process. `report` gets the number of those done, and a
    note on how far the next one is."""
    task.prepare()
    for done, job in enumerate(jobs):

        def progress(stage: str, part: float, done: int = done, job: Job = job) -> None:
            report(done, f"{job.source.name}: {stage} {part:.0%}")

        yield attempt(task, job, progress)


def in_pool(task: Task, jobs: Sequence[Job], workers: int) -> Generator[Outcome, None, None]:
    """Outcomes as they come, from so many processes, each with its share of the cores.

    A worker has one job at a time. One that dies is replaced, and its job tried once more. All are
    gone when the iterator is closed. Raises SealError where the task cannot be prepared.
    """
    waiting = deque(jobs)
    tries = Counter[Job]()
    unborn = 0
    workers = min(workers, len(jobs))
    threads = share([cores()], workers)
    crew: dict[Any, _Worker] = {}
    try:
        for _ in range(workers):
            worker = _Worker(task, threads)
            crew[worker.connection] = worker
        while crew:
            connection = wait(list(crew))[0]
            worker = crew[connection]
            try:
                answer = worker.connection.recv()
            except (EOFError, OSError):
                how = worker.end()
                del crew[connection]
                if worker.job is None:
                    unborn += 1
                else:
                    sweep([worker.job.target])
                    if tries[worker.job] < TRIES:
                        waiting.appendleft(worker.job)
                    else:
                        yield died(worker.job, how)
                if unborn > workers:
                    raise SealError(
                        f"the workers die as they start ({how}), perhaps for want of memory; run "
                        "again with fewer --workers"
                    ) from None
                if waiting:
                    worker = _Worker(task, threads)
                    crew[worker.connection] = worker
                continue
            if isinstance(answer, SealError):
                raise answer
            if answer is None:
                unborn = 0
            else:
                yield answer
            if waiting:
                job = waiting.popleft()
                tries[job] += 1
                worker.give(job)
            else:
                worker.end()
                del crew[connection]
    finally:
        for worker in crew.values():
            worker.end()


class _Worker:
    """A process that has been started, the near end of a pipe to it, and the job it is at."""

    def __init__(self, task: Task, threads: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self.job: Job | None = None
        self._process = spawn.Process(target=_work, args=(theirs, task, threads), daemon=True)
        # An interrupt from the keyboard goes to the whole group; who stops the workers is we.
        deaf = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process.start()
        finally:
            signal.signal(signal.SIGINT, deaf)
        theirs.close()

    def give(self, job: Job) -> None:
        self.job = job
        # If it is dead, the next reading says so.
        with suppress(OSError):
            self.connection.send(job)

    def end(self) -> str:
        """Make sure that it is gone, whatever it is at; return how it ended."""
        if self._process.exitcode is None:
            self._process.kill()
        self._process.join()
        self.connection.close()
        status = self._process.exitcode or 0
        return f"signal {-status}" if status < 0 else f"exit status {status}"


def refusal(task: Task) -> SealError | None:
    """Prepare the task in a worker; the error if that is refused."""
    try:
        task.prepare()
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        return SealError(told)
    return None


def _work(connection: Connection, task: Task, threads: int) -> None:
    """The life of a worker: prepare, say so, and do the jobs that come."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch reads it as it is imported
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the other end has gone
        connection.send(refusal(task))
        while True:
            connection.send(attempt(task, connection.recv()))


def _end_with_parent() -> None:
    """Leave no worker behind that would write when nobody asks for it any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)

"""Many inputs: one task done to each, or to a few small ones together, here or by a pool of worker
processes.

A fault of one input, or the death of a worker, becomes that input's outcome and stops nothing
else. This file knows nothing of what a task does to its input; results never pass through it, for
the workers write them. `seal.batch.on_ray` does the same on a Ray cluster.
"""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from seal.batch.ledger import States, state, states
from seal.errors import SealError, explained
from seal.files import sweep
from seal.progress import StageProgress

TRIES = 2
"""How often an input is begun before the death of its worker is laid to its charge."""


class Job(NamedTuple):
    """An input, and where its result goes."""

    source: Path
    target: Path


Group = tuple[Job, ...]
"""Jobs that are done together: one, or some small ones."""


class Task(Protocol):
    """What is done to an input. It is pickled once for every worker."""

    def prepare(self) -> None:
        """Load what all inputs need. Raises SealError where none of them could be done."""

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        """What is read to make `target` from `source`, and what is written: these two first, and
        whatever goes beside them."""

    def __call__(self, source: Path, target: Path, progress: StageProgress | None = None) -> None:
        """Make `target`, whole or not at all, from `source`. Raises SealError."""


@runtime_checkable
class Joint(Task, Protocol):
    """A task that is done to some small inputs together in less time than to one after another."""

    @property
    def room(self) -> int:
        """Bytes of inputs that go together; 0 where that gains nothing."""

    def together(
        self,
        jobs: Sequence[Job],
        failed: Callable[[Job, Exception], None],
        progress: StageProgress | None = None,
    ) -> None:
        """Do it to several, and tell of those that failed. If it raises, each is tried alone."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a `problem` in one line, or none and the states of the files: of those
    that were `read` before, of those that were `written` after."""

    job: Job
    problem: str = ""
    read: States = field(default_factory=list)
    written: States = field(default_factory=list)


def grouped(task: Task, jobs: Sequence[Job]) -> list[Group]:
    """Jobs in their order, neighbours together as far as the task's room goes.

    Whose neighbour an input is depends on nothing but the inputs, and so do the sums of a network
    that reads them together: the same groups give the same bytes, whoever works them off.
    """
    room = task.room if isinstance(task, Joint) else 0
    if not room:
        return [(job,) for job in jobs]
    groups: list[list[Job]] = []
    left = 0
    for job in jobs:
        size = (state(job.source) or [0])[0]
        if not groups or size > left:
            groups.append([])
            left = room
        groups[-1].append(job)
        left -= size
    return [tuple(group) for group in groups]


def attempt(task: Task, group: Group, progress: StageProgress | None = None) -> list[Outcome]:
    """Do the task to a group of inputs; whatever goes wrong is in the outcomes."""
    before = [states(task.files(*job)[0]) for job in group]
    problems: dict[Job, str] = {}

    def failed(job: Job, error: Exception) -> None:
        problems[job] = _line(job, error)

    if len(group) > 1:
        assert isinstance(task, Joint)
        try:
            task.together(group, failed, progress)
        except Exception:
            return [outcome for job in group for outcome in attempt(task, (job,), progress)]
    else:
        try:
            task(*group[0], progress)
        except Exception as error:
            failed(group[0], error)
    return [
        Outcome(job, problems[job])
        if job in problems
        else Outcome(job, read=was, written=states(task.files(*job)[1]))
        for job, was in zip(group, before, strict=True)
    ]


def sweep_after(task: Task, jobs: Iterable[Job]) -> None:
    """Remove what a killed process has left of its writing of their results."""
    sweep([path for job in jobs for path in task.files(*job)[1]])


def _line(job: Job, error: Exception) -> str:
    told = explained(error)
    if told is None:
        told = f"{type(error).__name__}: {error} (a fault of seal's; try it alone to see more)"
    line = " ".join(told.split())
    named = str(job.source) in line or str(job.target) in line
    return line if named else f"{job.source}: {line}"


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
    task: Task, groups: Sequence[Group], report: Callable[[int, str], None]
) -> Generator[Outcome, None, None]:
    """One group after the other, in this process. `report` gets the number of inputs done, and a
    note on how far the next ones are."""
    task.prepare()
    done = 0
    for group in groups:
        name = group[0].source.name + (f" and {len(group) - 1} more" if group[1:] else "")

        def progress(stage: str, part: float, done: int = done, name: str = name) -> None:
            report(done, f"{name}: {stage} {part:.0%}")

        yield from attempt(task, group, progress)
        done += len(group)


def in_pool(task: Task, groups: Sequence[Group], workers: int) -> Generator[Outcome, None, None]:
    """Outcomes as they come, from so many processes, each with its share of the cores.

    A worker has one group at a time. One that dies is replaced, and its group tried once more, and
    then each of it alone. All are gone when the iterator is closed. Raises SealError where the task
    cannot be prepared.
    """
    waiting = deque(groups)
    tries = Counter[Group]()
    unborn = 0
    workers = min(workers, len(groups))
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
                if worker.group is None:
                    unborn += 1
                else:
                    sweep_after(task, worker.group)
                    if tries[worker.group] < TRIES:
                        waiting.appendleft(worker.group)
                    elif len(worker.group) > 1:
                        waiting.extendleft((job,) for job in reversed(worker.group))
                    else:
                        yield died(worker.group[0], how)
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
                yield from answer
            if waiting:
                group = waiting.popleft()
                tries[group] += 1
                worker.give(group)
            else:
                worker.end()
                del crew[connection]
    finally:
        for worker in crew.values():
            worker.end()


class _Worker:
    """A process that has been started, the near end of a pipe to it, and the group it is at."""

    def __init__(self, task: Task, threads: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self.group: Group | None = None
        self._process = spawn.Process(target=_work, args=(theirs, task, threads), daemon=True)
        # An interrupt from the keyboard goes to the whole group; who stops the workers is we.
        deaf = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process.start()
        finally:
            signal.signal(signal.SIGINT, deaf)
        theirs.close()

    def give(self, group: Group) -> None:
        self.group = group
        # If it is dead, the next reading says so.
        with suppress(OSError):
            self.connection.send(group)

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
    """The life of a worker: prepare, say so, and do the groups that come."""
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

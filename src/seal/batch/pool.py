"""Many inputs: one task done to each, or to a few small ones together, in this process or by a pool
of worker processes.

An input that fails, or whose worker dies, gets an outcome that says so; the others go on. This file
knows nothing of what a task does to its input. Results never pass through it: the workers write
them. `seal.batch.on_ray` does the same on a Ray cluster.
"""

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from seal import child
from seal.batch.changes import Changes
from seal.batch.ledger import FileStates, file_state, file_states
from seal.errors import SealError, explained, tell_notices
from seal.files import sweep
from seal.progress import StageProgress

MAX_TRIES = 2
"""How often an input is begun before it is given up because its worker died."""


class FileJob(NamedTuple):
    """An input, and where its result goes."""

    source: Path
    target: Path


Group = tuple[FileJob, ...]
"""Jobs that are done together: one, or some small ones."""


class Task(Protocol):
    """What is done to an input. It is pickled once for every worker."""

    def prepare(self) -> None:
        """Load what all inputs need. Raises SealError where none of them could be done."""

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        """The files that are read to make `target` from `source`, and those that are written:
        these two first, then the files beside them."""

    def __call__(
        self, source: Path, target: Path, progress: StageProgress | None = None
    ) -> Changes | None:
        """Make `target`, whole or not at all, from `source`; return what changed, if that is known.
        Raises SealError."""


@runtime_checkable
class BatchTask(Task, Protocol):
    """A task that takes less time for some small inputs together than for one after the other."""

    @property
    def max_batch_bytes(self) -> int:
        """Bytes of inputs that are done together, at most; 0 where that gains nothing."""

    def process_batch(
        self,
        jobs: Sequence[FileJob],
        failed: Callable[[FileJob, Exception], None],
        progress: StageProgress | None = None,
    ) -> dict[FileJob, Changes]:
        """Do the task to several, and call `failed` for those that fail; return what changed in the
        others. If this raises, each is tried alone."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: FileJob
    problem: str = ""
    """One line; empty where all went well."""
    read: FileStates = field(default_factory=list)
    """The files that were read, as they were before the work."""
    written: FileStates = field(default_factory=list)
    """The files that were written, as they were after it."""
    lasting: bool = False
    """Whether the problem is in the input, so that another try would find it again."""
    changes: Changes | None = None


def grouped(task: Task, jobs: Sequence[FileJob]) -> list[Group]:
    """Jobs in their order, neighbours together up to the task's `max_batch_bytes`.

    Which inputs share a group depends on the inputs alone, and so do the sums of a network that
    reads them together: the same groups give the same bytes, whoever does the work.
    """
    budget = task.max_batch_bytes if isinstance(task, BatchTask) else 0
    if not budget:
        return [(job,) for job in jobs]
    groups: list[list[FileJob]] = []
    left = 0
    for job in jobs:
        size = (file_state(job.source) or [0])[0]
        if not groups or size > left:
            groups.append([])
            left = budget
        groups[-1].append(job)
        left -= size
    return [tuple(group) for group in groups]


def attempt(task: Task, group: Group, progress: StageProgress | None = None) -> list[Outcome]:
    """Do the task to a group of inputs. Problems are in the outcomes."""
    before = [file_states(task.files(*job)[0]) for job in group]
    problems: dict[FileJob, str] = {}
    lasting: set[FileJob] = set()
    changes: dict[FileJob, Changes | None] = {}

    def failed(job: FileJob, error: Exception) -> None:
        problems[job] = _problem(job, error)
        if _is_lasting(job, error):
            lasting.add(job)

    if len(group) > 1:
        assert isinstance(task, BatchTask)
        try:
            changes |= task.process_batch(group, failed, progress)
        except Exception:
            return [outcome for job in group for outcome in attempt(task, (job,), progress)]
    else:
        try:
            changes[group[0]] = task(*group[0], progress)
        except Exception as error:
            failed(group[0], error)
    return [
        Outcome(job, problems[job], read=read, lasting=job in lasting)
        if job in problems
        else Outcome(
            job,
            read=read,
            written=file_states(task.files(*job)[1]),
            changes=changes.get(job),
        )
        for job, read in zip(group, before, strict=True)
    ]


def sweep_after(task: Task, jobs: Iterable[FileJob]) -> None:
    """Remove the scratch files that a killed process left of the jobs' results."""
    sweep([path for job in jobs for path in task.files(*job)[1]])


def _problem(job: FileJob, error: Exception) -> str:
    """One line that names the input and says what went wrong."""
    message = explained(error)
    if message is None:
        message = f"{type(error).__name__}: {error} (a fault of seal's; try it alone to see more)"
    line = " ".join(message.split())
    named = str(job.source) in line or str(job.target) in line
    return line if named else f"{job.source}: {line}"


def _is_lasting(job: FileJob, error: Exception) -> bool:
    """Whether the input is bad, or missing: not what is read with it, and not this machine."""
    known = isinstance(error, SealError) and str(error).startswith(f"{job.source}: ")
    return known and (not job.source.exists() or os.access(job.source, os.R_OK))


def worker_died(job: FileJob, how: str) -> Outcome:
    """The outcome of a job whose worker died at each of its MAX_TRIES tries; `how` it ended."""
    return Outcome(
        job,
        f"{job.source}: the worker on it was killed {MAX_TRIES} times ({how}), perhaps for want of "
        "memory; run again with fewer --workers",
    )


def cores_per_worker(machines: Sequence[int], workers: int) -> int:
    """The most cores that each worker can have, at least 1; `machines` are their numbers of cores.
    No worker is split over two machines."""
    for count in range(max(machines), 0, -1):
        if sum(machine // count for machine in machines) >= workers:
            return count
    return 1


def cores() -> int:
    """How many cores of this machine the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_sequence(
    task: Task, groups: Sequence[Group], report: Callable[[int, str], None]
) -> Generator[Outcome, None, None]:
    """Do one group after the other, in this process. `report` gets the number of inputs done, and a
    note on how far the next ones are."""
    task.prepare()
    done = 0
    for group in groups:
        name = group[0].source.name + (f" and {len(group) - 1} more" if group[1:] else "")

        def progress(stage: str, share: float, done: int = done, name: str = name) -> None:
            report(done, f"{name}: {stage} {share:.0%}")

        yield from attempt(task, group, progress)
        done += len(group)


def in_pool(task: Task, groups: Sequence[Group], workers: int) -> Generator[Outcome, None, None]:
    """Do the groups in `workers` processes, each with its share of the cores; yield outcomes as
    they come.

    A worker has one group at a time. One that dies is replaced; its group is tried once more, and
    then each job of it alone. All workers are gone when the iterator is closed. Raises SealError
    where the task cannot be prepared.
    """
    waiting = deque(groups)
    tries = Counter[Group]()
    failed_starts = 0
    workers = min(workers, len(groups))
    threads = cores_per_worker([cores()], workers)
    running: dict[Any, _Worker] = {}
    try:
        for _ in range(workers):
            worker = _Worker(task, threads)
            running[worker.connection] = worker
        while running:
            connection = wait(list(running))[0]
            worker = running[connection]
            try:
                answer = worker.connection.recv()
            except (EOFError, OSError):
                how = worker.end()
                del running[connection]
                if worker.group is None:
                    failed_starts += 1
                else:
                    sweep_after(task, worker.group)
                    if tries[worker.group] < MAX_TRIES:
                        waiting.appendleft(worker.group)
                    elif len(worker.group) > 1:
                        waiting.extendleft((job,) for job in reversed(worker.group))
                    else:
                        yield worker_died(worker.group[0], how)
                if failed_starts > workers:
                    raise SealError(
                        f"the workers die as they start ({how}), perhaps for want of memory; run "
                        "again with fewer --workers"
                    ) from None
                if waiting:
                    worker = _Worker(task, threads)
                    running[worker.connection] = worker
                continue
            if isinstance(answer, SealError):
                raise answer
            if answer is None:
                failed_starts = 0
            else:
                yield from answer
            if waiting:
                group = waiting.popleft()
                tries[group] += 1
                worker.give(group)
            else:
                worker.end()
                del running[connection]
    finally:
        for worker in running.values():
            worker.end()


class _Worker:
    """A worker process, our end of the pipe to it, and the group that it is working on."""

    def __init__(self, task: Task, threads: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, worker_end = spawn.Pipe()
        self.group: Group | None = None
        self._process = spawn.Process(target=_work, args=(worker_end, task, threads), daemon=True)
        # An interrupt from the keyboard goes to all processes; the workers are ours to stop.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with child.safe_path():
                self._process.start()
        finally:
            signal.signal(signal.SIGINT, handler)
        worker_end.close()

    def give(self, group: Group) -> None:
        """Send it the group to work on next."""
        self.group = group
        # If it is dead, reading its answer fails.
        with suppress(OSError):
            self.connection.send(group)

    def end(self) -> str:
        """Kill it if it still runs, and return how it ended."""
        if self._process.exitcode is None:
            self._process.kill()
        self._process.join()
        self.connection.close()
        status = self._process.exitcode or 0
        return f"signal {-status}" if status < 0 else f"exit status {status}"


def preparation_error(task: Task) -> SealError | None:
    """Prepare the task in a worker; return the error if a user can mend it, None if all is well."""
    try:
        task.prepare()
    except Exception as error:
        message = explained(error)
        if message is None:
            raise
        return SealError(message)
    return None


def _work(connection: Connection, task: Task, threads: int) -> None:
    """What a worker process does: prepare, report that, and do the groups that come."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch reads it when it is imported
    child.end_with_parent()  # so that it writes nothing after that
    tell_notices()
    with suppress(EOFError, OSError):  # the parent closed its end
        connection.send(preparation_error(task))
        while True:
            connection.send(attempt(task, connection.recv()))

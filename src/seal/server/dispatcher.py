"""The dispatcher: a thread that takes jobs from the table and hands them to the worker process.

It starts the worker again when that dies or is at a job for too long, and keeps what is only worth
knowing at the moment: is the worker ready, and how far is it. It knows nothing of HTTP, nor of what
the work is.
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import connection as pipes
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from seal.server.jobs import DEATHS, Job, Jobs
from seal.server.metrics import Metrics
from seal.server.settings import Settings
from seal.server.worker import Load, Outcome, Perform, Task, work

EXPIRY = 600.0  # seconds between two looks for jobs that were kept long enough
SHORT_PAUSE = 0.2  # seconds before a worker is started again; doubled where it was never ready,
PATIENCE = 30.0  # up to this


class Dispatcher(threading.Thread):
    """Works off `jobs` until `stop`. `changed` is called, from this thread, with the id of each job
    of which there is news."""

    def __init__(
        self,
        jobs: Jobs,
        settings: Settings,
        metrics: Metrics,
        changed: Callable[[str], None],
        perform: Perform,
        load: Load,
    ) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self.ready = False
        self.trouble = "the models are being loaded"
        """Why it is not ready."""
        self.progress: dict[str, tuple[str, float]] = {}
        """Stage, and part of it done, of the jobs in work."""
        self._jobs = jobs
        self._settings = settings
        self._metrics = metrics
        self._changed = changed
        self._worker = (perform, load, settings.corrector, settings.recordings)
        self._ear, self._bell = get_context("spawn").Pipe(duplex=False)
        self._stopping = False
        self._batch: list[Job] = []
        self._due = 0.0
        self._expired = 0.0

    def ring(self) -> None:
        """There is a new job, or one was deleted. For any thread."""
        self._bell.send_bytes(b"!")

    def stop(self) -> None:
        """End the worker, whatever it does, and this thread; running jobs stay in the table."""
        self._stopping = True
        self.ring()
        self.join()

    def run(self) -> None:
        """Start workers, one after the other."""
        pause = SHORT_PAUSE
        while not self._stopping:
            try:
                self._employ()
            except Exception as error:  # a full disk, say: the jobs wait, and so do we
                traceback.print_exception(error, file=sys.stderr)
                self.trouble = f"the worker was stopped by a {type(error).__name__}; see the log"
            pause = SHORT_PAUSE if self.ready else min(2 * pause, PATIENCE)
            self.ready = False
            until = time.monotonic() + pause
            while not self._stopping and time.monotonic() < until:
                self._listen(until - time.monotonic())

    def _employ(self) -> None:
        """One worker, from its start to its end."""
        self._jobs.put_back()
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=work, args=(theirs, *self._worker), name="seal worker", daemon=True
        )
        process.start()
        theirs.close()
        self._metrics.workers.inc()
        try:
            while not self._stopping and self._step(ours, process.sentinel):
                pass
        finally:
            process.kill()
            process.join()
            ours.close()
            died_of, self._batch = self._batch, []
            self.progress.clear()
            if not self._stopping:
                self._bury(died_of)

    def _step(self, pipe: Connection, sentinel: int) -> bool:
        """Wait for news and deal with it. False when the worker is done for."""
        if self.ready and not self._batch:
            self._begin(pipe)
        now = time.monotonic()
        if now - self._expired > EXPIRY:
            self._expired = now
            self._jobs.expire(self._settings.limits.keep)
        heard = self._listen(max(0.0, self._due - now) if self._batch else EXPIRY, [pipe, sentinel])
        if pipe in heard:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                return False
            return self._hear(message)
        if sentinel in heard:
            return False
        if self._batch and not any(self._jobs.exists(job.id) for job in self._batch):
            pipe.send("stop")
        if self._batch and time.monotonic() > self._due:
            if len(self._batch) == 1:
                minutes = self._settings.limits.job
                self._end(self._batch[0], Outcome(error=f"took longer than {minutes:g} minutes"))
                self._batch = []
            return False
        return True

    def _listen(self, seconds: float, more: Sequence[Any] = ()) -> list[Any]:
        heard = pipes.wait([self._ear, *more], seconds)
        while self._ear.poll():
            self._ear.recv_bytes()
        return heard

    def _begin(self, pipe: Connection) -> None:
        self._batch = self._jobs.claim()
        if not self._batch:
            return
        tasks = []
        for job in self._batch:
            recording = job.kind == "transcribe"
            tasks.append(
                Task(
                    job.options,
                    job.name,
                    None if recording else self._jobs.input(job.id),
                    str(self._jobs.recordings / job.id) if recording else None,
                )
            )
            self._changed(job.id)
        self._due = time.monotonic() + 60 * self._settings.limits.job
        pipe.send(tasks)

    def _hear(self, message: tuple[Any, ...]) -> bool:
        kind, *rest = message
        if kind == "unable":
            self.trouble = rest[0]
            return False
        if kind == "ready":
            self.ready, self.trouble = True, ""
        elif kind == "progress":
            for job in self._batch:
                self.progress[job.id] = (rest[0], rest[1])
                self._changed(job.id)
        elif kind == "done":
            batch, self._batch = self._batch, []
            self._metrics.passes.inc()
            for job, outcome in zip(batch, rest[0], strict=True):
                self._end(job, outcome)
        return True

    def _end(self, job: Job, outcome: Outcome) -> None:
        self.progress.pop(job.id, None)
        if self._jobs.finish(job.id, outcome.result, outcome.error):
            seconds = time.time() - (job.started or job.created)
            self._metrics.ended(job.kind, outcome.error is None, job.size, seconds)
        self._changed(job.id)

    def _bury(self, died_of: list[Job]) -> None:
        """The worker is dead: who was in work waits again, or is given up as its likely cause."""
        self.trouble = self.trouble or "the worker is being started again"
        for job in died_of:
            if job.deaths + 1 >= DEATHS:
                line = f"the worker died of it {DEATHS} times (out of memory?)"
                self._end(job, Outcome(error=line))
        self._jobs.put_back([job.id for job in died_of])
        for job in died_of:
            self._changed(job.id)

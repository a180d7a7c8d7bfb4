"""The dispatcher: a thread that takes jobs from the table and hands them to the worker process.

It starts the worker again when that dies or takes too long for a job, and holds what is on no disk:
whether the worker is ready, and how far it is. It knows nothing of HTTP, nor of what the work is.
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

from seal import child
from seal.server import storage
from seal.server.jobs import MAX_DEATHS, Job, Jobs
from seal.server.metrics import Metrics
from seal.server.settings import Settings
from seal.server.worker import Load, Perform, WorkItem, WorkResult, work

EXPIRY_INTERVAL = 600.0
"""Seconds between two looks for jobs that are older than `Limits.keep_days`."""

ROOM_INTERVAL = 5.0
"""Seconds between two looks at a disk that is full."""

MIN_PAUSE = 0.2
"""Seconds before a worker is started again; doubled after each that was never ready."""

MAX_PAUSE = 30.0
"""Seconds to which that pause may grow."""


class Dispatcher(threading.Thread):
    """Does the `jobs` until `stop`. `changed` is called, from this thread, with the id of each job
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
        """Stage of each job in work, and the share of it that is done."""
        self._jobs = jobs
        self._settings = settings
        self._metrics = metrics
        self._changed = changed
        self._worker = (perform, load, settings.corrector, settings.recordings)
        self._wake_receiver, self._wake_sender = get_context("spawn").Pipe(duplex=False)
        self._stopping = False
        self._batch: list[Job] = []
        self._deadline = 0.0
        self._last_expiry = 0.0

    def wake(self) -> None:
        """Look at the jobs again: one is new, or was deleted. For any thread."""
        self._wake_sender.send_bytes(b"!")

    def stop(self) -> None:
        """End the worker at once, and this thread; running jobs stay in the table."""
        self._stopping = True
        self.wake()
        self.join()

    def run(self) -> None:
        """Run workers, one after the other."""
        pause = MIN_PAUSE
        while not self._stopping:
            try:
                self._run_worker()
            except Exception as error:  # a full disk, for example: wait and try again
                traceback.print_exception(error, file=sys.stderr)
                self.trouble = f"the worker was stopped by a {type(error).__name__}; see the log"
                if storage.is_damage(error):
                    self._mend()
            pause = MIN_PAUSE if self.ready else min(2 * pause, MAX_PAUSE)
            self.ready = False
            until = time.monotonic() + pause
            while not self._stopping and time.monotonic() < until:
                self._wait(until - time.monotonic())

    def _mend(self) -> None:
        try:
            self._jobs.mend()
        except Exception as error:  # tried again at the next damage
            traceback.print_exception(error, file=sys.stderr)

    def _run_worker(self) -> None:
        """Start a worker, and give it jobs until it ends."""
        self._jobs.put_back()
        pipe, worker_end = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=work, args=(worker_end, *self._worker), name="seal worker", daemon=True
        )
        with child.safe_path():
            process.start()
        worker_end.close()
        self._metrics.workers.inc()
        try:
            while not self._stopping and self._step(pipe, process.sentinel):
                pass
        finally:
            process.kill()
            process.join()
            pipe.close()
            lost, self._batch = self._batch, []
            self.progress.clear()
            if not self._stopping:
                self._handle_death(lost)

    def _step(self, pipe: Connection, sentinel: int) -> bool:
        """Wait for news and handle it. False when the worker has ended, or must be."""
        # On a full disk what is in work is ended, from the reserve, and nothing begun.
        room = self._jobs.has_room()
        if self.ready and not self._batch and room:
            self._start_batch(pipe)
        now = time.monotonic()
        if now - self._last_expiry > EXPIRY_INTERVAL:
            self._last_expiry = now
            self._jobs.expire(self._settings.limits.keep_days)
        timeout = EXPIRY_INTERVAL if room else ROOM_INTERVAL
        if self._batch:
            timeout = max(0.0, self._deadline - now)
        ready = self._wait(timeout, [pipe, sentinel])
        if pipe in ready:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                return False
            return self._handle(message)
        if sentinel in ready:
            return False
        if self._batch and not any(self._jobs.exists(job.id) for job in self._batch):
            pipe.send("stop")
        if self._batch and time.monotonic() > self._deadline:
            if len(self._batch) == 1:
                minutes = self._settings.limits.job_minutes
                self._end(self._batch[0], WorkResult(error=f"took longer than {minutes:g} minutes"))
                self._batch = []
            return False
        return True

    def _wait(self, seconds: float, others: Sequence[Any] = ()) -> list[Any]:
        """Wait until `wake` is called or one of `others` is ready; return what is ready."""
        ready = pipes.wait([self._wake_receiver, *others], seconds)
        while self._wake_receiver.poll():
            self._wake_receiver.recv_bytes()
        return ready

    def _start_batch(self, pipe: Connection) -> None:
        """Send the next jobs, if any wait, to the worker."""
        self._batch = self._jobs.claim()
        if not self._batch:
            return
        items = []
        for job in self._batch:
            voices = job.kind in ("remember", "propose")
            items.append(
                WorkItem(
                    job.options,
                    job.name,
                    None if job.kind == "transcribe" else self._jobs.input(job.id),
                    None
                    if job.kind in ("correct", "teach")
                    else str(self._jobs.recordings / job.id),
                    str(self._settings.library(job.owner)) if voices else None,
                )
            )
            self._changed(job.id)
        self._deadline = time.monotonic() + 60 * self._settings.limits.job_minutes
        pipe.send(items)

    def _handle(self, message: tuple[Any, ...]) -> bool:
        """Handle a message of the worker. False when the worker cannot work."""
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
            for job, result in zip(batch, rest[0], strict=True):
                self._end(job, result)
        return True

    def _end(self, job: Job, result: WorkResult) -> None:
        """Write a job's result, or its error, to the table."""
        self.progress.pop(job.id, None)
        if self._jobs.finish(job.id, result.content, result.error):
            seconds = time.time() - (job.started or job.created)
            self._metrics.ended(job.kind, result.error is None, job.size, seconds)
        self._changed(job.id)

    def _handle_death(self, lost: list[Job]) -> None:
        """The worker died: queue the jobs that it had again, or give up those that it died on
        MAX_DEATHS times."""
        self.trouble = self.trouble or "the worker is being started again"
        for job in lost:
            if job.deaths + 1 >= MAX_DEATHS:
                line = f"the worker died of it {MAX_DEATHS} times (out of memory?)"
                self._end(job, WorkResult(error=line))
        self._jobs.put_back([job.id for job in lost])
        for job in lost:
            self._changed(job.id)

"""What the routes share: the jobs, the dispatcher, the uploads under way, and how they answer.

It knows no route.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from seal.server import probe, schema, worker
from seal.server.dispatcher import Dispatcher
from seal.server.events import Events
from seal.server.jobs import FullError, Job, Jobs, Kind
from seal.server.metrics import Metrics
from seal.server.reader import Reader
from seal.server.settings import RETRY_AFTER, Settings

MAX_CHECKS = 2
"""Recordings that are decoded at once to check them."""

DISK_FULL = "the server's disk is full"


class Service:
    """What the routes share: the jobs, the dispatcher, the number of uploads under way."""

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        metrics: Metrics,
        perform: worker.Perform,
        load: worker.Load,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.jobs = jobs
        self.events = Events()
        self.dispatcher = Dispatcher(
            self.jobs, settings, metrics, self.events.notify, perform, load
        )
        self.reader = Reader()
        self.uploads = 0
        self.checking = asyncio.Semaphore(MAX_CHECKS)
        self.reading = asyncio.Semaphore(1)  # a large transcript takes many times its size
        metrics.watch(self.jobs.waiting, lambda: float(self.dispatcher.ready))

    def full(self) -> bool:
        """Whether the queue has no room for another job."""
        return self.jobs.waiting() + self.uploads >= self.settings.limits.queue_length

    async def check_room(self) -> None:
        """Answer 429 where the queue is full, 507 where the disk is."""
        if await run_in_threadpool(self.full):
            raise queue_full()
        if not await run_in_threadpool(self.jobs.has_room):
            raise HTTPException(507, DISK_FULL)

    @contextmanager
    def receiving(self, id: str) -> Iterator[Path]:
        """Where the body of a request for the job `id` may be written. It counts as a job that
        waits until the context ends; where that fails, nothing of it is kept."""
        self.uploads += 1
        try:
            yield self.jobs.incoming / id
        except BaseException:
            self.jobs.discard(id)
            raise
        finally:
            self.uploads -= 1

    async def check_recording(self, path: Path) -> None:
        """Answer 422 where it is no whole recording, 413 where it is too long."""
        minutes = self.settings.limits.audio_minutes
        async with self.checking:
            try:
                await probe.check(path, minutes)
            except probe.TooLongError:
                line = f"the recording is longer than {minutes:g} minutes, the most taken"
                raise HTTPException(413, line) from None

    async def add(self, id: str, owner: str, kind: Kind, *rest: Any, **more: Any) -> Job:
        """Queue a job, or answer 429."""
        more["max_waiting"] = self.settings.limits.queue_length
        try:
            job = await run_in_threadpool(self.jobs.add, id, owner, kind, *rest, **more)
        except FullError:
            raise queue_full() from None
        self.dispatcher.wake()
        return job

    def view(self, job: Job) -> schema.JobView:
        """The job for its client."""
        return schema.view(job, self.dispatcher.progress.get(job.id))


def queue_full() -> HTTPException:
    """The answer to a client that finds the queue full."""
    line = f"the queue is full; come again in {RETRY_AFTER} seconds"
    return HTTPException(429, line, {"Retry-After": str(RETRY_AFTER)})


def service_of(request: Request) -> Service:
    """The one of the application that was asked."""
    service: Service = request.app.state.service
    return service


def first_error(errors: Any) -> str:
    """What is wrong with the fields of a request, in one line."""
    field = ".".join(str(step) for step in errors[0]["loc"] if step not in ("query", "path"))
    return f"{field}: {errors[0]['msg']}"


def accepted(service: Service, job: Job) -> Response:
    """The answer 202, with the job and its address."""
    body = service.view(job).model_dump_json()
    headers = {"Location": f"/v1/jobs/{job.id}"}
    return Response(body, 202, headers, media_type="application/json")

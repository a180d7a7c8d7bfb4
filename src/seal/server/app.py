"""The routes: what is refused, what becomes a job, and what is answered.

The event loop neither computes nor waits for a disk. This file knows jobs, and nothing of how they
are done.
"""

import asyncio
import errno
import sqlite3
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.security import HTTPBearer
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import Route

from seal import __version__
from seal.acoustic import check_bounds
from seal.errors import SealError
from seal.server import payload, probe, schema, upload, worker
from seal.server.auth import Guard, SafeHeaders
from seal.server.dispatcher import Dispatcher
from seal.server.events import Events
from seal.server.jobs import FullError, Job, Jobs, Kind, new_id
from seal.server.metrics import Counted, Metrics
from seal.server.reader import NoJsonError, Reader
from seal.server.settings import MAX_BACKLOG_WORDS, MAX_WAIT, RETRY_AFTER, SHORT_WORDS, Settings

HEARTBEAT_SECONDS = 15.0
"""Between two comments in an event stream, which show that it is alive."""

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


def create_app(
    settings: Settings,
    perform: worker.Perform = worker.perform,
    load: worker.Load = worker.load,
) -> FastAPI:
    """Make the application; its worker starts and ends with it. Raises SealError where the data
    folder cannot be used."""
    metrics = Metrics()
    jobs = Jobs(settings.data)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service(settings, jobs, metrics, perform, load)
        service.dispatcher.start()
        service.reader.start()
        yield
        service.reader.stop()
        await run_in_threadpool(service.dispatcher.stop)
        jobs.close()

    app = FastAPI(
        title="seal",
        version=__version__,
        description="Who said which word: transcribes recordings, corrects speakers.",
        lifespan=lifespan,
        docs_url=None,  # its page would fetch scripts from elsewhere
        redoc_url=None,
    )
    # The guard checks the tokens before a body is read; this states it in OpenAPI.
    bearer = [Security(HTTPBearer(auto_error=False))] if settings.tokens else []
    protected: Any = {"dependencies": bearer}
    refusals = schema.responses(401, 404)
    if settings.recordings:
        app.post("/v1/transcribe", **schema.TRANSCRIBE, **protected)(transcribe)
    app.post("/v1/correct", **schema.CORRECT, **protected)(correct)
    app.get("/v1/jobs/{id}", responses=refusals, **protected)(job)
    app.get("/v1/jobs/{id}/result", **schema.RESULT, **protected)(result)
    app.get("/v1/jobs/{id}/events", **schema.EVENTS, **protected)(events)
    app.delete("/v1/jobs/{id}", status_code=204, responses=refusals, **protected)(delete)
    app.get("/metrics", **schema.METRICS, **protected)(metrics_text)
    app.get("/healthz")(healthz)
    app.get("/readyz", responses=schema.responses(503))(readyz)
    # A full disk would be logged at every request if it came under `Exception` alone.
    known = (AnyHTTPException, RequestValidationError, SealError, OSError, sqlite3.OperationalError)
    for error_type in (*known, Exception):
        app.exception_handler(error_type)(_problem)
    app.add_middleware(Guard, tokens=settings.tokens)
    app.add_middleware(Counted, metrics=metrics)
    app.add_middleware(SafeHeaders)
    return app


async def _problem(request: Request, error: Exception) -> JSONResponse:
    """Answer with the error in one line of JSON."""
    status, line, headers = 500, "the server failed; its log says where", None
    if isinstance(error, AnyHTTPException):
        status, line, headers = error.status_code, str(error.detail), error.headers
        if status == 405:
            headers = {"Allow": ", ".join(_allowed(request))}
    elif isinstance(error, RequestValidationError):
        status, line = 422, _first_error(error.errors())
    elif isinstance(error, SealError):
        status, line = 422, str(error)
    elif getattr(error, "errno", 0) == errno.ENOSPC or "disk is full" in str(error):
        status, line = 507, DISK_FULL
    elif isinstance(error, (OSError, sqlite3.OperationalError)):
        traceback.print_exception(error, file=sys.stderr)  # the others are logged by uvicorn
    return JSONResponse({"error": " ".join(line.split())}, status, headers)


def _allowed(request: Request) -> list[str]:
    """The methods of an address: each has a route of its own here."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.path_regex.match(request.url.path)]
    return sorted({method for route in matching for method in route.methods or ()})


def _first_error(errors: Any) -> str:
    field = ".".join(str(step) for step in errors[0]["loc"] if step not in ("query", "path"))
    return f"{field}: {errors[0]['msg']}"


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


# --- work -------------------------------------------------------------------------------------


async def transcribe(request: Request) -> Response:
    """Take a recording, and answer with the job that turns it into a corrected transcript."""
    service = _service(request)
    limits = service.settings.limits
    await service.check_room()
    id = new_id()
    form = upload.Form(service.jobs.incoming / id)
    service.uploads += 1
    try:
        await form.receive(request, limits.upload_bytes, limits.idle_seconds)
        try:
            options = schema.TranscribeOptions.model_validate(form.fields)
        except ValidationError as error:
            raise HTTPException(422, _first_error(error.errors())) from None
        try:
            check_bounds(options.speakers, options.min_speakers, options.max_speakers)
        except SealError as error:
            raise HTTPException(422, str(error).replace("--", "")) from None
        async with service.checking:
            try:
                await probe.check(form.target, limits.audio_minutes)
            except probe.TooLongError:
                line = (
                    f"the recording is longer than {limits.audio_minutes:g} minutes, the most taken"
                )
                raise HTTPException(413, line) from None
        chosen = options.model_dump()
        chosen["corrector"] = options.corrector or service.settings.corrector
        name = upload.stem(form.filename)
        await run_in_threadpool(service.jobs.take_recording, form.target)
        job = await service.add(id, request.state.owner, "transcribe", chosen, name)
    except BaseException:
        service.jobs.discard(id)
        raise
    finally:
        service.uploads -= 1
    return _accepted(service, job)


async def correct(request: Request, options: Annotated[schema.CorrectOptions, Query()]) -> Response:
    """Correct the speakers of a transcript of any format: at once if it is short, else as a job."""
    service = _service(request)
    limits = service.settings.limits
    await service.check_room()
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    unknown = HTTPException(415, f"say what it is: Content-Type: {' or '.join(payload.NAMES)}")
    if kind and kind not in payload.NAMES:
        raise unknown
    id = new_id()
    with service.events.subscribe(id) as news:
        body = upload.Body(service.jobs.incoming / id)
        service.uploads += 1
        try:
            await body.receive(request, limits.json_bytes, limits.idle_seconds)
            if not body.size:
                raise HTTPException(400, "there is no body; send a transcript")
            if not kind:
                raise unknown
            name, owner = payload.NAMES[kind], request.state.owner
            job, awaited = await _take(service, id, body, name, options, owner)
        finally:
            service.uploads -= 1
            if body.in_file:
                service.jobs.discard(id)
        if awaited:
            answer = await _wait_for(service, job, news)
            if answer is not None:
                return answer
    return _accepted(service, job)


async def _take(
    service: Service,
    id: str,
    body: upload.Body,
    name: str,
    options: schema.CorrectOptions,
    owner: str,
) -> tuple[Job, bool]:
    """Read a transcript, and queue its correction; whether its client waits for the answer."""
    async with service.reading:
        try:
            size = await run_in_threadpool(service.reader.count, body.source, name, options.from_)
        except NoJsonError as error:
            raise HTTPException(400, str(error)) from None
        backlog = await run_in_threadpool(service.jobs.backlog)
        soon = (
            backlog is not None and backlog + size <= MAX_BACKLOG_WORDS and service.dispatcher.ready
        )
        awaited = options.wait and size <= SHORT_WORDS and soon
        chosen = {
            "corrector": options.corrector or service.settings.corrector,
            "from": options.from_,
        }
        content = await run_in_threadpool(body.content)
        job = await service.add(
            id, owner, "correct", chosen, name, size=size, input=content, awaited=awaited
        )
    return job, awaited


async def _wait_for(service: Service, job: Job, news: asyncio.Event) -> Response | None:
    """Wait for the answer and forget the job; None where it takes longer than MAX_WAIT."""

    async def until_ended() -> Job | None:
        while True:
            await news.wait()
            news.clear()
            current = await run_in_threadpool(service.jobs.get, job.id, job.owner)
            if current is None or current.status in ("done", "failed"):
                return current

    try:
        ended = await asyncio.wait_for(until_ended(), MAX_WAIT)
        content = await run_in_threadpool(service.jobs.result, job.id)
    except TimeoutError:
        await run_in_threadpool(service.jobs.announce, job.id)
        return None
    except asyncio.CancelledError:  # the server ends, and its client gets no answer
        service.jobs.delete(job.id, job.owner)
        raise
    await run_in_threadpool(service.jobs.delete, job.id, job.owner)
    if ended is None or content is None:
        raise HTTPException(422, (ended and ended.error) or "the job is gone")
    return _document(job, content)


def _document(job: Job, content: bytes) -> Response:
    """A result in the input's own format; for a recording, a word transcript."""
    kind = payload.TYPES[job.name] if job.kind == "correct" else "application/json"
    return Response(content, headers={"Content-Type": kind})


def _accepted(service: Service, job: Job) -> Response:
    body = service.view(job).model_dump_json()
    headers = {"Location": f"/v1/jobs/{job.id}"}
    return Response(body, 202, headers, media_type="application/json")


# --- jobs -------------------------------------------------------------------------------------


def _job_or_404(request: Request, id: str) -> Job:
    job = _service(request).jobs.get(id, request.state.owner)
    if job is None:
        raise HTTPException(404, "there is no such job")
    return job


def job(request: Request, id: str) -> schema.JobView:
    """How a job is doing, and where its result is."""
    return _service(request).view(_job_or_404(request, id))


def result(request: Request, id: str) -> Response:
    """The corrected transcript, once the job is done."""
    job = _job_or_404(request, id)
    if job.status == "failed":
        raise HTTPException(409, f"the job failed: {job.error}")
    content = _service(request).jobs.result(id)
    if content is None:
        raise HTTPException(409, f"the job is {job.status}; there is no result yet")
    return _document(job, content)


async def events(request: Request, id: str) -> StreamingResponse:
    """News of a job as server-sent events, `progress` until it is `done`, `failed` or `deleted`."""
    service = _service(request)
    first = await run_in_threadpool(_job_or_404, request, id)

    async def stream() -> AsyncIterator[str]:
        with service.events.subscribe(id) as news:
            while not service.events.over:
                news.clear()
                job = await run_in_threadpool(service.jobs.get, id, first.owner)
                if job is None:
                    yield f'event: deleted\ndata: {{"id": "{id}"}}\n\n'
                    return
                ended = job.status in ("done", "failed")
                data = service.view(job).model_dump_json()
                yield f"event: {job.status if ended else 'progress'}\ndata: {data}\n\n"
                if ended:
                    return
                while not news.is_set():
                    try:
                        await asyncio.wait_for(news.wait(), HEARTBEAT_SECONDS)
                    except TimeoutError:
                        yield ": still there\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), headers=headers, media_type="text/event-stream")


def delete(request: Request, id: str) -> Response:
    """Cancel a job, or forget a finished one, with all that belongs to it."""
    service = _service(request)
    _job_or_404(request, id)
    service.jobs.delete(id, request.state.owner)
    service.events.notify(id)
    service.dispatcher.wake()
    return Response(status_code=204)


# --- the server itself ------------------------------------------------------------------------


async def healthz() -> schema.State:
    """It is alive."""
    return schema.State(status="ok")


def readyz(request: Request) -> schema.State:
    """The models are loaded and there is a place in the queue."""
    service = _service(request)
    if not service.dispatcher.ready:
        raise HTTPException(503, service.dispatcher.trouble)
    if service.full():
        raise HTTPException(503, "the queue is full")
    return schema.State(status="ready")


def metrics_text(request: Request) -> Response:
    """For Prometheus."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response(_service(request).metrics.text(), media_type=kind)

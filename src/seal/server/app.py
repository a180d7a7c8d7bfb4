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
from seal.acoustic import check_bounds, multilingual
from seal.errors import SealError
from seal.server import payload, schema, upload, voices, worker
from seal.server.auth import Guard, SafeHeaders
from seal.server.jobs import Job, Jobs, Kind, new_id
from seal.server.metrics import Counted, Metrics
from seal.server.reader import NoJsonError
from seal.server.service import DISK_FULL, Service, accepted, first_error, service_of
from seal.server.settings import MAX_BACKLOG_WORDS, MAX_WAIT, SHORT_WORDS, Settings
from seal.teaching import places

HEARTBEAT_SECONDS = 15.0
"""Between two comments in an event stream, which show that it is alive."""


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
    if settings.voices:
        voices.register(app, protected)
    app.post("/v1/correct", **schema.CORRECT, **protected)(correct)
    app.post("/v1/teach", **schema.TEACH, **protected)(teach)
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
        status, line = 422, first_error(error.errors())
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


# --- work -------------------------------------------------------------------------------------


async def transcribe(request: Request) -> Response:
    """Take a recording, and answer with the job that turns it into a corrected transcript."""
    service = service_of(request)
    limits = service.settings.limits
    await service.check_room()
    id = new_id()
    with service.receiving(id) as target:
        form = upload.Form(target)
        await form.receive(request, limits.upload_bytes, limits.idle_seconds)
        try:
            options = schema.TranscribeOptions.model_validate(form.fields)
        except ValidationError as error:
            raise HTTPException(422, first_error(error.errors())) from None
        try:
            check_bounds(options.speakers, options.min_speakers, options.max_speakers)
            multilingual.refuse_unknown(options.language, None)
        except SealError as error:
            raise HTTPException(422, str(error).replace("--", "")) from None
        await service.check_recording(target)
        chosen = options.model_dump()
        chosen["corrector"] = options.corrector or service.settings.corrector
        name = upload.stem(form.filename)
        await run_in_threadpool(service.jobs.take_recording, target)
        job = await service.add(id, request.state.owner, "transcribe", chosen, name)
    return accepted(service, job)


async def correct(request: Request, options: Annotated[schema.CorrectOptions, Query()]) -> Response:
    """Correct the speakers of a transcript of any format: at once if it is short, else as a job."""
    corrector = options.corrector or service_of(request).settings.corrector
    return await _work_on(request, "correct", options, {"corrector": corrector})


async def teach(request: Request, options: Annotated[schema.TeachOptions, Query()]) -> Response:
    """Take a person's rulings of a transcript of any format, and say what follows from them."""
    for text in options.set:
        places.parse(text, "set")
    for kind, texts in (("merge", options.merge), ("name", options.name)):
        for text in texts:
            places.pair(text, kind)
    chosen = options.model_dump(exclude={"from_", "wait"})
    return await _work_on(request, "teach", options, chosen)


async def _work_on(
    request: Request,
    what: Kind,
    options: schema.CorrectOptions | schema.TeachOptions,
    chosen: dict[str, Any],
) -> Response:
    """Read the transcript that comes, and answer with what came of it, or with its job."""
    service = service_of(request)
    limits = service.settings.limits
    await service.check_room()
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    unknown = HTTPException(415, f"say what it is: Content-Type: {' or '.join(payload.NAMES)}")
    if kind and kind not in payload.NAMES:
        raise unknown
    id = new_id()
    with service.events.subscribe(id) as news:
        with service.receiving(id) as target:
            body = upload.Body(target)
            await body.receive(request, limits.json_bytes, limits.idle_seconds)
            if not body.size:
                raise HTTPException(400, "there is no body; send a transcript")
            if not kind:
                raise unknown
            name, owner = payload.NAMES[kind], request.state.owner
            chosen = chosen | {"from": options.from_}
            job, awaited = await _take(service, id, body, name, what, chosen, owner, options.wait)
        if body.in_file:  # the job has it
            service.jobs.discard(id)
        if awaited:
            answer = await _wait_for(service, job, news)
            if answer is not None:
                return answer
    return accepted(service, job)


async def _take(
    service: Service,
    id: str,
    body: upload.Body,
    name: str,
    what: Kind,
    chosen: dict[str, Any],
    owner: str,
    wait: bool,
) -> tuple[Job, bool]:
    """Read a transcript, and queue the work on it; whether its client waits for the answer."""
    async with service.reading:
        try:
            size = await run_in_threadpool(service.reader.count, body.source, name, chosen["from"])
        except NoJsonError as error:
            raise HTTPException(400, str(error)) from None
        backlog = await run_in_threadpool(service.jobs.backlog)
        soon = (
            backlog is not None and backlog + size <= MAX_BACKLOG_WORDS and service.dispatcher.ready
        )
        awaited = wait and size <= SHORT_WORDS and soon
        content = await run_in_threadpool(body.content)
        job = await service.add(
            id, owner, what, chosen, name, size=size, input=content, awaited=awaited
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


# --- jobs -------------------------------------------------------------------------------------


def _job_or_404(request: Request, id: str) -> Job:
    job = service_of(request).jobs.get(id, request.state.owner)
    if job is None:
        raise HTTPException(404, "there is no such job")
    return job


def job(request: Request, id: str) -> schema.JobView:
    """How a job is doing, and where its result is."""
    return service_of(request).view(_job_or_404(request, id))


def result(request: Request, id: str) -> Response:
    """The corrected transcript, once the job is done."""
    job = _job_or_404(request, id)
    if job.status == "failed":
        raise HTTPException(409, f"the job failed: {job.error}")
    content = service_of(request).jobs.result(id)
    if content is None:
        raise HTTPException(409, f"the job is {job.status}; there is no result yet")
    return _document(job, content)


async def events(request: Request, id: str) -> StreamingResponse:
    """News of a job as server-sent events, `progress` until it is `done`, `failed` or `deleted`."""
    service = service_of(request)
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
    service = service_of(request)
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
    service = service_of(request)
    if not service.dispatcher.ready:
        raise HTTPException(503, service.dispatcher.trouble)
    if service.full():
        raise HTTPException(503, "the queue is full")
    return schema.State(status="ready")


def metrics_text(request: Request) -> Response:
    """For Prometheus."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response(service_of(request).metrics.text(), media_type=kind)

"""Requests and answers as OpenAPI shows them: pydantic models, for the routes only.

Elsewhere a transcript is the bytes that came or the word transcript of `seal.words`.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from seal.acoustic import Channels
from seal.correctors import CorrectorName, TextCorrector
from seal.formats.known import one_text
from seal.server import payload
from seal.server.jobs import Job, Kind

if TYPE_CHECKING:  # a type checker cannot read a Literal that is made from a list
    InputFormat = str
else:
    InputFormat = Literal[tuple(one_text())]

WORDS: list[dict[str, Any]] = [
    {
        "session_id": "call-7",
        "speaker": speaker,
        "words": text,
        "start_time": start,
        "end_time": end,
        "speaker_scores": {"A": a, "B": round(1 - a, 2)},
    }
    for speaker, text, start, end, a in [
        ("A", "how", 0.48, 0.6, 0.93),
        ("A", "are", 0.6, 0.74, 0.9),
        ("A", "you", 0.74, 0.9, 0.81),
        ("A", "fine", 1.02, 1.4, 0.52),
        ("B", "thanks", 1.4, 1.8, 0.08),
    ]
]
_ID = "5f0c6a1e9b7d4c3f8e2a1b0c9d8e7f60"


class Word(BaseModel):
    """One word, in time order; other keys are kept as they are."""

    model_config = ConfigDict(extra="allow")

    session_id: str
    speaker: str
    words: str
    start_time: Annotated[float, Field(ge=0, description="Seconds.")]
    end_time: Annotated[float, Field(ge=0, description="Seconds.")]
    speaker_scores: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None


class CorrectOptions(BaseModel):
    """The query of a correction."""

    model_config = ConfigDict(extra="forbid")

    corrector: Annotated[
        TextCorrector | None, Field(description="The system; the server's own choice if not given.")
    ] = None
    from_: Annotated[
        InputFormat | None,
        Field(alias="from", description="Its format, if that is not recognised."),
    ] = None
    wait: Annotated[
        bool, Field(description="Answer with the result where that takes seconds; else a job.")
    ] = True


class TeachOptions(BaseModel):
    """The query of rulings; they are taken in the order in which they stand here."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[
        InputFormat | None,
        Field(alias="from", description="Its format, if that is not recognised."),
    ] = None
    session: Annotated[
        str | None, Field(description="Which conversation, where there are several.")
    ] = None
    undo: Annotated[bool, Field(description="Undo the latest ruling.")] = False
    set: Annotated[
        list[str], Field(description="Who said the words at a place: 14:07-14:12=B, w12=B.")
    ] = []
    merge: Annotated[list[str], Field(description="Speakers who are one: A=B.")] = []
    name: Annotated[list[str], Field(description="A speaker's name: A=Ann.")] = []
    apply: Annotated[bool, Field(description="Change the other words that follow.")] = False
    wait: Annotated[
        bool, Field(description="Answer with the result where that takes seconds; else a job.")
    ] = True


class TranscribeOptions(BaseModel):
    """The fields beside the recording."""

    model_config = ConfigDict(extra="forbid")

    speakers: Annotated[
        int | None, Field(ge=1, le=100, description="How many speak; found if not given.")
    ] = None
    min_speakers: Annotated[
        int, Field(ge=1, le=100, description="Fewest that speak, where that is found.")
    ] = 1
    max_speakers: Annotated[
        int | None, Field(ge=1, le=100, description="Most that speak, where that is found.")
    ] = None
    channels: Annotated[
        Channels,
        Field(
            description="Recognise each channel by itself (split) or mix them down (mix); auto "
            "splits calls with a side in each."
        ),
    ] = "auto"
    language: Annotated[
        str | None,
        Field(
            max_length=20,
            description="Spoken language by its code (nl), or auto; found if not given, where the "
            "server has seal[languages], else English.",
        ),
    ] = None
    correct: Annotated[bool, Field(description="False stops before the correction.")] = True
    corrector: Annotated[
        CorrectorName | None, Field(description="The system; the server's own choice if not given.")
    ] = None


class Upload(TranscribeOptions):
    """A recording and its options."""

    recording: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class JobView(BaseModel):
    """A job as its client sees it. Times are in UTC."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": _ID,
                "kind": "transcribe",
                "status": "running",
                "stage": "asr",
                "progress": 0.42,
                "created": "2026-01-05T10:00:00Z",
                "started": "2026-01-05T10:00:02Z",
                "finished": None,
                "error": None,
                "result": None,
            }
        }
    )

    id: str
    kind: Kind
    status: Literal["queued", "running", "done", "failed"]
    stage: Annotated[str | None, Field(description="What is being done: asr, first pass, ...")]
    progress: Annotated[float, Field(ge=0, le=1, description="The part of the stage done.")]
    created: datetime
    started: datetime | None
    finished: datetime | None
    error: Annotated[str | None, Field(description="Why it failed, in one line.")]
    result: Annotated[str | None, Field(description="Where the result is, once it is done.")]


class Problem(BaseModel):
    """Every error has this body."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"error": "transcript: entry 3: the field 'speaker' ..."}}
    )

    error: str


class State(BaseModel):
    """How the server is."""

    status: Literal["ok", "ready"]


EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "event": {"enum": ["progress", "done", "failed", "deleted"]},
        "data": {"type": "string", "description": "The job, in JSON."},
    },
}
"""One server-sent event."""


def view(job: Job, progress: tuple[str, float] | None) -> JobView:
    """A job for its client."""
    stage, share = progress if progress and job.status == "running" else (None, 0.0)
    done = job.status == "done"
    return JobView(
        id=job.id,
        kind=job.kind,
        status=job.status,
        stage=stage,
        progress=1.0 if done else min(max(share, 0.0), 1.0),
        created=_utc(job.created) or datetime.now(UTC),
        started=_utc(job.started),
        finished=_utc(job.finished),
        error=job.error,
        result=f"/v1/jobs/{job.id}/result" if done else None,
    )


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's list of the errors that a route answers with."""
    meaning = {
        400: "Not to be understood: no body, not JSON, not a whole form.",
        401: "No valid token.",
        404: "There is no such job.",
        408: "The body stopped coming.",
        409: "The job has no result.",
        413: "Larger or longer than is taken.",
        415: "Another Content-Type is wanted.",
        422: "Understood, but it cannot be used.",
        429: "The queue is full; see Retry-After.",
        503: "Not ready.",
        507: "The server's disk is full.",
    }
    return {status: {"model": Problem, "description": meaning[status]} for status in statuses}


_LINKS = {
    name: {"operationId": f"{name}_v1_jobs__id_{path}", "parameters": {"id": "$response.body#/id"}}
    for name, path in (
        ("job", "_get"),
        ("events", "_events_get"),
        ("result", "_result_get"),
        ("delete", "_delete"),
    )
}
"""What to ask for next, with the id of an answer."""
_JOB = {202: {"model": JobView, "description": "Accepted: a job.", "links": _LINKS}}
_TRANSCRIPT = {
    "application/json": {
        "schema": {"type": "array", "items": Word.model_json_schema()},
        "example": WORDS,
    }
} | {kind: {"schema": {"type": "string"}} for kind in payload.NAMES if "json" not in kind}


def form(upload: type[BaseModel]) -> dict[str, Any]:
    """A route that makes a job of a form."""
    content = {"multipart/form-data": {"schema": upload.model_json_schema()}}
    return {
        "status_code": 202,
        "response_model": JobView,
        "responses": _JOB | responses(400, 401, 408, 413, 415, 422, 429, 507),
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


TRANSCRIBE = form(Upload)
CORRECT: dict[str, Any] = {
    "responses": {200: {"content": _TRANSCRIPT, "description": "The corrected transcript."}}
    | _JOB
    | responses(400, 401, 408, 413, 415, 422, 429, 507),
    "openapi_extra": {"requestBody": {"required": True, "content": _TRANSCRIPT}},
}
_TAUGHT = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["transcript", "proposals", "question", "names", "pairs"],
            "properties": {
                "transcript": {"type": "array", "items": Word.model_json_schema()},
                "proposals": {"type": "array", "items": {"type": "object"}},
                "question": {"type": ["object", "null"]},
                "names": {"type": "array", "items": {"type": "object"}},
                "pairs": {"type": "array", "items": {"type": "object"}},
            },
        }
    }
}
TEACH: dict[str, Any] = {
    "responses": {
        200: {"content": _TAUGHT, "description": "The ruled transcript, and what follows."}
    }
    | _JOB
    | responses(400, 401, 408, 413, 415, 422, 429, 507),
    "openapi_extra": {"requestBody": {"required": True, "content": _TRANSCRIPT}},
}
RESULT: dict[str, Any] = {
    "responses": {200: {"content": _TRANSCRIPT, "description": "The corrected transcript."}}
    | responses(401, 404, 409),
    "response_class": Response,
}
EVENTS: dict[str, Any] = {
    "responses": {200: {"content": {"text/event-stream": {"schema": EVENT}}}} | responses(401, 404),
    "response_class": StreamingResponse,
}
METRICS: dict[str, Any] = {
    "responses": {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    | responses(401),
    "response_class": Response,
}

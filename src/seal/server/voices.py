"""The routes of the voice libraries: one for each token, where the server was started with them.

What listens is a job like any other: to remember a voice, and to propose names. Nothing is
remembered without a request that says that the person agrees, and no transcript is changed.
"""

import os
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from seal.server import schema, upload
from seal.server.jobs import new_id
from seal.server.reader import NoJsonError
from seal.server.service import accepted, first_error, service_of
from seal.voices.locked import PASSPHRASE

NAME = "transcript.json"
"""What errors call the transcript."""


class RememberOptions(BaseModel):
    """The fields beside a recording of which a voice is to be remembered."""

    model_config = ConfigDict(extra="forbid")

    transcript: Annotated[str, Field(description="Who speaks when: JSON, as for a correction.")]
    name: Annotated[str, Field(min_length=1, max_length=200, description="Who it is.")]
    speaker: Annotated[str, Field(description="Who that is in the transcript.")]
    consent: Annotated[
        Literal["true"], Field(description="That this person agrees to be remembered.")
    ]
    session: Annotated[
        str | None, Field(description="Which conversation of the transcript, of several.")
    ] = None


class ProposeOptions(BaseModel):
    """The fields beside a recording whose speakers are to be named."""

    model_config = ConfigDict(extra="forbid")

    transcript: Annotated[str, Field(description="Who speaks when: JSON, as for a correction.")]
    session: Annotated[
        str | None, Field(description="Which conversation of the transcript, of several.")
    ] = None


class RememberUpload(RememberOptions):
    """A recording, and whose voice in it is to be remembered."""

    recording: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class ProposeUpload(ProposeOptions):
    """A recording, and its transcript."""

    recording: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class SampleView(BaseModel):
    """What was kept of one recording; the numbers that stand for the voice are not shown."""

    added: Annotated[str, Field(description="When; in UTC.")]
    seconds: Annotated[float, Field(description="Of speech that it was made from.")]


class VoiceView(BaseModel):
    """A voice that is remembered."""

    name: str
    seconds: float
    samples: list[SampleView]


Name = Annotated[str, Query(min_length=1, max_length=200)]


def register(app: FastAPI, protected: Any) -> None:
    """Add the routes."""
    refusals = schema.responses(401, 422)
    app.post("/v1/voices", **schema.form(RememberUpload), **protected)(remember)
    app.post("/v1/voices/propose", **schema.form(ProposeUpload), **protected)(propose)
    app.get("/v1/voices", responses=refusals, **protected)(voices)
    gone: Any = {"status_code": 204, "responses": refusals, **protected}
    app.post("/v1/voices/rename", **gone)(rename)
    app.post("/v1/voices/merge", **gone)(merge)
    app.delete("/v1/voices", **gone)(forget)


async def remember(request: Request) -> Response:
    """Take a recording and its transcript, and answer with the job that remembers a voice."""
    return await _take(request, "remember", RememberOptions)


async def propose(request: Request) -> Response:
    """Take a recording and its transcript, and answer with the job that proposes names."""
    return await _take(request, "propose", ProposeOptions)


async def _take(
    request: Request, kind: Literal["remember", "propose"], fields: type[BaseModel]
) -> Response:
    service = service_of(request)
    limits = service.settings.limits
    await service.check_room()
    id = new_id()
    with service.receiving(id) as target:
        form = upload.Form(target, "transcript", limits.json_bytes)
        await form.receive(request, limits.upload_bytes, limits.idle_seconds)
        try:
            chosen = fields.model_validate(form.fields).model_dump(exclude={"consent"})
        except ValidationError as error:
            raise HTTPException(422, first_error(error.errors())) from None
        transcript = chosen.pop("transcript").encode()
        async with service.reading:
            try:
                await run_in_threadpool(service.reader.count, transcript, NAME, None)
            except NoJsonError as error:
                raise HTTPException(422, str(error)) from None
        await service.check_recording(target)
        await run_in_threadpool(service.jobs.take_recording, target)
        name = upload.stem(form.filename)
        owner = request.state.owner
        job = await service.add(id, owner, kind, chosen, name, input=transcript)
    return accepted(service, job)


def voices(request: Request) -> list[VoiceView]:
    """The voices that are remembered for this token."""
    from seal.voices.library import opened, summary

    library = service_of(request).settings.library(request.state.owner)
    known = opened(library, os.environ.get(PASSPHRASE))
    return [VoiceView.model_validate(summary(voice)) for voice in known.voices]


def rename(request: Request, name: Name, to: Name) -> Response:
    """Call a voice otherwise."""
    return _change(request, "rename", name, to)


def merge(request: Request, name: Name, into: Name) -> Response:
    """Make two voices one."""
    return _change(request, "merge", name, into)


def forget(request: Request, name: Name) -> Response:
    """Forget a voice, and all that was learnt of it."""
    return _change(request, "forget", name)


def _change(request: Request, what: str, *names: str) -> Response:
    from seal.voices.library import changing

    library = service_of(request).settings.library(request.state.owner)
    with changing(library, os.environ.get(PASSPHRASE)) as known:
        getattr(known, what)(*names)
    return Response(status_code=204)

"""Files that are no transcripts: recordings, documents for people, a service's word that its job
has failed or is not done.
"""

from collections.abc import Iterator
from pathlib import Path

from seal.errors import SealError

NO_SPEAKERS = (
    "no speakers in it; ask the tool that made it for them (WhisperX: --diarize), or have the "
    "recording heard (seal transcribe)"
)

_RECORDING = (
    *(b"RIFF", b"ID3", b"fLaC", b"OggS", b"FORM", b"\x1aE\xdf\xa3"),
    *(b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9"),
)

_DOCUMENTS = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Word document",
    b"PK\x03\x04": "a zip archive",
}
"""How a document begins that people read, and what it is."""


def is_recording(data: bytes) -> bool:
    """Whether a file is sound, or a film."""
    return data.startswith(_RECORDING) or data[4:8] == b"ftyp"


def refuse_documents(path: Path, data: bytes) -> None:
    """Raise SealError for a document of which only people, or other programs, read the text."""
    kind = next((kind for start, kind in _DOCUMENTS.items() if data.startswith(start)), None)
    if kind == "a zip archive" and b"word/" in data:
        kind = "a Word document"
    if kind is not None:
        raise SealError(
            f"{path}: {kind}, which cannot be read as a transcript; save its text as plain text "
            "(.txt), with a name before what each speaker says"
        )


_UNDONE = {
    *("error", "failed", "failure", "queued", "processing", "pending", "submitted", "running"),
    *("in_progress", "inprogress", "notstarted", "not_started"),
}
"""What services say of a job without a result."""

_WHY = ("error", "err_msg", "errmessage", "message", "failurereason", "failure_detail", "reason")


def refuse_answers(path: Path, root: object) -> None:
    """Raise SealError for what a service says in a transcript's place: that its job is not done, or
    has failed."""
    found = dict(_texts(root, 3))
    state = next((text for key, text in found.items() if "status" in key or key == "state"), "")
    why = next((found[key] for key in _WHY if key in found), "")
    undone = state.replace(" ", "_").lower() in _UNDONE
    if undone or "err_code" in found or "error" in found:
        told = ": ".join(filter(None, (state, " ".join(why.split())[:200])))
        raise SealError(
            f"{path}: no transcript, but what the service said of the job ({told}); fetch the "
            "result when it is done"
        )


def _texts(root: object, depth: int) -> Iterator[tuple[str, str]]:
    """The keys of an object, in small letters, with their texts; those of objects in it, too. An
    error's message counts as the error."""
    for key, value in root.items() if isinstance(root, dict) else ():
        if isinstance(value, str):
            yield key.lower(), value
        elif isinstance(value, dict) and depth > 1:
            inner = list(_texts(value, depth - 1))
            yield from inner
            if key.lower() == "error":
                yield "error", dict(inner).get("message", "")

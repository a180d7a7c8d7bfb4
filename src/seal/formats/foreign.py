"""Files that are no transcripts, told by their first bytes: recordings, documents for people."""

from pathlib import Path

from seal.errors import SealError

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

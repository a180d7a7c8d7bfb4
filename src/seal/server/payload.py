"""The bytes of a request to a transcript, in any format of `seal.formats`.

Of requests it knows their content types only.
"""

from seal import formats
from seal.errors import SealError
from seal.exact_json import MAX_DEPTH, parse, too_deep

NAMES = {
    "application/json": "transcript.json",
    "text/plain": "transcript.txt",
    "text/vtt": "transcript.vtt",
    "application/x-subrip": "transcript.srt",
}
"""Content types that are taken, and what errors call such a transcript. The name says which formats
are tried first; the client's own name of the file is not used."""

TYPES = {name: kind for kind, name in NAMES.items()}
"""The content type of each name."""


def read(data: bytes, name: str, format: str | None = None) -> formats.Transcript:
    """Read a transcript in the named format, or in one that is recognised. Raises SealError if
    there is none, or if it could not be written again."""
    try:
        transcript = formats.load(name, format, data=data)
    except RecursionError:
        raise SealError(f"{name}: nested too deep") from None
    document = transcript.original.source.document
    # The answer has the content type of the request, which would then be wrong.
    if document is not None and not name.endswith(".json"):
        raise SealError(f"{name}: is JSON; send it as application/json")
    if document is not None and too_deep(document.root):
        raise SealError(f"{name}: nested deeper than {MAX_DEPTH}")
    return transcript


def is_json(data: bytes) -> bool:
    """Whether it is JSON, of whatever content."""
    try:
        parse(data.decode("utf-8-sig"), "")
    except (UnicodeDecodeError, SealError):
        return False
    return True

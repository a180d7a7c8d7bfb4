"""The one place where a request's bytes become a transcript, and its size is judged.

Any format of `seal.formats` will do. It knows nothing of requests but their content types.
"""

from seal import formats
from seal.errors import SealError
from seal.exact_json import DEEPEST, parse, too_deep

NAMES = {
    "application/json": "transcript.json",
    "text/plain": "transcript.txt",
    "text/vtt": "transcript.vtt",
    "application/x-subrip": "transcript.srt",
}
"""Content types that are taken, and what errors call such a transcript. The name says what is tried
first: its file's own name is the client's affair."""

TYPES = {name: kind for kind, name in NAMES.items()}


def read(given: bytes, name: str, format: str | None = None) -> formats.Transcript:
    """The transcript in those bytes, in the named format or one that is recognised. Raises
    SealError if it is in none, or could not be written again."""
    try:
        found = formats.load(name, format, data=given)
    except RecursionError:
        raise SealError(f"{name}: nested too deep") from None
    document = found.original.source.document
    # The answer has the content type of the question, and would be called what it is not.
    if document is not None and not name.endswith(".json"):
        raise SealError(f"{name}: is JSON; send it as application/json")
    if document is not None and too_deep(document.root):
        raise SealError(f"{name}: nested deeper than {DEEPEST}")
    return found


def is_json(given: bytes) -> bool:
    """Is it JSON at all, whatever it says?"""
    try:
        parse(given.decode("utf-8-sig"), "")
    except (UnicodeDecodeError, SealError):
        return False
    return True

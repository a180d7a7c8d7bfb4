"""The one place where a request's bytes become a word transcript, and its size is judged.

It knows nothing of requests.
"""

from typing import Any

from seal import words
from seal.errors import SealError
from seal.server.limits import DEPTH

NAME = "transcript"  # what errors call it: its file's name is the client's affair


def read(given: bytes) -> list[words.Word]:
    """The words of a transcript's bytes. Raises SealError."""
    return check(parse(given))


def parse(given: bytes) -> Any:
    """The JSON value, its numbers as they were written. Raises SealError if it is no JSON."""
    try:
        text = given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SealError(f"{NAME}: not a JSON text in UTF-8 (byte {error.start})") from None
    return words.parse(text, NAME)


def check(value: Any) -> list[words.Word]:
    """The value, if it is a word transcript that can be written again. Raises SealError."""
    found = words.check(value, NAME)
    for number, word in enumerate(found, start=1):
        layer: list[Any] = [word]
        for _ in range(DEPTH):
            layer = [inner for outer in layer for inner in _within(outer)]
            if not layer:
                break
        else:
            raise SealError(f"{NAME}: entry {number}: nested deeper than {DEPTH}")
    return found


def _within(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [one for one in inner if isinstance(one, (dict, list))]

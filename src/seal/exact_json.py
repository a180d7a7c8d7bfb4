"""JSON whose numbers keep their spelling, so that what is read and written again is the same bytes.

It knows nothing of what the JSON is about.
"""

import json
import re
from numbers import Integral, Real
from typing import Any

from seal.errors import SealError

MAX_DEPTH = 100
"""Levels of lists and objects, at most, in a key that seal does not know."""


class _Number(float):
    """A float that remembers how it was written, so that writing it again changes no byte."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "_Number":
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return _Number, (self.text,)


class _DuplicateKeyError(Exception):
    """An object has a key twice, so that one of its values would be lost."""


def _float(text: str) -> float:
    """A plain float where Python writes it as `text`, which saves memory; else a `_Number`."""
    number = float(text)
    return number if repr(number) == text else _Number(text)


def _integer(text: str) -> int | _Number:
    return _Number(text) if text == "-0" else int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return result


def parse(text: str, name: str) -> Any:
    """The value of a JSON text, with numbers that remember how they were written. Raises SealError,
    which begins with `name`."""
    try:
        return json.loads(text, parse_float=_float, parse_int=_integer, object_pairs_hook=_object)
    except _DuplicateKeyError as error:
        raise SealError(f"{name}: the key {str(error)!r} stands twice in one object") from None
    except json.JSONDecodeError as error:
        raise SealError(
            f"{name}: not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
        ) from None
    except (RecursionError, ValueError):
        raise SealError(
            f"{name}: not usable JSON (nested too deep, or a number too long)"
        ) from None


def dumps(value: Any) -> str:
    """The JSON text of `value`; numbers that `parse` read are written as they were."""
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumps(str(k))}: {dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(dumps(item) for item in value) + "]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        # A lone surrogate has no UTF-8 form: only the escape can carry it.
        return json.dumps(value) if re.search("[\ud800-\udfff]", text) else text
    return json.dumps(value, default=_plain_number)


def _plain_number(value: Any) -> Any:
    """A number of numpy's as Python's, which is written as short as numpy shows it."""
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(str(value))
    if type(value).__name__ in ("bool", "bool_"):  # numpy's: no number, and not Python's
        return bool(value)
    raise SealError(f"{type(value).__name__}: is nothing that JSON can hold")


def too_deep(value: Any) -> bool:
    """Whether `value` is nested deeper than MAX_DEPTH: `dumps`, which calls itself, might fail."""
    level, depth = [value], 0
    while level:
        depth += 1
        inner = [v.values() if isinstance(v, dict) else v for v in level]
        level = [v for part in inner for v in part if isinstance(v, (dict, list))]
        if depth > MAX_DEPTH:
            return True
    return False

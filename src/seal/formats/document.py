"""A JSON text in which single values can be replaced, every other byte staying as it is.

It knows where each value stands in the text, and in which manner (indents, escapes) new ones are to
be written beside the old. It knows nothing of transcripts.
"""

import json
import re
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.exact_json import dumps, parse

Path = tuple[str | int, ...]
"""The keys and places that lead from the whole document to a value."""

_SPACE = re.compile(r"[ \t\n\r]*")
_KEY = re.compile(r'"(\s*:\s*)')
_FILLED = re.compile(r"\S(?:[^\n]*\S)?")
_scan = json.JSONDecoder().raw_decode


class Span(NamedTuple):
    """Where a member stands: its key (or itself, in a list), its value, and where that ends."""

    first: int
    start: int
    end: int


class Document:
    """A JSON text and its value, `root`. Raises SealError, naming `name`, if it is no JSON."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.root = parse(text, name)
        self._known: dict[Path, dict[str | int, Span]] = {}

    def at(self, path: Path) -> Any:
        """The value at `path`."""
        value = self.root
        for step in path:
            value = value[step]
        return value

    def start(self, path: Path) -> int:
        """Where the value at `path` begins."""
        return self.members(path[:-1])[path[-1]].start if path else self._skip(0)

    def members(self, path: Path) -> dict[str | int, Span]:
        """The members of the object or list at `path`, in the order of the text."""
        if path not in self._known:
            self._known[path] = self._members(self.start(path))
        return self._known[path]

    def _members(self, start: int) -> dict[str | int, Span]:
        text = self.text
        found: dict[str | int, Span] = {}
        keyed = text[start] == "{"
        position = self._skip(start + 1)
        while text[position] not in "}]":
            first = position
            key: str | int = len(found)
            if keyed:
                key, position = _scan(text, position)
                position = self._skip(self._skip(position) + 1)
            value = position
            position = _scan(text, position)[1]
            found[key] = Span(first, value, position)
            position = self._skip(position)
            if text[position] == ",":
                position = self._skip(position + 1)
        return found

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self.text, position)
        return match.end() if match else position

    @cached_property
    def indent(self) -> str | None:
        """What one step further in is indented by; None where all stands on one line."""
        match = re.match(r"\s*[\[{]\r?\n([ \t]+)", self.text)
        return match[1] if match else None

    @cached_property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @cached_property
    def colon(self) -> str:
        match = _KEY.search(self.text)
        return match[1] if match else ": "

    @cached_property
    def comma(self) -> str:
        if self.indent is not None:
            return ","
        return ", " if ": " in self.colon or re.search(r'[\]}"\d], ["{\[\d]', self.text) else ","

    @cached_property
    def escapes(self) -> bool:
        """Whether letters beyond ASCII are escaped."""
        return self.text.isascii() and "\\u" in self.text

    def dumps(self, value: Any, margin: str) -> str:
        """JSON text of `value` in the manner of this text, its later lines indented by `margin`."""
        if isinstance(value, (dict, list)) and value:
            inner = margin + (self.indent or "")
            line = "" if self.indent is None else self.newline
            before, after = (line + inner, line + margin) if line else ("", "")
            if isinstance(value, dict):
                items = [
                    self.dumps(str(key), "") + self.colon + self.dumps(item, inner)
                    for key, item in value.items()
                ]
                return "{" + before + (self.comma + before).join(items) + after + "}"
            items = [self.dumps(item, inner) for item in value]
            return "[" + before + (self.comma + before).join(items) + after + "]"
        if isinstance(value, str) and self.escapes:
            return json.dumps(value)
        return dumps(value)


class Lines(Document):
    """JSON Lines: a value a line, which together are read as a list. Raises SealError as above."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name, self.root = text, name, []
        spans: dict[str | int, Span] = {}
        for number, match in enumerate(_FILLED.finditer(text)):
            try:
                self.root.append(parse(match[0], name))
            except SealError as error:
                line = text.count("\n", 0, match.start()) + 1
                told = re.sub(r"\(line \d+, ", f"(line {line}, ", str(error), count=1)
                raise SealError(told) from None
            spans[number] = Span(match.start(), *match.span())
        self._known = {(): spans}

    @cached_property
    def indent(self) -> str | None:
        return None


def document(text: str, name: str) -> Document:
    """A JSON text, or JSON Lines where it is several values. Raises SealError where it is none."""
    lines = _FILLED.finditer(text)
    first, second = next(lines, None), next(lines, None)
    if first is None or second is None or first[0][:1] not in "{[" or second[0][:1] != first[0][:1]:
        return Document(text, name)
    try:
        parse(first[0], name)
    except SealError:
        return Document(text, name)
    return Lines(text, name)


class Edit:
    """Changes to a document, collected and then made at once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._made: dict[tuple[int, int], str] = {}

    def put(self, path: Path, value: Any) -> None:
        """Replace the value at `path`, or add it to its object as the last member."""
        document = self.document
        members = document.members(path[:-1])
        own = members.get(path[-1])
        if own is not None:
            old = document.at(path)
            if old != value or type(old) is not type(value):
                self._made[own.start, own.end] = document.dumps(value, self._margin(own.first))
            return
        key = document.dumps(str(path[-1]), "") + document.colon
        if not members:
            place = document.start(path[:-1]) + 1
            self._add(place, key + document.dumps(value, ""))
            return
        *_, last = members.values()
        margin = self._margin(last.first)
        gap = self._gap(members, document.start(path[:-1]))
        self._add(last.end, gap + key + document.dumps(value, margin))

    def split(self, path: Path, values: list[Any]) -> None:
        """Put one or more values where the list has the one at `path`."""
        members = self.document.members(path[:-1])
        own = members[path[-1]]
        gap = self._gap(members, self.document.start(path[:-1]))
        margin = self._margin(own.first)
        texts = [self.document.dumps(value, margin) for value in values]
        self._made[own.start, own.end] = gap.join(texts)

    def text(self) -> str:
        """The text with the changes made."""
        pieces, done = [], 0
        for (start, end), new in sorted(self._made.items()):
            pieces += [self.document.text[done:start], new]
            done = end
        return "".join([*pieces, self.document.text[done:]])

    def _add(self, place: int, new: str) -> None:
        self._made[place, place] = self._made.get((place, place), "") + new

    def _gap(self, members: dict[str | int, Span], start: int) -> str:
        """What stands between two members: a comma, and the way to the next line."""
        first, *second = islice(members.values(), 2)
        if second:
            return self.document.text[first.end : second[0].first]
        before = self.document.text[start + 1 : first.first]
        return "," + (before or self.document.comma[1:])

    def _margin(self, place: int) -> str:
        if self.document.indent is None:
            return ""
        line = self.document.text[self.document.text.rfind("\n", 0, place) + 1 : place]
        return line[: len(line) - len(line.lstrip())]

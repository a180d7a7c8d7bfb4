"""Which format a file is in: by its name where that says it, and by what is in it.

Each format's own file recognises its files; which are asked, in what order, and what is said where
none knows it, is here.
"""

import re
from typing import Any

from seal.errors import SealError
from seal.formats import foreign
from seal.formats.known import FORMATS, module_of
from seal.formats.reading import Source
from seal.words import check

UNREAD = {
    "audio_items": "Amazon Bedrock Data Automation's JSON",
}
"""What is seen to be somebody's, by a key, and is not read."""

_JSON = re.compile(r"\s*[\[{]\s*[\[{\"\]}]")
"""How a text begins that is meant as JSON, and no name or time in brackets."""


def recognised(source: Source, by_name: str | None) -> str:
    """The format of a file; `by_name` is what its name says. Raises SealError for none that is
    known."""
    name, text = source.path.name, source.text
    if by_name and not text.strip():
        raise SealError(f"{source.path}: is empty")
    opens = text.lstrip()[:1] in ("{", "[")
    if name.lower().endswith(".json") or (opens and by_name is None):
        return _first(source, "json", source.json.root) or _refuse(source)
    if opens:  # a text may begin so, too: "[Ann]: hello"
        try:
            return _first(source, "json", source.json.root) or _refuse(source)
        except SealError:
            found = _first(source, "text", text)
            if found is None and (by_name != "text" or _JSON.match(text)):
                raise
            return found or "text"
    if module_of("vtt").recognise(name, text):
        return "vtt"  # some call it .srt
    if by_name not in (None, "text") and module_of(str(by_name)).recognise(name, text):
        return str(by_name)
    found = _first(source, "text", text) or by_name
    if found is None:
        found = _first(source, "json", source.json.root) or _refuse(source)
    return found


def _first(source: Source, kind: str, content: Any) -> str | None:
    for format, its_kind in FORMATS.items():
        if its_kind == kind and module_of(format).recognise(source.path.name, content):
            return format
    return None


def _refuse(source: Source) -> str:
    root = source.json.root
    foreign.refuse_answers(source.path, root)
    for key, maker in UNREAD.items():
        if isinstance(root, dict) and key in root:
            raise SealError(f"{source.path}: {maker}, which is not read")
    known = ", ".join(format for format, kind in FORMATS.items() if kind == "json")
    try:
        check(source.json.root, str(source.path))
    except SealError as error:
        raise SealError(f"{error}, in none of the formats known ({known})") from None
    return "words"

"""ELAN's `.eaf`: XML with a tier a speaker, whose times stand in a list of their own.

A tier is its `PARTICIPANT`'s, or called so; tiers that divide others stay. The file is edited in
its own text: an annotation that is cut or moved gets ids and time slots of its own.
"""

import html
import re
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import tiers
from seal.formats.reading import Original, Source
from seal.formats.tiers import Interval, apart
from seal.parsing import LATEST, quoted
from seal.words import Word, speakers

HOLDS = {"word times"}
NUMBERS = None
TIERS = True
lost = tiers.lost

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>TIER|ANNOTATION|ALIGNABLE_ANNOTATION|ANNOTATION_VALUE|TIME_SLOT"
    r"|TIME_ORDER|REF_ANNOTATION)\b(?P<attributes>[^<>]*)>"
)
_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)")
_ATTRIBUTE = re.compile(r"([A-Z_0-9]{1,40})\s{0,4}=\s{0,4}(?:\"([^\"<>]*)\"|'([^'<>]*)')")


class Annotation(NamedTuple):
    """Where it stands, its id, and where its value does."""

    first: int
    last: int
    id: str
    value: tuple[int, int]


class Found(NamedTuple):
    """A tier: its speaker, its annotations, and where the next would be put in."""

    speaker: str
    intervals: list[Interval]
    annotations: list[Annotation]
    inner: int


class Parsed(NamedTuple):
    tiers: list[Found]
    order: int
    """Where the next time slot would be put in."""


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and "<ANNOTATION_DOCUMENT" in content[:2000]


def _attributes(text: str) -> dict[str, str]:
    return {name: html.unescape(one or other) for name, one, other in _ATTRIBUTE.findall(text)}


def _parse(source: Source) -> Parsed:
    text = _COMMENT.sub(lambda match: " " * len(match[0]), source.text)
    if "<![CDATA[" in text:
        line = text.count("\n", 0, text.index("<![CDATA[")) + 1
        raise SealError(f"{source.path}: line {line}: CDATA, which is not read; save it with ELAN")
    slots: dict[str, float | None] = {}
    found: list[Found] = []
    order, tier = -1, None
    annotation: dict[str, Any] = {}
    for tag in _TAG.finditer(text):
        kind, closes = tag["name"], bool(tag["end"])
        told = {} if closes else _attributes(tag["attributes"])
        if kind == "TIME_SLOT" and not closes:
            slots[told.get("TIME_SLOT_ID", "")] = _time(source, told.get("TIME_VALUE"), tag.start())
        elif kind == "TIME_ORDER" and (closes or tag["attributes"].endswith("/")):
            order = tag.start() if closes else -1
        elif kind == "TIER":
            tier = None
            if not closes and "PARENT_REF" not in told and not tag["attributes"].endswith("/"):
                name = told.get("PARTICIPANT", "").strip() or told.get("TIER_ID", "").strip()
                tier = Found(name, [], [], tag.end())
                found.append(tier)
        elif kind == "ANNOTATION" and not closes:
            annotation = {"first": tag.start()}
        elif kind == "ALIGNABLE_ANNOTATION" and not closes:
            annotation |= {"told": told}
        elif kind == "ANNOTATION_VALUE" and tag["attributes"].endswith("/"):
            annotation |= {"value": (tag.start(), tag.end())}
        elif kind == "ANNOTATION_VALUE":
            at = (annotation.get("value", (tag.end(),))[0], tag.start()) if closes else (tag.end(),)
            annotation |= {"value": at}
        elif kind == "ANNOTATION" and tier is not None and {"told", "value"} <= annotation.keys():
            _add(source, tier, annotation, tag.end(), slots)
            tier = tier._replace(inner=tag.end())
            found[-1] = tier
    return Parsed(found, order)


def _time(source: Source, value: str | None, position: int) -> float | None:
    if value is None:
        return None
    line = source.text.count("\n", 0, position) + 1 if not value.isdecimal() else 0
    if line or len(value) > 12 or int(value) / 1000 > LATEST:
        raise SealError(f"{source.path}: not a time in milliseconds: {quoted(value)}")
    return int(value) / 1000


def _add(
    source: Source, tier: Found, annotation: dict, last: int, slots: dict[str, float | None]
) -> None:
    told, value = annotation["told"], annotation["value"]
    start, end = (slots.get(told.get(f"TIME_SLOT_REF{side}", "")) for side in (1, 2))
    said = source.text[slice(*value)]
    text = "" if said.startswith("<") else html.unescape(said)
    tier.intervals.append(Interval(start, end, text, len(tier.intervals)))
    name = told.get("ANNOTATION_ID", "")
    tier.annotations.append(Annotation(annotation["first"], last, name, value))


def read(source: Source) -> Original:
    parsed = _parse(source)
    return tiers.read(source, [tiers.Tier(one.speaker, one.intervals) for one in parsed.tiers])


def write(original: Original, words: list[Word]) -> str:
    source, text = original.source, original.source.text
    parsed, moved = _parse(source), tiers.moved(original, words)
    if not moved:
        return text
    if parsed.order < 0:
        raise SealError(f"{source.path}: has no TIME_ORDER")
    slots: list[str] = []
    used = {int(n) for n in re.findall(r'_ID="a(\d{1,9})"', text)} | {0}
    stamps = {int(n) for n in re.findall(r'_ID="ts(\d{1,9})"', text)} | {0}
    annotation, stamp = max(used), max(stamps)
    edits: list[tuple[int, int, str]] = []
    for at, said in moved.items():
        tier = parsed.tiers[at]
        staying = {one.number for one in said if one.number is not None}
        for number, own in enumerate(tier.annotations):
            if number not in staying and tier.intervals[number].text.strip():
                if f'ANNOTATION_REF="{own.id}"' in text:
                    raise SealError(
                        f"{source.path}: the annotation {own.id} has others below it, which would "
                        "lose it; make a word transcript of it first (seal convert --to words)"
                    )
                before = text[max(0, own.first - 200) : own.first]
                lead = len(before) - len(before.rstrip())
                edits.append((own.first - lead, own.last, ""))
        added = ""
        for one in said:
            if one.number is None:
                annotation, stamp = annotation + 1, stamp + 2
                for place, time in ((stamp - 1, one.start), (stamp, one.end)):
                    value = (
                        f' TIME_VALUE="{round((time or 0.0) * 1000)}"' if time is not None else ""
                    )
                    slots.append(f'<TIME_SLOT TIME_SLOT_ID="ts{place}"{value}/>')
                added += "\n" + _annotation(annotation, stamp - 1, stamp, one.text)
        edits.append((tier.inner, tier.inner, added))
    edits.append((parsed.order, parsed.order, "".join(f"{slot}\n" for slot in slots)))
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[done : max(start, done)], new]
        done = max(end, done)
    return "".join([*pieces, text[done:]])


def _annotation(number: int, first: int, last: int, text: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{first}" '
        f'TIME_SLOT_REF2="ts{last}"><ANNOTATION_VALUE>{html.escape(text, quote=False)}'
        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def new(words: list[Word]) -> str:
    slots, made, number = [], [], 0
    for name in speakers(words):
        if name != name.strip() or not name:
            raise SealError(f"eaf: the speaker {quoted(name)} cannot be a tier's name")
        escaped = html.escape(name)
        own = ""
        for one in apart([word for word in words if word["speaker"] == name]):
            number += 1
            for place, time in ((2 * number - 1, one.start), (2 * number, one.end)):
                value = round((time or 0.0) * 1000)
                slots.append(f'<TIME_SLOT TIME_SLOT_ID="ts{place}" TIME_VALUE="{value}"/>')
            own += _annotation(number, 2 * number - 1, 2 * number, one.text) + "\n"
        made.append(
            f'<TIER LINGUISTIC_TYPE_REF="text" PARTICIPANT="{escaped}" TIER_ID="{escaped}">\n'
            f"{own}</TIER>\n"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" '
        'DATE="2000-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">\n'
        '<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>\n<TIME_ORDER>\n'
        + "".join(f"{slot}\n" for slot in slots)
        + "</TIME_ORDER>\n"
        + "".join(made)
        + '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="text" TIME_ALIGNABLE="true" '
        'GRAPHIC_REFERENCES="false"/>\n</ANNOTATION_DOCUMENT>\n'
    )

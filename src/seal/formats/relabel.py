"""Labelled text with other speakers: labels get other names, and new ones are put in.

A new label is of the make of those that are there, on a line of its own; where dashes are all there
is, it is a dash. Nothing else of the text is touched. What `labelled` reads is written here.
"""

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from seal.formats import names
from seal.formats.labelled import TAG, Floor, Label, Labelled

_ENDS = re.compile(r"<v[ .\t]|\n[ \t]*\r?\n")


def rewrite(
    before: Labelled,
    speakers: Sequence[str],
    paragraph: str,
    again: Callable[[str], Labelled],
) -> str:
    """The text with other speakers. `paragraph` goes before a label put into a line; `again` reads
    the new text: a name that is not read as one gets brackets, a dash that leads elsewhere a name.
    """
    bracketed: set[str] = set()
    text = before.text
    for attempt in range(3):
        text = _written(before, speakers, paragraph, bracketed, named=attempt > 0)
        found = again(text)
        told = found.speakers()
        if told == list(speakers):
            break
        missing = set(speakers) - set(found.names())
        bracketed |= missing or set(speakers)
    return text


def _written(
    before: Labelled,
    speakers: Sequence[str],
    paragraph: str,
    bracketed: set[str],
    named: bool,
) -> str:
    text, labels, tokens = before.text, before.labels, before.tokens
    old, floor = before.speakers(), Floor(before)
    current: str | None = floor.speaker
    lead = [place for place, token in enumerate(tokens) if token.label is None]
    first = next((place for place, token in enumerate(tokens) if token.label == 0), None)
    if labels[0].name is not None and (
        any(speakers[p] != current for p in lead)
        or (lead and first is not None and speakers[first] != old[first])
    ):
        current = None  # words before the first label now need one
    edits: list[tuple[int, int, str]] = []
    model: Label | None = next((label for label in labels if label.name is not None), None)
    closed = _closed(before)
    seen = -1
    for place, (token, wanted) in enumerate(zip(tokens, speakers, strict=True)):
        opens = token.label is not None and token.label != seen
        while opens and seen < (token.label or 0):
            seen += 1
            label = labels[seen]
            model = label if label.name is not None else model
            if seen < (token.label or 0):  # without a word, it is passed over
                floor.pass_to(label.name)
        if opens:
            label = labels[seen]
            if label.name is not None:
                floor.pass_to(wanted)
                if label.name != wanted or (wanted in bracketed and not label.sure):
                    new = _as_in(before, label, wanted, bracketed)
                    edits.append((label.name_start, label.name_end, new))
            elif model is None and wanted == floor.speaker:
                edits.append((label.start, label.end, ""))  # a dash that changes nothing now
            elif floor.after_dash() == wanted and not (named and model is not None):
                floor.pass_to(None)
            else:
                floor.pass_to(wanted)
                edits.append((label.end, label.end, _made(before, None, wanted, bracketed)))
        elif wanted != current:
            made = None
            if model is None and floor.speaker != wanted and floor.after_dash() == wanted:
                made = text[labels[0].start : labels[0].end]
                floor.pass_to(None)
            if made is None:
                made = _made(before, model, wanted, bracketed)
                floor.pass_to(wanted)
            edits.append(_insertion(before, place, made, paragraph, closed))
        current = wanted
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def _as_in(before: Labelled, label: Label, name: str, bracketed: set[str]) -> str:
    """A name in the place of a label's: in brackets where it would not be read as one without."""
    raw = html.escape(name, quote=False) if before.markup else name
    if before.voices or before.text[label.name_start - 1 : label.name_start] in ("[", "("):
        return raw
    known = any(one.name == name and not one.sure for one in before.labels[:200])
    plain = name not in bracketed and (names.plain([name]) or known)
    return raw if plain else f"[{raw}]"


def _made(before: Labelled, model: Label | None, name: str, bracketed: set[str]) -> str:
    """A new label, of the make of `model`, without the tags that stand in it."""
    if model is None:
        raw = html.escape(name, quote=False) if before.markup else name
        return f"{raw}: " if names.plain([name]) and name not in bracketed else f"[{raw}]: "
    text = before.text
    made = text[model.start : model.name_start], text[model.name_end : model.end]
    if not before.voices:
        made = TAG.sub("", made[0]), TAG.sub("", made[1])
    new = made[0] + _as_in(before, model, name, bracketed) + made[1]
    return new if before.voices or new[-1:].isspace() or new.endswith("：") else new + " "


def _insertion(
    before: Labelled, place: int, made: str, paragraph: str, closed: Callable[[int], bool]
) -> tuple[int, int, str]:
    """A label before a word: in its line where it is the first there, else on a new line."""
    text, token = before.text, before.tokens[place]
    gap = token.start
    while gap > 0 and text[gap - 1] in " \t":
        gap -= 1
    if before.voices:
        closing = "</v>" if closed(place) else ""
        return gap, token.start, closing + text[gap : token.start] + made
    if gap == 0 or text[gap - 1] == "\n":
        return token.start, token.start, made
    return gap, token.start, paragraph + made


def _closed(before: Labelled) -> Callable[[int], bool]:
    """Whether a word stands inside a voice that is closed after it: then a new one closes it."""
    text = before.text
    closes = [match.start() for match in re.finditer("</v>", text)]
    ends = [match.start() for match in _ENDS.finditer(text)]

    def closed(place: int) -> bool:
        token, previous = before.tokens[place], before.tokens[max(place - 1, 0)]
        if not place or not closes or "-->" in text[previous.end : token.start]:
            return False
        following = bisect_left(closes, token.start)
        if following == len(closes):
            return False
        end = bisect_left(ends, token.start)
        inside = end == len(ends) or closes[following] + 4 <= ends[end]
        return inside and "</v>" not in text[previous.start : token.start]

    return closed

"""Text in which a label says who speaks from there on: what subtitles and plain text share.

A label (`A: `, `[SPEAKER_00]: `, `<v Ann>`) holds until the next one; words before the first have
its speaker. Where a speaker changes elsewhere, a label of the same make is put in, on a line of its
own; nothing else of the text is touched. It knows nothing of times or files.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seal.errors import SealError
from seal.formats.reading import spoken
from seal.parsing import quoted

NAME = r"[^\s\[\]():<>,.?!;\"][^\[\]:<>,?!;\"\n]{0,39}"
# A time may stand before the label: "[00:01:02] Ann: hello".
PREFIX = re.compile(
    rf"^[ \t]*(?:[\[(]?\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:[.,]\d+)?[\])]?[ \t]+)?"
    rf"(?P<label>(?:\[(?P<bracket>[^\[\]\n]+)\]|(?P<plain>{NAME})):(?:[ \t]+|(?=\r?$)))",
    re.MULTILINE,
)
VOICE = re.compile(r"(?P<label><v(?:\.[^\s>]*)?[ \t]+(?P<bracket>[^>\n]+)>)")
# "[door slams]" is one token, and no word.
_NOISE = re.compile(r"\[[^\[\]\n]*\]")
_TOKEN = re.compile(rf"{_NOISE.pattern}(?=\s|$)|(?:<[^<>\n]*>|\{{\\[^{{}}\n]*\}}|[^\s<]|<)+")
_TAG = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}")


class Label(NamedTuple):
    """Where a label stands (with what is before it on its line), its name, and that's place."""

    first: int
    start: int
    end: int
    name: str
    name_start: int
    doubtful: bool
    """Perhaps no name: a word before a colon on a later line of a cue."""


class Token(NamedTuple):
    """A word: its text without tags, where it stands, and the label that holds (None: none yet)."""

    text: str
    start: int
    end: int
    label: int | None


class Labelled(NamedTuple):
    """A text with its labels and words."""

    text: str
    labels: list[Label]
    tokens: list[Token]
    voices: bool
    cues: bool

    def speakers(self) -> list[str | None]:
        """Each word's, as the labels say. Words before the first label have its speaker."""
        first = self.labels[0].name if self.labels else None
        return [first if t.label is None else self.labels[t.label].name for t in self.tokens]


def is_name(name: str) -> bool:
    """Whether what stands before a colon is a speaker's name, and not the start of a sentence."""
    words = name.split()
    if len(words) == 1 or (len(words) == 2 and words[0].lower() in ("speaker", "spk", "channel")):
        return name.lower() not in ("http", "https")
    return len(words) <= 4 and not any(word[0].islower() for word in words)


def scan(
    text: str, bodies: Sequence[tuple[int, int]], voices: bool, cues: bool = False
) -> Labelled:
    """Find labels and words in the parts of a text where something is said.

    The lines of `cues` are broken where there is room: what stands before a colon on a later line
    is a name if it is one elsewhere, too, else it is said ("Remember: never lie").
    """
    found = [
        [
            _label(match, start, cues and bool(text[start : start + match.start()].strip()))
            for match in (VOICE if voices else PREFIX).finditer(text[start:end])
            if match["bracket"] or is_name(match["plain"])
        ]
        for start, end in bodies
    ]
    often = Counter(label.name for own in found for label in own)
    labels: list[Label] = []
    tokens: list[Token] = []
    for (start, end), candidates in zip(bodies, found, strict=True):
        position = start
        for label in [*candidates, None]:
            if label is not None and label.doubtful and often[label.name] < 2:
                continue
            stop = end if label is None else label.first
            for token in _TOKEN.finditer(text, position, stop):
                clean = _TAG.sub("", token[0])
                if spoken(clean) and not _NOISE.fullmatch(token[0]):
                    tokens.append(Token(clean, *token.span(), len(labels) - 1 if labels else None))
            if label is not None:
                labels.append(label)
                position = label.end
    return Labelled(text, labels, tokens, voices, cues)


def _label(match: re.Match[str], start: int, later: bool) -> Label:
    """A label in the part of the text that begins at `start`."""
    group = "bracket" if match["bracket"] else "plain"
    name = match[group].strip()
    return Label(
        start + match.start(),
        start + match.start("label"),
        start + match.end(),
        name,
        start + match.start(group) + match[group].index(name),
        later and group == "plain",
    )


def rewrite(before: Labelled, speakers: Sequence[str], paragraph: str = "\n") -> str:
    """The text with other speakers. `paragraph` goes before a label put into a line."""
    text, labels, tokens = before.text, before.labels, before.tokens
    old = before.speakers()
    names = [label.name for label in labels]
    put: list[tuple[int, str]] = []  # before which words labels are put, and whose
    current = labels[0].name if labels else None
    lead = [place for place, token in enumerate(tokens) if token.label is None]
    opening = {token.label: place for place, token in reversed(list(enumerate(tokens)))}
    first = opening.get(0)
    if any(speakers[p] != current for p in lead) or (
        lead and first is not None and speakers[first] != old[first]
    ):
        current = None  # words before the first label now need one
    seen: int | None = None
    for place, token in enumerate(tokens):
        if token.label is not None and token.label != seen:
            # Labels without a word between are passed over; the last one counts.
            seen = token.label
            current = names[token.label] = speakers[place]
        elif speakers[place] != current:
            current = speakers[place]
            put.append((place, current))
    often = Counter([*names, *(name for _, name in put)])
    edits: list[tuple[int, int, str]] = []
    for label, name in zip(labels, names, strict=True):
        new = _as_in(before, label, name, label.doubtful and often[name] < 2)
        edits.append((label.name_start, label.name_start + len(label.name), new))
    for place, name in put:
        edits.append(_insertion(before, place, name, paragraph, before.cues and often[name] < 2))
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def _as_in(before: Labelled, label: Label, name: str, doubtful: bool) -> str:
    """A name in the place of a label's: in brackets where it would not be read as one without."""
    plain = not before.voices and before.text[label.start] != "["
    return f"[{name}]" if plain and (doubtful or not _is_plain([name])) else name


def _insertion(
    before: Labelled, place: int, name: str, paragraph: str, doubtful: bool
) -> tuple[int, int, str]:
    """A label before a word: in its line where it is the first there, else on a new line."""
    text, token = before.text, before.tokens[place]
    model = before.labels[token.label or 0]
    made = text[model.start : model.name_start] + _as_in(before, model, name, doubtful)
    made += text[model.name_start + len(model.name) : model.end]
    if not before.voices and not made[-1:].isspace():
        made += " "
    gap = len(text[: token.start].rstrip(" \t"))
    if before.voices:
        return gap, token.start, _closing(before, place) + text[gap : token.start] + made
    if gap == 0 or text[gap - 1] == "\n":
        return token.start, token.start, made
    return gap, token.start, paragraph + made


def _closing(before: Labelled, place: int) -> str:
    """`</v>` where a word stands inside a voice that is closed after it."""
    text, token = before.text, before.tokens[place]
    if not place or "-->" in text[before.tokens[place - 1].end : token.start]:
        return ""
    rest = re.split(r"<v[ .\t]|\n[ \t]*\r?\n", text[token.start :], maxsplit=1)[0]
    inside = "</v>" in rest and "</v>" not in text[before.tokens[place - 1].start : token.start]
    return "</v>" if inside else ""


def model_label(names: Iterable[str], path: str) -> str:
    """How new text names its speakers: `A: `, or `[A]: ` where that would not be read as a name.

    Raises SealError for a name that no label can hold.
    """
    names = list(names)
    for name in names:
        if not name.strip() or name != name.strip() or re.search(r"[\[\]<>\n\r]", name):
            raise SealError(f"{path}: the speaker {quoted(name)} cannot be a label in a text")
    return "{}: " if _is_plain(names) else "[{}]: "


def _is_plain(names: Iterable[str]) -> bool:
    """Whether all names are read as such before a colon."""
    return all(re.fullmatch(NAME, name) and is_name(name) for name in names)

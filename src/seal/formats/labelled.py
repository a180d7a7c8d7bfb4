"""Text in which a label says who speaks from there on: what subtitles and plain text share.

A label (`A: `, `[SPEAKER_00]: `, `(speaker 0)`, `>> ANN: `, `<v Ann>`) holds until the next one;
words before the first have its speaker. In subtitles a dash (or `>>`) that opens a line without a
name is a change to the speaker before; so is `>>` inside a line. It knows nothing of times or
files; `relabel` writes.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from seal.errors import SealError
from seal.formats import names
from seal.formats.names import Candidate, canonical
from seal.formats.signs import spoken
from seal.parsing import quoted

NAMELESS = ("1", "2")
"""Who takes turns where dashes are all there is."""

SPARSE = 0.05
"""The part of all cues that have dashes at least, if those are the only sign of speakers."""

_TIME = r"[\[(]?\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?[\])]?"
_TAGS = r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}"
_CLOSED = r"(?:</[^<>\n]{0,40}>|\{\\[^{}\n]{0,40}\})*"
_SOUND = r"(?:\[[^\[\]\n:：]{1,60}\]|\([^()\n:：]{1,60}\)|[♪♫]+)(?=[ \t])"
_LEAD = re.compile(rf"(?:[ \t\xa0{names.HIDDEN}]|{_TAGS}|{_TIME}(?=[ \t]))*")
# "[laughs] Ann: ", "(laughs) Ann: ": what is heard before a name.
_HEARD = re.compile(rf"(?:{_SOUND}[ \t]+)+")
# ">>" inside a line is a change, too, where others open one.
_INSIDE = re.compile(r"(?<=[ \t])(?:>{2,3}|(?:&gt;){2,3})(?=[ \t]*[^\s>=])")
_MARK = re.compile(
    rf"(?:>{{2,3}}|(?:&gt;){{2,3}}|[-‐](?![\d-])|[-‐](?=[ \t])|[–—](?![ \t]*[a-zà-ÿ]))"
    rf"(?:[ \t\xa0]|{_TAGS})*"
)
_SPEAKER = r"(?:speaker|spk|sprecher|locuteur|hablante|channel)[ _]?(?:\d{1,3}|[A-Za-z?])"
# Scripts without spaces: "张三:你好".
_DENSE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_LABEL = re.compile(
    rf"(?:\[(?P<bracket>[^\[\]\n]+)\]{_CLOSED}(?:[ \t]?[:：]|(?<=(?P<known>\])))"
    rf"|\((?P<round>{_SPEAKER})\):?"
    rf"|(?P<plain>[^\s:：<>\n](?:(?!\{{\\)[^:：<>\n]){{0,59}}){_CLOSED}[:：])"
    rf"{_CLOSED}(?:[ \t\xa0]+|(?=\r?(?:\n|$))|(?<=：)|(?<=：</i>)|(?<=：</b>)"
    rf"|(?<=[{_DENSE}]:)(?=[{_DENSE}]))",
    re.IGNORECASE,
)
_KNOWN = re.compile(_SPEAKER, re.IGNORECASE)
VOICE = re.compile(
    r"(?P<label><v(?:\.[^\s<>]*)?[ \t]+(?P<bracket>[^<>\s][^<>\n]*)>)", re.IGNORECASE
)
TAG = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}")
_STYLES = {"i": "italics", "b": "bold", "u": "underlining"}
_NO_STYLE = re.compile(r"</?v(?:[.\s][^>]*)?>|</?c>|<[\d:.]+>", re.IGNORECASE)
# "[door slams]" is one token, and no word; neither is "(00:03)".
_NOISE = r"(?:\[[^\[\]\n]*\]|\(\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?\))[.,;!?…]*"
_INSIDE_SONG = r"(?:(?!\n[ \t]*\r?\n)[^♪♫♬♩]){0,300}"
# "♪ la la ♪" is sung, and so is a line that begins so, or "# la la #".
_SONG = (
    rf"(?:[♪♫♬♩]+{_INSIDE_SONG}[♪♫♬♩]+|(?<![^\n])(?:{TAG.pattern})*[♪♫♬♩]+[^\n♪♫♬♩]*"
    rf"|(?<![^\n])#[ \t](?:(?!\n[ \t]*\r?\n)[^#]){{1,300}}[ \t]#(?=[ \t]*\r?(?:\n|$)))"
)
_ASIDE = rf"(?:{TAG.pattern})*(?:{_NOISE}(?=(?:{TAG.pattern})*(?:\s|$))|{_SONG})(?:{TAG.pattern})*"
_TOKEN = re.compile(rf"(?P<aside>{_ASIDE})|(?:{TAG.pattern}|[^\s<]|<)+")


class Label(NamedTuple):
    """Where a label stands (`first`: with what is before it on its line), and whose it is."""

    first: int
    start: int
    end: int
    name: str | None
    """None: a dash, and no name."""
    name_start: int
    name_end: int
    sure: bool = True
    """In brackets, a voice, or a dash: needs no other to be believed."""
    later: bool = False
    """On a later line of its cue."""


class Token(NamedTuple):
    """A word: its text without tags, where it stands, and the label that holds (None: none yet)."""

    text: str
    start: int
    end: int
    label: int | None
    whole: str = ""
    """With the signs beside it that stand alone."""


class Said(NamedTuple):
    """A word: its text without tags, where it stands, and with the signs beside it."""

    text: str
    start: int
    end: int
    whole: str


class Labelled(NamedTuple):
    """A text with its labels and words."""

    text: str
    labels: list[Label]
    tokens: list[Token]
    voices: bool
    cues: bool
    markup: bool
    asides: list[str]
    """What is there and is no word, nor beside one: noises, songs, signs alone."""
    styles: list[str]
    """How the text is set: italics and the like."""

    def names(self) -> list[str]:
        """The names in it, in the order in which they come up."""
        return list(dict.fromkeys(label.name for label in self.labels if label.name is not None))

    def speakers(self) -> list[str | None]:
        """Each word's, as the labels say. Words before the first label have its speaker."""
        if not self.labels:
            return [None] * len(self.tokens)
        now = Floor(self)
        found: list[str | None] = []
        seen = -1
        for token in self.tokens:
            while token.label is not None and seen < token.label:
                seen += 1
                now.pass_to(self.labels[seen].name)
            found.append(now.speaker)
        return found


class Floor:
    """Who has the floor as a text is read, and who had it before: to them a dash gives it back."""

    def __init__(self, text: Labelled) -> None:
        self.known = text.names()
        for name in NAMELESS:
            if len(self.known) < 2 and name not in self.known:
                self.known.append(name)
        self.speaker = text.labels[0].name or self.known[0]
        self.before: str | None = None

    def after_dash(self) -> str:
        """Whose a dash would be here."""
        return self.before or next(name for name in self.known if name != self.speaker)

    def pass_to(self, name: str | None) -> None:
        """Read a label: a name, or a dash (None)."""
        name = self.after_dash() if name is None else name
        if name != self.speaker:
            self.before, self.speaker = self.speaker, name


def scan(
    text: str,
    bodies: Sequence[tuple[int, int]],
    voices: bool,
    cues: bool = False,
    markup: bool = False,
) -> Labelled:
    """Find labels and words in the parts of a text where something is said.

    In `cues` what stands before a colon on a later line is a name if it is one elsewhere, too, else
    it is said ("Remember: never lie"). `markup`: entities (`&amp;`) stand for characters.
    """
    opened = 0
    found: list[list[Label]] = []
    for start, end in bodies:
        own = [_voice(m, start, markup) for m in VOICE.finditer(text[start:end])] if voices else []
        lines = 1
        if not voices:
            own, lines = _labels(text, start, end, cues, markup)
        opened += 1 if cues else lines
        found.append(own)
    if cues and not any(_opens(text, own) for own in found):
        found = [[one for one in own if not _inside(text, one)] for own in found]
    candidates = [Candidate(n, one.sure, one.later) for n, one in _named(found)]
    known = {name for name, _ in _named(found)} if voices else None
    if known is None:
        known = names.accepted(candidates, opened, cues)
    dashes = sum(any(label.name is None for label in own) for own in found)
    use_dashes = bool(known) or (dashes > 1 and dashes >= SPARSE * opened)
    labels: list[Label] = []
    tokens: list[Token] = []
    asides: list[str] = []
    for (start, end), own in zip(bodies, found, strict=True):
        position = start
        for label in [*own, None]:
            if label is not None and label.name is not None and label.name not in known:
                if not text[label.start : label.name_start].strip() or not cues:
                    continue
                mark = _MARK.match(text, label.start, label.end)
                if mark is None:
                    continue
                label = label._replace(name=None, end=mark.end(), name_start=mark.end())
                label = label._replace(name_end=mark.end())
            if label is not None and label.name is None and not use_dashes:
                continue
            stop = end if label is None else label.first
            holds = len(labels) - 1 if labels else None
            words, others = parted(text, position, stop, markup)
            tokens += (Token(*word[:3], holds, word.whole) for word in words)
            asides += others
            if label is not None:
                labels.append(label)
                position = label.end
    styles = styles_in(text[start:end] for start, end in bodies)
    return Labelled(text, labels, tokens, voices, cues, markup, asides, styles)


def words_in(
    text: str, start: int, stop: int, markup: bool = False
) -> Iterator[tuple[str, int, int]]:
    """The words in a part of the text, without tags, and where they stand. Noises are none."""
    for token in _TOKEN.finditer(text, start, stop):
        clean = _clean(token[0], markup)
        if token["aside"] is None and spoken(clean):
            yield clean, *token.span()


def parted(text: str, start: int, stop: int, markup: bool = False) -> tuple[list[Said], list[str]]:
    """The words in a part of the text, and what is no word there. A sign that stands alone goes
    with the word before it, at the beginning with the one after."""
    words: list[tuple[str, int, int]] = []
    beside: list[list[str]] = [[]]  # what stands before the first word, then each with its signs
    asides: list[str] = []
    for token in _TOKEN.finditer(text, start, stop):
        clean = _clean(token[0], markup)
        if token["aside"] is not None:
            asides.append(" ".join(clean.split()))
        elif spoken(clean):
            words.append((clean, *token.span()))
            beside.append([clean])
        elif canonical(clean):
            beside[-1].append(clean)
    if not words:
        return [], asides + beside[0]
    beside[:2] = [beside[0] + beside[1]]
    return [Said(*word, " ".join(own)) for word, own in zip(words, beside, strict=True)], asides


def _clean(token: str, markup: bool) -> str:
    """A token without its tags."""
    clean = TAG.sub("", token)
    return html.unescape(clean) if markup else clean


def styles_in(texts: Iterable[str]) -> list[str]:
    """How parts of a text are set, by the tags in them."""
    found: dict[str, None] = {}
    for text in texts:
        for tag in TAG.findall(text):
            if not _NO_STYLE.fullmatch(tag):
                found.setdefault(_STYLES.get(tag.strip("</>").lower(), "formatting"))
    return list(found)


def _named(found: Sequence[Sequence[Label]]) -> Iterator[tuple[str, Label]]:
    return ((label.name, label) for own in found for label in own if label.name is not None)


def _voice(match: re.Match[str], start: int, markup: bool) -> Label:
    first, last = match.span("bracket")
    begin, end = start + match.start(), start + match.end()
    name = canonical(match["bracket"], markup)
    return Label(begin, begin, end, name, start + first, start + last)


def _labels(text: str, start: int, end: int, cues: bool, markup: bool) -> tuple[list[Label], int]:
    """What may be labels in a part of the text, and how many lines it has."""
    found, lines = [], 0
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if not text[start:stop].isspace() and start < stop:
            label = label_at(text, start, stop, cues, markup)
            if label is not None:
                found.append(label._replace(later=cues and lines > 0))
            for mark in _INSIDE.finditer(text, start if label is None else label.end, stop):
                inside = label_at(text, mark.start(), stop, cues, markup)
                if inside is not None:
                    found.append(inside)
            lines += 1
        start = stop + 1
    return found, lines


def label_at(text: str, start: int, stop: int, cues: bool, markup: bool) -> Label | None:
    """What may be a label at the start of a line, which goes to `stop`."""
    lead = _LEAD.match(text, start, stop)
    begin = start if lead is None else lead.end()
    heard = _HEARD.match(text, begin, stop) if cues else None
    if heard is not None and _KNOWN.fullmatch(heard[0].strip()[1:-1]) is None:
        label = label_at(text, heard.end(), stop, False, markup)
        if label is not None and not label.sure:
            return label._replace(first=start)
    mark = _MARK.match(text, begin, stop)
    after = begin if mark is None else mark.end()
    match = _LABEL.match(text, after, stop)
    if match is not None and match["known"] and not _KNOWN.fullmatch(match["bracket"]):
        match = None
    if match is not None:
        group = next(key for key in ("bracket", "round", "plain") if match[key] is not None)
        raw = match[group]
        name = canonical(raw, markup)
        if name:
            ends = names.ends(raw)
            first, last = (match.start(group) + place for place in ends)
            return Label(start, begin, match.end(), name, first, last, group != "plain")
    if mark is not None and cues and _says(text, after, stop):
        return Label(start, begin, after, None, after, after)
    return None


def _opens(text: str, labels: Sequence[Label]) -> bool:
    """Whether one of the labels is a `>>` that opens a line."""
    chevrons = (one for one in labels if text.startswith((">>", "&gt;&gt;"), one.start))
    return any(not _inside(text, one) for one in chevrons)


def _inside(text: str, label: Label) -> bool:
    """Whether it is a `>>` behind something else on its line."""
    return label.first == label.start and _INSIDE.match(text, label.start) is not None


def _says(text: str, start: int, stop: int) -> bool:
    """Whether anything is said there."""
    return next(words_in(text, start, stop), None) is not None


def model_label(speakers: Sequence[str] | set[str], path: str) -> str:
    """How new text names its speakers: `A: `, or `[A]: ` where that would not be read as a name.

    Raises SealError for a name that no label can hold.
    """
    for name in speakers:
        if not name.strip() or name != name.strip() or re.search(r"[\[\]<>\n\r]", name):
            raise SealError(f"{path}: the speaker {quoted(name)} cannot be a label in a text")
    return "{}: " if names.plain(speakers) else "[{}]: "

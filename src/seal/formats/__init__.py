"""Formats of other tools' transcripts, one file each: what they say is read, and written back.

Each file has `recognise(name, content)` (content is the JSON, or the text), `read(source)`, which
finds the words and remembers where their speakers stand, `write(original, words)`, which gives the
original text with those speakers changed and nothing else, and `new(words)`, which makes a text of
that format from nothing. `HOLDS` says what the format can hold, `NUMBERS` the first speaker where
those are numbers.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from seal import rulings
from seal.errors import SealError
from seal.files import write_text
from seal.formats import evidence, language, signs
from seal.formats.encoding import read_source
from seal.formats.known import (
    FORMATS,
    SUFFIXES,
    module_of,
)
from seal.formats.reading import Original, Source
from seal.formats.recognition import recognised
from seal.formats.subtitles import DEFAULT, Layout
from seal.parsing import quoted
from seal.words import Word, renamed, speakers

SUBTITLES = ("srt", "vtt", "sbv")
"""Formats whose new files have a layout."""


@dataclass
class Transcript:
    """A file that was read: its words, its format, and what is needed to write it back."""

    path: Path
    format: str
    original: Original
    filled: list[bool] = field(default_factory=list)
    """Whether the tool gave a word no speaker, so that it has its neighbour's."""

    @property
    def words(self) -> list[Word]:
        """The words, as a word transcript."""
        return self.original.words

    @property
    def notes(self) -> list[str]:
        """What was taken for granted in reading it, in a few words each."""
        return self.original.source.notes

    @property
    def timed(self) -> bool:
        """Whether its format says when words, or turns, were said."""
        return bool(module_of(self.format).HOLDS & {"word times", "turn times"})

    @property
    def suffix(self) -> str:
        """How the name of a file that is written back ends."""
        lines = self.path.suffix.lower() == ".jsonl"
        return self.path.suffix if lines or FORMATS[self.format] == "text" else ".json"

    def save(self, words: list[Word], target: Path) -> None:
        """Write the file to `target` with the speakers of `words`, which are its own words, and
        beside it what the format cannot say of them (`seal.formats.evidence`). Raises SealError,
        and writes nothing, where it cannot hold them or would replace what was read."""
        source = self.original.source
        self.check_target(target)
        text, beside = self._texts(words)
        if self.format == "words":
            write_text(text, target)
            return
        evidence.keep(words, self.filled, target)  # without its result it fits nothing
        if beside is not None and source.rttm is not None:
            turns = target.with_suffix(module_of(self.format).BESIDE)
            _write(source.rttm, beside, turns)
        _write(source, text, target)

    def data(self, words: list[Word]) -> bytes:
        """What `save` writes to its one file."""
        source, text = self.original.source, self._texts(words)[0]
        if self.format == "words":
            return text.encode()
        return source.bytes(text)

    def check_target(self, target: Path) -> None:
        """Raise SealError where `target` names another format, or where what goes beside it would
        replace what was read beside this file, and `target` is another file."""
        named = SUFFIXES.get(target.suffix.lower(), "text")
        if named not in ("text", self.format.removesuffix("-rttm")):
            raise SealError(
                f"{target}: would be {self.format}, as {self.path} is; seal convert makes {named} "
                "of it"
            )
        rttm = self.original.source.rttm
        if rttm is None or _same(target, self.path):
            return
        if _same(target.with_suffix(module_of(self.format).BESIDE), rttm.path):
            raise SealError(
                f"{target}: its RTTM would replace {rttm.path}, which is read; take another name, "
                "or another folder"
            )

    def _texts(self, words: list[Word]) -> tuple[str, str | None]:
        """The file's text with the speakers of `words`, and that of the RTTM beside it."""
        source, module, beside = self.original.source, module_of(self.format), None
        with _as(self.format, self.path, source.rttm):
            text = module.write(self.original, words)
            if source.rttm is not None:
                beside = module.write_beside(self.original, words)
        if (
            source.errors != "strict"
            and read_source(self.path, True, source.bytes(text)).text != text
        ):
            raise SealError(
                f"{self.path}: with these speakers its bytes that are no UTF-8 would be read in "
                "another encoding; save it as UTF-8 first (iconv -f ENCODING -t UTF-8)"
            )
        if self.format != "words" and any(self.original.changes(words)):
            self._check_again(words, text, beside)
        return text, beside

    def _check_again(self, words: list[Word], text: str, beside: str | None) -> None:
        """Raise SealError where the new text does not say the same words by these speakers: not
        every name can stand in every format. Some have one speaker for words that have several (a
        turn of an RTTM, a segment without words): there only no new name may come up."""
        again, rttm = _again(self.original.source, text), self.original.source.rttm
        if rttm is not None and beside is not None:
            again.rttm = _again(rttm, beside)
        module = module_of(self.format)
        try:
            with _as(self.format, self.path, rttm):
                found = getattr(module, "read_again", module.read)(again).words
        except SealError:
            found = []
        names = {word["speaker"] for word in words}
        same = [word["words"] for word in found] == [word["words"] for word in words]
        if getattr(module, "TIERS", False):  # an interval that was cut may come later among others
            same = _by_speaker(found) == _by_speaker(words)
        elif same and beside is None and FORMATS[self.format] == "text":
            same = all(a["speaker"] == b["speaker"] for a, b in zip(found, words, strict=True))
        elif same:
            same = {word["speaker"] for word in found} <= names | set(self.original.values)
        if same:
            return
        new = sorted(names - set(self.original.values))
        if new:
            raise SealError(
                f"{self.path}: a speaker called {quoted(new[0])} cannot stand in {self.format}; "
                "take a plain name, without spaces or marks"
            )
        raise SealError(
            f"{self.path}: these speakers cannot be written in {self.format} without changing "
            "more; make a word transcript of it first (seal convert --to words)"
        )

    def renamed(self, names: Mapping[str, str]) -> list[Word]:
        """The words, with new names of speakers. Raises SealError where nobody is called so, and
        where two would be called the same."""
        if not names:
            return self.words
        there = speakers(self.words)
        for name in names:
            if name not in there:
                some = ", ".join(map(quoted, there[:20]))
                raise SealError(f"{self.path}: nobody is called {quoted(name)}; there are {some}")
        after = [names.get(name, name) for name in there]
        for name, count in Counter(after).items():
            if count > 1:
                raise SealError(
                    f"{self.path}: two speakers would be called {quoted(name)}; to join them, "
                    "give their words to one in seal review"
                )
        return [rulings.with_names(renamed(word, names), dict(names)) for word in self.words]

    def convert(
        self,
        to: str,
        target: Path,
        layout: Layout | None = None,
        words: list[Word] | None = None,
    ) -> list[str]:
        """Write the words, or `words`, which differ in names alone, to `target` in another format;
        return what that cannot hold.

        `layout` is of new subtitles; where one is given, those in the same format are made anew.
        Raises SealError where it cannot hold the words at all.
        """
        words = self.words if words is None else words
        if self.stays(to, layout):
            self.check_names(words)
            self.save(words, target)
            return []
        module = module_of(to)
        if hasattr(module, "BESIDE"):
            if target.suffix == module.BESIDE:
                raise SealError(f"{target}: name the CTM of the words; its RTTM goes beside it")
            turns = target.with_suffix(module.BESIDE)
            if turns.exists() and not target.exists():
                raise SealError(f"{turns}: is there, and would be replaced; take another name")
        text, beside, lost = self.converted(to, layout, words)
        if to != "rttm":  # which has no words to rule
            self._keep_rulings(words, to, target)
        if beside is not None:
            write_text(beside, target.with_suffix(module.BESIDE))
        write_text(text, target)
        return lost

    def _keep_rulings(self, words: list[Word], to: str, target: Path) -> None:
        """Write what a person decided beside a new file, for it holds speakers alone. What was
        beside another file of its name goes."""
        from seal.formats.conversion import converted

        if to == "words":
            return
        kept: list[Word] = []
        if any(word.get("reviewed") is True or rulings.rulings_of(word) for word in words):
            kept = converted(words, module_of(to), to)
        evidence.keep(kept, [False] * len(kept), target)

    def stays(self, to: str, layout: Layout | None) -> bool:
        """Whether a conversion leaves the file as it is."""
        return to == self.format and (layout is None or to not in SUBTITLES)

    def check_names(self, words: list[Word]) -> None:
        """Raise SealError where the file's format has numbers for speakers, and a name is none."""
        if module_of(self.format).NUMBERS is None:
            return
        for name in {word["speaker"] for word in words} - set(self.original.values):
            if not name.isdecimal():
                raise SealError(
                    f"{self.path}: {self.format} has numbers for speakers, so that nobody can be "
                    f"called {quoted(name)} in it; convert it (--to words)"
                )

    def converted(
        self, to: str, layout: Layout | None = None, words: list[Word] | None = None
    ) -> tuple[str, str | None, list[str]]:
        """The words in another format: the text, that of the RTTM beside it where there is one, and
        what the format cannot hold. Raises SealError where it cannot hold them at all."""
        from seal.formats.conversion import converted, left_out, lost, misread

        module, beside = module_of(to), None
        before = self.words if words is None else words
        try:
            words = converted(before, module, to)
            text = _new(words, to, layout)
            if hasattr(module, "BESIDE"):
                beside = module.new_beside(words)
        except SealError as error:
            raise SealError(f"{self.path}: {error}") from None
        told = lost(before, module, to, self.timed) + left_out(self.original)
        return text, beside, told + misread(words, module, to, text, beside)


def _by_speaker(words: list[Word]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(word["speaker"], []).append(word["words"])
    return found


def _again(source: Source, text: str) -> Source:
    """A file like `source` with another text."""
    return replace(source, text=text, document=None, rttm=None, notes=[])


def _write(source: Source, text: str, target: Path) -> None:
    """Write a text to `target` as the file of `source` has it."""
    if source.returns:
        text = text.replace("\n", "\r")
    write_text(source.bom + text, target, source.encoding, source.errors)


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def written(words: list[Word], to: str) -> str:
    """The text of words in a format, from nothing. Raises SealError where it cannot hold them."""
    from seal.formats.conversion import converted

    return _new(converted(words, module_of(to), to), to, None)


def _new(words: list[Word], to: str, layout: Layout | None) -> str:
    """The text of words that a format can hold; signs stand in texts, not in lists of words."""
    from seal.formats.conversion import of_turns

    module = module_of(to)
    words = signs.shown(words) if of_turns(module, to) else words
    text: str = module.new(words, layout or DEFAULT) if to in SUBTITLES else module.new(words)
    return text


def read(path: str | Path) -> list[Word]:
    """The words of a transcript in any format. Raises SealError if it is none, or is damaged."""
    return load(path).words


def load(
    path: str | Path,
    format: str | None = None,
    rttm: Path | None = None,
    data: bytes | None = None,
) -> Transcript:
    """Read a transcript in any format, or in the one that is named.

    `data` is what a file called `path` would hold, where there is none. `rttm` has the speakers of
    a CTM, if they are not in the file of its name beside it.
    Raises SealError if it is in none of the formats, or is damaged.
    """
    path = Path(path)
    kind = FORMATS.get(format or "")
    if format is not None and kind is None:
        module_of(format)
    by_name = SUFFIXES.get(path.suffix.lower())
    text_wanted = kind == "text" or (kind is None and by_name is not None)
    source = read_source(path, text_wanted, data)
    if format is None:
        format = recognised(source, by_name)
    if format in ("ctm", "ctm-rttm"):
        turns = rttm or path.with_suffix(".rttm")
        if rttm is not None or (data is None and turns.is_file()):
            source.rttm, format = read_source(turns, text_wanted=True), "ctm-rttm"
    elif rttm is not None:
        raise SealError(f"{path}: is {format}; --rttm goes with a CTM")
    module = module_of(format)
    with _as(format, path, source.rttm):
        transcript = Transcript(path, format, module.read(source))
    spoken = language.told(format, source.json.root) if FORMATS[format] == "json" else None
    if spoken is not None:
        for word in transcript.words:
            word["language"] = spoken
    transcript.filled = list(transcript.original.holes)
    if data is None and format != "words":
        filled, note = evidence.recall(transcript.words, path)
        transcript.filled = [any(each) for each in zip(transcript.filled, filled, strict=True)]
        source.notes += [note] if note else []
    return transcript


@contextmanager
def _as(format: str, path: Path, rttm: Source | None = None) -> Iterator[None]:
    """Say in one line, with the file, what is not as the format has it, where that shows late.

    A refusal that names the file already, or the RTTM beside it, stays.
    """
    try:
        yield
    except SealError as error:
        told = str(error)
        names = (str(path), str(path if rttm is None else rttm.path))
        raise SealError(told if told.startswith(names) else f"{path}: {told}") from None
    except RecursionError:
        raise SealError(f"{path}: lists or objects nested too deep to be written") from None
    except (KeyError, AttributeError, TypeError, IndexError, ValueError) as error:
        raise SealError(
            f"{path}: not as {format} has it ({type(error).__name__}: {error}); "
            "mend it there, or name another format with --from"
        ) from None

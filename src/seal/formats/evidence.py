"""What a correction, or a person, said of each word, kept beside a result in another tool's format.

Such a format has the speakers alone. `NAME.seal` beside the file NAME is a word transcript of the
same words: who said it by the first pass, how sure the corrector was, what spoke for it, whether
somebody has looked at it, and whether the tool had given it a speaker. A word for which it still
fits, by its text and its speaker, gets that back when the file is read. It knows the layout of no
format.
"""

from collections.abc import Sequence
from pathlib import Path

from seal import rulings
from seal import words as transcripts
from seal.errors import SealError
from seal.files import is_device, remove, write_text
from seal.words import DECIDED_BY, REQUIRED, Word

SUFFIX = ".seal"
"""Comes after the whole name of the file, with its ending."""

KEYS = ("first_pass_speaker", "speaker_confidence", DECIDED_BY, "reviewed", rulings.KEY)
"""What is kept of a word, and comes back."""

SCORES = "speaker_scores"
"""Kept with them: what a tool says of its certainty is about the speaker that was there."""

FILLED = "filled_in"
"""Whether the tool gave the word no speaker; kept beside them."""


MOST_UNDONE = 5
"""Acts of a person that one saving may hold, and a crash undo."""


def beside(path: Path) -> Path:
    """Where the evidence of a file is."""
    return path.with_name(path.name + SUFFIX)


def keep(words: Sequence[Word], filled: Sequence[bool], target: Path) -> None:
    """Write the evidence of what goes to `target`, or remove what is there of an earlier one."""
    if is_device(target):
        return
    if not any(key in word for word in words for key in KEYS):
        if beside(target).is_file():
            remove(beside(target))
        return
    kept = [
        {key: word[key] for key in (*REQUIRED, SCORES, *KEYS) if key in word}
        | ({FILLED: True} if hole else {})
        for word, hole in zip(words, filled, strict=True)
    ]
    write_text(transcripts.text_of(kept), beside(target))


def recall(words: Sequence[Word], path: Path) -> tuple[list[bool], str | None]:
    """Give the words of a file what is kept of them. Returns which of them had no speaker once, and
    what is to be told of evidence that cannot be read."""
    filled = [False] * len(words)
    file = beside(path)
    if not file.is_file():
        return filled, None
    try:
        kept = transcripts.read(file)
    except SealError:
        return filled, f"{file.name} is damaged, and not used"
    for place, old in _paired(words, _as_written(words, kept)):
        word = words[place]
        if word["speaker"] == old["speaker"]:  # else somebody has changed it since
            word.update({key: old[key] for key in (SCORES, *KEYS) if key in old})
            filled[place] = old.get(FILLED) is True
    return filled, None


def _as_written(words: Sequence[Word], kept: Sequence[Word]) -> Sequence[Word]:
    """The evidence, without the latest acts of a person where only that fits the file: it is
    written first, and a crash may have kept its file from coming after it."""
    if len(words) != len(kept):
        return kept
    names = [word["speaker"] for word in words]
    before = kept
    for _ in range(MOST_UNDONE + 1):
        if names == [word["speaker"] for word in before]:
            return before
        if not rulings.acts(before):
            break
        before = rulings.undo(before)
    return kept


def _paired(words: Sequence[Word], kept: Sequence[Word]) -> list[tuple[int, Word]]:
    """The place of each word that is still there, with what is kept of it: all, or where words
    were added or taken away, those before and after."""
    short = min(len(words), len(kept))
    if len(words) == len(kept):
        pairs = [(place, old) for place, old in enumerate(kept)]
        return [(place, old) for place, old in pairs if words[place]["words"] == old["words"]]
    first = 0
    while first < short and words[first]["words"] == kept[first]["words"]:
        first += 1
    last = 0
    while last < short - first and words[-1 - last]["words"] == kept[-1 - last]["words"]:
        last += 1
    head = [(place, kept[place]) for place in range(first)]
    tail = [(len(words) - place, kept[-place]) for place in range(last, 0, -1)]
    return head + tail

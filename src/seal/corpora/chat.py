"""CHAT transcripts (`.cha`, as TalkBank has them) to references.

An utterance is `*A:\\tso &-um I [/] I went . \\x15start_end\\x15`, times in milliseconds; its span
is shared out among its words, and what has no times is left out. Words stay as they were spoken,
with repetitions and fillers, and with the commas in and the mark after an utterance; comments,
sounds and what was not understood are dropped. It knows nothing of the dependent tiers (`%mor:` and
others).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from seal.corpora.reading import MARKS, find, in_time_order, punctuated_tokens, spread
from seal.errors import SealError
from seal.parsing import read_text
from seal.words import Word

_UTTERANCE = re.compile(r"\*([^\s:*]+):(?:\s+(.*))?")
# Old files name the recording in it: \x15%snd:"call"_120_1450\x15
_TIMES = re.compile(r"\x15(?:%(?:snd|mov):\s?\"[^\"]*\"_)?(\d{1,9})_(\d{1,9})-?\x15", re.ASCII)

# [//], [: went], [= the door]; pauses and left-out letters in parentheses, (be)cause.
_ANNOTATION = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_NOT_SPOKEN = re.compile(
    r"&[=*{}]\S*"  # sounds and gestures, a word put in by another speaker, long events
    r"|0\S*"  # left out
    r"|[+]\S*"  # how the utterance begins or ends
    r"|(?:xxx?|yyy?|www)(?:@\S*)?"  # not understood, or not written down
)
KEPT = MARKS.replace(":", "")  # a colon is a long vowel here
_PREFIX = re.compile(r"&[-+~]?")
_LETTERS = re.compile(r"\w(?:_\w)+")
_OTHER = re.compile(rf"[^\w'’{KEPT}-]")


def load(source: str | Path) -> dict[str, list[Word]]:
    """Read a CHAT file, or every `*.cha` below a folder; recordings have the files' names.

    Raises SealError for a folder without such files, a damaged line, or two files of one name.
    """
    recordings: dict[str, list[Word]] = {}
    first: dict[str, Path] = {}
    for file in find(source, "*.cha", "CHAT"):
        if first.setdefault(file.stem, file) != file:
            raise SealError(f"{file}: has the same name as {first[file.stem]}")
        recordings[file.stem] = list(_words(file))
    return in_time_order(recordings, source)


def _words(file: Path) -> Iterator[Word]:
    for number, line in _lines(file):
        if not line.startswith("*"):
            continue
        match = _UTTERANCE.fullmatch(line)
        if not match:
            raise SealError(f"{file}: line {number}: not '*SPEAKER: words'")
        speaker, rest = match[1], match[2] or ""
        position = 0
        for times in _TIMES.finditer(rest):
            texts = spoken_words(rest[position : times.start()])
            start, end = int(times[1]) / 1000, int(times[2]) / 1000
            bare = [text.rstrip(KEPT) for text in texts]
            for text, word in zip(texts, spread(file.stem, speaker, bare, start, end), strict=True):
                yield word | {"words": text}
            position = times.end()
        if "\x15" in _TIMES.sub("", rest):
            raise SealError(f"{file}: line {number}: damaged times (\\x15start_end\\x15 expected)")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The file's lines with their numbers (from 1); continued lines are joined."""
    joined: list[tuple[int, str]] = []
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if line.startswith("\t") and joined:
            joined[-1] = joined[-1][0], f"{joined[-1][1]} {line.strip()}"
        elif line.strip():
            if line[0] not in "@*%":
                raise SealError(f"{file}: line {number}: starts with none of @, *, % and tab")
            joined.append((number, line.strip()))
    texts = [line for _, line in joined]
    if "@Begin" not in texts:
        raise SealError(f"{file}: line 1: not a CHAT transcript (no @Begin in it)")
    if texts[-1] != "@End":
        raise SealError(f"{file}: line {joined[-1][0]}: ends without @End; is it whole?")
    yield from joined


def spoken_words(text: str) -> list[str]:
    """The words that were said, without CHAT's markup.

    >>> spoken_words("<I was> [//] &-um (be)cause ice+cream &=laughs F_B_I xxx New_York@n +...")
    ['I', 'was', 'um', 'cause', 'ice', 'cream', 'FBI', 'New', 'York']
    >>> spoken_words("&-well , she did [!] .")
    ['well,', 'she', 'did.']
    """
    texts = []
    for token in _ANNOTATION.sub("", text.replace("<", " ").replace(">", " ")).split():
        if _NOT_SPOKEN.fullmatch(token):
            continue
        token = _PREFIX.sub("", token, count=1).split("@")[0]
        if _LETTERS.fullmatch(token):
            token = token.replace("_", "")
        pieces = token.replace("+", " ").replace("_", " ").split()
        texts += [_OTHER.sub("", piece).strip("-") for piece in pieces]
    return punctuated_tokens(" ".join(texts))

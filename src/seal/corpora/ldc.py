"""Telephone calls as LDC transcribes them: lines `start end A: text`, and the markup in the text.

The markup is that of the CALLHOME and Fisher documentation, and what NIST's references (STM) add
to it. Noises are dropped; spoken words stay, even where the transcriber was unsure of them, since
the speaker is known from the channel. It knows nothing of folders.
"""

import re
from pathlib import Path

from seal.corpora.reading import spoken_tokens, spread
from seal.errors import SealError
from seal.parsing import lines, read_text, seconds
from seal.words import Word

# "12.34 15.6 A: text"; a side with several speakers has A, A1, A2 …
_TURN = re.compile(
    r"(?P<start>\S+)\s+(?P<end>\S+)\s+(?P<speaker>[A-Z]\d{0,2}):(?:\s+(?P<text>.*))?"
)
_TIMES = re.compile(r"-?\d+\.\d*\s+-?\d+\.\d*\s")

_NOISE = re.compile(r"\[\[.*?\]\]|\[[^\]]*\]|\{[^}]*\}")
_FOREIGN = re.compile(r"<(?:\?|[A-Z][a-z]+)\s+([^<>]*)>")
_TAG = re.compile(r"<[^<>]*>")
_BRACKET = re.compile(r"[()<>]|//")
# %um, &Name, +mispronounced+, **made up**, @ACRONYM, ~FBI, ^Name, #at the same time#, n._b._a.
_MARK = re.compile(r"[%*+@~^#_]|(?<!\w)&")


def call_words(file: Path, session_id: str, wrapped: bool) -> list[Word]:
    """The words of a call. If `wrapped`, a turn may continue on the next lines.

    Raises SealError with the line that is no turn.
    """
    turns: list[tuple[str, float, float, list[str]]] = []
    for number, line in lines(read_text(file, fallback="cp1252"), comment="#"):
        place = f"{file}: line {number}"
        match = _TURN.fullmatch(line)
        if match:
            start, end = seconds(match["start"], place), seconds(match["end"], place)
            turns.append((match["speaker"], start, end, [match["text"] or ""]))
        elif wrapped and turns and not _TIMES.match(line):
            turns[-1][3].append(line)
        else:
            raise SealError(f"{place}: not 'start end A: words'")
    return [
        word
        for speaker, start, end, pieces in turns
        for word in spread(session_id, speaker, spoken_words(" ".join(pieces)), start, end)
    ]


def spoken_words(text: str) -> list[str]:
    """The words that were said, without noises and markup.

    >>> spoken_words("{laugh} %um &Lydia ((and I)) [distortion] <Spanish hola> went- **boing** --")
    ['um', 'Lydia', 'and', 'I', 'hola', 'went', 'boing']
    """
    text = _NOISE.sub(" ", text)
    text = _TAG.sub(" ", _FOREIGN.sub(r" \1 ", text))
    text = _MARK.sub("", _BRACKET.sub(" ", text))
    return [token.strip("-") for token in spoken_tokens(text)]

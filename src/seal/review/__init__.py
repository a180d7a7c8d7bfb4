"""The review page: a conversation to look at, to listen to and to mend, in a browser.

One HTML page without anything from elsewhere: its style and its scripts (page.css, page.js,
edits.js, sound.js, and wavesurfer, vendored) and the conversation are written into it. `document`
builds it, `seal.review.server` serves it for one file, `seal transcribe --html` writes it with the
recording inside. It knows nothing of models.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.files import write_text
from seal.words import Word, sessions, speakers

FILES = Path(__file__).parent
SCRIPTS = ("vendor/wavesurfer.min.js", "edits.js", "sound.js", "page.js")


@dataclass(frozen=True)
class Sound:
    """What the page needs of a recording."""

    url: str
    """Where the browser gets it: an address, or the sound itself (data:…)."""
    seconds: float
    peaks: bytes
    """The loudest sample of each 1 / PEAKS of a second, 255 being full scale."""


def conversation(words: Sequence[Word], session: str | None = None) -> list[int]:
    """The indices of the words of one conversation of a transcript, in time order.

    Raises SealError where there are several and `session` names none of them.
    """
    found = dict(sessions(words))
    if session is not None and session not in found:
        raise SealError(f"--session: there is no {session!r}; there are {', '.join(found)}")
    if session is None and len(found) > 1:
        raise SealError(f"holds several conversations; name one (--session): {', '.join(found)}")
    return found[session] if session is not None else next(iter(found.values()), [])


def document(
    title: str,
    words: Sequence[Word],
    indices: Sequence[int],
    sound: Sound | None = None,
    save: str | None = None,
    exports: Sequence[str] = (),
) -> str:
    """The page of the conversation that `indices` (of `conversation`) are.

    `save` is the address that takes the edits (`seal.review.edits`); without it the page gives the
    mended transcript as a download. `exports` are the formats that the address can give.
    """
    chosen = [words[index] for index in indices]
    data = {
        "title": title,
        "speakers": speakers(chosen),
        "words": [shown(word) for word in chosen],
        "sound": sound and {"url": sound.url, "seconds": sound.seconds},
        "peaks": sound and b64encode(sound.peaks).decode(),
        "save": save,
        "exports": list(exports),
        # Without an address to save to, the page itself must be able to write the transcript.
        "transcript": None if save else [written(word) for word in words],
        "indices": None if save else list(indices),
    }
    page = (FILES / "page.html").read_text(encoding="utf-8")
    parts = {
        "title": escape(title),
        "style": (FILES / "page.css").read_text(encoding="utf-8"),
        "data": script_safe(json.dumps(data, ensure_ascii=True, allow_nan=False)),
        "scripts": "\n".join((FILES / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    before, *rest = page.split("{{")
    filled = [before]
    for piece in rest:
        name, after = piece.split("}}", 1)
        filled += [parts[name], after]
    return "".join(filled)


def write_page(
    transcript: Path, audio: Path | None, target: Path, session: str | None = None
) -> None:
    """Write the page of a transcript of any format to one file, with the recording inside."""
    from seal.formats import read
    from seal.review.sound import embedded

    given = read(transcript)
    try:
        indices = conversation(given, session)
    except SealError as error:
        raise SealError(f"{transcript}: {error}") from None
    sound = embedded(audio) if audio else None
    write_text(document(transcript.name, given, indices, sound), target)


def shown(word: Word) -> dict[str, Any]:
    """What the page sees of a word."""
    first, sure = word.get("first_pass_speaker"), word.get("speaker_confidence")
    found = {
        "text": word["words"],
        "start": word["start_time"],
        "end": word["end_time"],
        "speaker": word["speaker"],
        "first": first if isinstance(first, str) else word["speaker"],
        "confidence": sure if isinstance(sure, (int, float)) and 0 <= sure <= 1 else None,
        "scores": word.get("speaker_scores") or None,
    }
    return found | ({"reviewed": True} if word.get("reviewed") is True else {})


def written(word: Word) -> list[list[Any]]:
    """The word's keys, each with its value as it is written in a file; the scores, which name
    speakers, as such a list of their own."""
    return [
        [key, written(value) if key == "speaker_scores" and value else dumps(value)]
        for key, value in word.items()
    ]


def script_safe(text: str) -> str:
    """JSON that may stand in a <script>: nothing in it can end the script or begin another."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

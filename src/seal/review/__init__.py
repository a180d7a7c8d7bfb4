"""The review page: look at a conversation in the browser, listen to it and correct its speakers.

One HTML page that loads nothing from elsewhere: its style, its scripts (SCRIPTS; wavesurfer is
vendored) and the conversation are written into it. `document` builds it, `seal.review.server`
serves it for one file, `seal transcribe --html` writes it with the recording inside. It knows
nothing of models.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from seal import formats
from seal.errors import SealError
from seal.exact_json import dumps
from seal.files import write_text
from seal.formats import names, signs
from seal.words import Word, reasons, sessions, speakers

FOLDER = Path(__file__).parent
SCRIPTS = (
    "vendor/wavesurfer.min.js",
    "spaces.js",
    "edits.js",
    "turns.js",
    "sound.js",
    "export.js",
    "keep.js",
    "teach.js",
    "known.js",
    "page.js",
)

FOR_PEOPLE = {
    "otter": "Text with names and times (.txt)",
    "srt": "Subtitles (.srt)",
    "docx": "Word document (.docx)",
}
"""What a page can export by itself (export.js), by their formats."""


@dataclass(frozen=True)
class PageAudio:
    """What the page needs of a recording."""

    url: str
    """Where the browser gets it: an address, or the audio itself (data:…)."""
    seconds: float
    """Its length."""
    peaks: bytes
    """The loudest sample of each 1 / PEAKS_PER_SECOND of a second; 255 is full scale."""


def conversation(words: Sequence[Word], session: str | None = None) -> list[int]:
    """The indices of the words of one conversation of a transcript, in time order.

    Raises SealError where there are several and `session` names none of them.
    """
    indices = dict(sessions(words))
    if session is not None and session not in indices:
        raise SealError(f"--session: there is no {session!r}; there are {', '.join(indices)}")
    if session is None and len(indices) > 1:
        raise SealError(f"holds several conversations; name one (--session): {', '.join(indices)}")
    return indices[session] if session is not None else next(iter(indices.values()), [])


def document(
    title: str,
    words: Sequence[Word],
    indices: Sequence[int],
    audio: PageAudio | None = None,
    save: str | None = None,
    exports: Mapping[str, str] | None = None,
    writable: bool = True,
    download: str = "transcript.json",
    teaches: bool = False,
    library: str | None = None,
) -> str:
    """The page of the conversation with the words at `indices` (of `conversation`).

    `save` is the address that takes the edits (`seal.review.edits`); without it the page offers the
    edited transcript as a file called `download`. `exports` are more formats, with their names,
    that the server can export. Words can be corrected by hand where the page is `writable`; where
    it `teaches`, the server says what follows from what was decided; with a `library`, it knows
    voices, and remembers one where somebody says that the person agrees.
    """
    chosen = [words[index] for index in indices]
    data = {
        "title": title,
        "speakers": speakers(chosen),
        "words": [word_view(word) for word in chosen],
        "sound": audio and {"url": audio.url, "seconds": audio.seconds},
        "peaks": audio and b64encode(audio.peaks).decode(),
        "save": save,
        "exports": [["For people", list(FOR_PEOPLE.items())]]
        + ([["Other formats", list(exports.items())]] if exports else []),
        "writable": writable,
        "download": download,
        "teaches": teaches,
        "library": library,
        # Without an address to save to, the page itself must be able to write the transcript.
        "transcript": None if save else [word_entries(word) for word in words],
        "indices": None if save else list(indices),
        "asides": sorted(names.SAID),
    }
    page = (FOLDER / "page.html").read_text(encoding="utf-8")
    scripts = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "title": escape(title),
        "policy": policy(scripts),
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "data": script_safe(json.dumps(data, ensure_ascii=True, allow_nan=False)),
        "scripts": scripts,
    }
    before, *rest = page.split("{{")
    filled = [before]
    for piece in rest:
        name, after = piece.split("}}", 1)
        filled += [parts[name], after]
    return "".join(filled)


def policy(scripts: str) -> str:
    """What a browser lets the page do: run these scripts and no others, play the sound in it or
    beside it, talk to where it came from, and load nothing."""
    digest = b64encode(sha256(scripts.encode("utf-8")).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src 'self' data: blob:; connect-src 'self'; base-uri 'none'"
    )


def write_page(
    transcript: Path, audio: Path | None, target: Path, session: str | None = None
) -> None:
    """Write the page of a transcript of any format to one file, with the recording inside."""
    from seal.review.audio import embedded  # loads numpy, and the command line imports this file

    read = formats.load(transcript)
    words = read.words
    try:
        indices = conversation(words, session)
    except SealError as error:
        raise SealError(f"{transcript}: {error}") from None
    page_audio = embedded(audio) if audio else None
    # What the page downloads is a word transcript: not under the name of another tool's file.
    download = f"{transcript.stem}{'.json' if read.format == 'words' else '.words.json'}"
    write_text(document(transcript.name, words, indices, page_audio, download=download), target)


def word_view(word: Word) -> dict[str, Any]:
    """What the page sees of a word."""
    first, confidence = word.get("first_pass_speaker"), word.get("speaker_confidence")
    known = isinstance(confidence, (int, float)) and 0 <= confidence <= 1
    view: dict[str, Any] = {
        "text": word["words"],
        "start": word["start_time"],
        "end": word["end_time"],
        "speaker": word["speaker"],
        "first": first if isinstance(first, str) else word["speaker"],
        "confidence": confidence if known else None,
        "scores": word.get("speaker_scores") or None,
    }
    before = word.get("words_before")
    view |= {"estimated": True} if "times_estimated" in word else {}
    view |= {"before": before} if isinstance(before, str) else {}
    view |= {"by": by} if (by := reasons(word)) and view["first"] != word["speaker"] else {}
    view |= {"shown": signs.told(word)} if signs.alone(word) else {}
    return view | ({"reviewed": True} if word.get("reviewed") is True else {})


def word_entries(word: Word) -> list[list[Any]]:
    """The word's keys, each with its value as it is written in a file. The scores, which name
    speakers, are such a list of their own."""
    return [
        [key, word_entries(value) if key == "speaker_scores" and value else dumps(value)]
        for key, value in word.items()
    ]


def script_safe(text: str) -> str:
    """JSON that can be put into a <script>: nothing in it can end the script or begin another."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

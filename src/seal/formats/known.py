"""Which formats there are, their files' names, and the module of each."""

from importlib import import_module
from typing import Any

from seal.errors import SealError

FORMATS: dict[str, str] = {
    "whisperx": "json",
    "aws": "json",
    "deepgram": "json",
    "azure": "json",
    "azure-fast": "json",
    "google-v1": "json",
    "google-v2": "json",
    "ibm": "json",
    "pyannote": "json",
    "diarizationlm": "json",
    "elevenlabs": "json",
    "speechmatics": "json",
    "revai": "json",
    "soniox": "json",
    "gladia": "json",
    "whispercpp": "json",
    "insanely-fast": "json",
    "aws-calls": "json",
    "funasr": "json",
    "gecko": "json",
    "teams": "json",
    "vibe": "json",
    "assemblyai": "json",
    "nemo": "json",
    "seglst": "json",
    "words": "json",
    "vtt": "text",
    "srt": "text",
    "sbv": "text",
    "rttm": "text",
    "stm": "text",
    "ctm": "text",
    "ctm-rttm": "text",
    "textgrid": "text",
    "eaf": "text",
    "tsv": "text",
    "csv": "text",
    "timed-text": "text",
    "otter": "text",
    "rev": "text",
    "speechmatics-text": "text",
    "text": "text",
}
"""The formats in the order in which they are tried, and what they are made of. Each has its module
here, `-` written as `_`; that of `words`, the word transcript, is `transcript`."""

SUFFIXES = {
    ".srt": "srt",
    ".vtt": "vtt",
    ".sbv": "sbv",
    ".textgrid": "textgrid",
    ".eaf": "eaf",
    ".tsv": "tsv",
    ".csv": "csv",
    ".txt": "text",
    ".stm": "stm",
    ".ctm": "ctm",
    ".rttm": "rttm",
}
"""Files that are no JSON by their name; another may be either."""

NOT_SEARCHED = (".txt", ".csv", ".tsv", ".rttm")
"""Those that a folder is not searched for: other files have such names, or they hold no words."""


def module_of(format: str) -> Any:
    """The module of a format. Raises SealError if there is no such format."""
    if format not in FORMATS:
        raise SealError(f"{format!r} is none of the formats {', '.join(FORMATS)}")
    name = "transcript" if format == "words" else format.replace("-", "_")
    return import_module(f"seal.formats.{name}")


def one_text() -> list[str]:
    """The formats that are one text with words in it: without a second file beside it."""
    modules = {name: module_of(name) for name in FORMATS}
    return [
        name
        for name, module in modules.items()
        if not hasattr(module, "BESIDE") and not hasattr(module, "WRITE_ONLY")
    ]


def suffix_of(format: str) -> str:
    """How the name of a new file of a format ends."""
    endings = {name: ending for ending, name in SUFFIXES.items()} | {"ctm-rttm": ".ctm"}
    return endings.get(format, ".json" if FORMATS[format] == "json" else ".txt")

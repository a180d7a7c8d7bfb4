"""What a tool says of the language of its result: a corrector reads some and not others.

It knows where each format has it, and nothing of which language is which.
"""

from typing import Any

from seal.formats.document import Path

PATHS: dict[str, Path] = {
    "whisperx": ("language",),
    "whispercpp": ("result", "language"),
    "elevenlabs": ("language_code",),
    "assemblyai": ("language_code",),
    "deepgram": ("results", "channels", 0, "detected_language"),
    "aws": ("results", "language_code"),
    "aws-calls": ("LanguageCode",),
    "azure": ("recognizedPhrases", 0, "locale"),
    "azure-fast": ("phrases", 0, "locale"),
    "gladia": ("result", "transcription", "languages", 0),
    "google-v1": ("results", 0, "languageCode"),
    "google-v2": ("results", 0, "languageCode"),
    "soniox": ("tokens", 0, "language"),
    "speechmatics": ("metadata", "transcription_config", "language"),
}
"""Where a format says it."""

NONE = ("", "auto", "multi", "und", "unknown")
"""What stands there where no one language is meant."""


def told(format: str, root: Any) -> str | None:
    """The language of the whole file as its tool writes it ("en", "de-DE", "english"), if it says
    one."""
    found = root if format in PATHS else None
    for step in PATHS.get(format, ()):
        if isinstance(step, str):
            found = found.get(step) if isinstance(found, dict) else None
        else:
            found = found[step] if isinstance(found, list) and len(found) > step else None
    if not isinstance(found, str) or found.strip().lower() in NONE:
        return None
    return found.strip()

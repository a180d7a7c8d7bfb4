"""Recordings in a folder, and the references of each."""

import sys
import unicodedata
from pathlib import Path

from seal.words import Word


def recordings_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix in (".wav", ".flac"))


def of_session(reference: list[Word], name: str) -> list[Word]:
    """The reference words of a clip, in time order.

    Where no session bears the name, one that differs by accents alone is taken, with a note: one
    of the AMI references is spelt with a tilde.
    """
    names = {word["session_id"] for word in reference}
    found = name if name in names else next((n for n in sorted(names) if plain(n) == name), None)
    if found != name:
        note = "no reference" if found is None else f"reference taken from session {found!r}"
        print(f"{name}: {note}", file=sys.stderr)
    words = [{**w, "session_id": name} for w in reference if w["session_id"] == found]
    return sorted(words, key=lambda word: word["start_time"])


def plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

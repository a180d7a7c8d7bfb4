"""A conversation as a Word document for people: who, when, and what they say. It is only written.

It needs python-docx, and knows nothing of what the words were before.
"""

import re
from io import BytesIO
from pathlib import Path

from seal.errors import need
from seal.files import write_bytes
from seal.formats import signs, turns
from seal.words import Word, sessions

HOLDS = {"turn times", "conversations"}
NUMBERS = None
SUFFIX = ".docx"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def save(words: list[Word], target: Path) -> None:
    """Write the document to `target`. Raises SealError where python-docx is missing, or the file
    cannot be written."""
    write_bytes(made(words), target)


def made(words: list[Word]) -> bytes:
    """The document of the words: a heading a conversation, a paragraph a turn.

    Raises SealError where python-docx is missing.
    """
    need("docx")
    from docx import Document
    from docx.shared import Pt

    page = Document()
    for session, indices in sessions(words):
        page.add_heading(_plain(session), level=1)
        for turn in turns.grouped(turns.unbroken([words[index] for index in indices])):
            paragraph = page.add_paragraph()
            paragraph.paragraph_format.space_after = Pt(6)
            paragraph.add_run(_plain(turn[0]["speaker"])).bold = True
            paragraph.add_run(f"  {turns.clock(turn[0]['start_time'])}\n").font.size = Pt(8)
            paragraph.add_run(_plain(turns.said(signs.shown(turn))))
    file = BytesIO()
    page.save(file)
    return file.getvalue()


def _plain(text: str) -> str:
    """Text without the characters that XML cannot have."""
    return _NOT_XML.sub("\ufffd", text)

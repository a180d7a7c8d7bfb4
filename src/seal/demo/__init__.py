"""The demo: a bundled call through the real models, shown as a conversation with its scores.

We made the call (call.flac), its words (reference.json) and its script: see scripts/make_demo.py.
This file computes nothing itself.
"""

import tempfile
from pathlib import Path

from rich.console import Console

from seal import console, words
from seal.pipeline import transcribe
from seal.scoring import score

RECORDING = Path(__file__).parent / "call.flac"
REFERENCE = Path(__file__).parent / "reference.json"


def show(folder: Path | None = None) -> None:
    """Transcribe the call into `folder` (None: a temporary one) and print the result."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="seal-demo-"))
    with console.progress(RECORDING.name) as progress:
        corrected = transcribe(RECORDING, progress=progress)
    first_pass = [{**word, "speaker": word["first_pass_speaker"]} for word in corrected]
    reference = words.read(REFERENCE)
    words.write(corrected, folder / "call.json")

    screen = Console(highlight=False)
    screen.print(console.conversation(corrected))
    screen.print()
    changed = any(console.changed(word) for word in corrected)
    screen.print(console.changes(corrected) if changed else "No word changed its speaker.")
    screen.print(
        console.score_table(
            {
                "first pass": score(reference, first_pass),
                "corrected": score(reference, corrected),
            }
        )
    )
    screen.print(f"The transcript: {folder / 'call.json'}", soft_wrap=True)

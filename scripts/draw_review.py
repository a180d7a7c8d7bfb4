"""Draw docs/howto/review.png, the review page of the demo call: python scripts/draw_review.py

It wants playwright (in the extra `dev`) and a Chromium. [FILE] is a transcript of the call to show,
else the call is transcribed. The page is shown at its first changed word, and the picture begins
where that word is near the top.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from seal import demo, words
from seal.pipeline import transcribe
from seal.review import write_page

TARGET = Path(__file__).parent.parent / "docs" / "howto" / "review.png"
SIZE = {"width": 1200, "height": 800}
CHANGED = 2
"""How often "next changed" is pressed before the picture is taken."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        transcript = Path(folder) / "call.json"
        if len(sys.argv) > 1:
            shutil.copy(sys.argv[1], transcript)
        else:
            words.write(transcribe(demo.RECORDING), transcript)
        page = transcript.with_suffix(".html")
        write_page(transcript, demo.RECORDING, page)
        draw(page, TARGET)


def draw(page: Path, target: Path) -> None:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport=SIZE)
        tab.goto(page.as_uri())
        tab.wait_for_timeout(2000)  # the wave is drawn
        for _ in range(CHANGED):
            tab.keyboard.press("c")
        tab.wait_for_timeout(500)
        tab.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main()

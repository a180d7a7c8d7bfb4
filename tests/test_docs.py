"""The documentation: its commands run, its reference is today's, its links lead somewhere."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import soundfile

from seal import words
from seal.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "scripts"))


def commands(page):
    """The lines of a page's shell blocks that call seal, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    calls = [shlex.split(line, comments=True) for line in lines]
    return [call[1:] for call in calls if call and call[0].endswith("seal")]


def test_the_reference_is_todays():
    import make_commands

    assert (DOCS / "reference" / "commands.md").read_text(
        encoding="utf-8"
    ) == make_commands.text(), "python scripts/make_commands.py writes it anew"


def test_the_commands_to_start_with_run(tmp_path, monkeypatch, capsys):
    """In a folder like the project's, with the first 15 s of the call alone, for it takes long."""
    calls = commands("docs/tutorial.md")
    assert len(calls) >= 8
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    demo, whole = tmp_path / "src" / "seal" / "demo", ROOT / "src" / "seal" / "demo"
    demo.mkdir(parents=True)
    samples, rate = soundfile.read(whole / "call.flac")
    soundfile.write(demo / "call.flac", samples[: 15 * rate], rate)
    reference = [word for word in words.read(whole / "reference.json") if word["end_time"] < 15]
    words.write(reference, demo / "reference.json")
    monkeypatch.chdir(tmp_path)
    for call in calls:
        assert main(call) == 0, f"{call}: {capsys.readouterr().err}"
        if "-o" in call:
            assert Path(call[call.index("-o") + 1]).stat().st_size > 0
    assert "<audio" in Path("out/call.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in DOCS.rglob("*.md"))]
)
def test_options_that_are_shown_exist(page):
    """Commands on files that nobody has here: their names and options at least are right."""
    reference = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"## seal (\S+)\n```\n(.*?)```", reference, re.DOTALL))
    for call in commands(page):
        if not call or call[0].startswith("-"):
            continue
        assert call[0] in sections, f"{page}: seal {call[0]}"
        for option in (part.split("=")[0] for part in call[1:] if re.match(r"--?[a-z]", part)):
            assert re.search(rf"{option}\b", sections[call[0]]), f"{page}: {' '.join(call)}"


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in DOCS.rglob("*.md"))]
)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"

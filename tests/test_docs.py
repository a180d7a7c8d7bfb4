"""The documentation: its commands run, its reference is today's, its links lead somewhere."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import soundfile
from typer.main import get_command

from seal import words
from seal.cli import app, main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    str(page.relative_to(ROOT))
    for folder, pattern in [(ROOT, "*.md"), (DOCS, "**/*.md"), (ROOT / "src", "**/README.md")]
    for page in folder.glob(pattern)
)
sys.path.insert(0, str(ROOT / "scripts"))


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def commands(page):
    """The lines of a page's shell blocks that call seal, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", read(page), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    calls = [shlex.split(line, comments=True) for line in lines]
    return [call[1:] for call in calls if call and call[0].endswith("seal")]


def links(page):
    """(file, anchor) of each link and picture of a page that is no address; code is left out."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", read(page), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            yield ((ROOT / page).parent / name).resolve() if name else ROOT / page, anchor


def anchors(path):
    """What headings can be linked to by, as GitHub makes it of them."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_reference_is_todays():
    import make_commands

    assert read("docs/reference/commands.md") == make_commands.text(), (
        "python scripts/make_commands.py writes it anew"
    )


def test_the_readmes_figures_are_those_of_the_reports():
    import make_readme

    page = read("README.md")
    assert make_readme.filled(page, {"figures": make_readme.table()}) == page, (
        "python scripts/make_readme.py writes them anew"
    )


def test_the_demo_page_compares_with_the_figures_of_the_reports():
    """What it says of the yardstick's real calls stands in results.md."""
    import make_readme

    rows = make_readme.bench_rows("real-calls")
    page = read("docs/reports/demo.md")
    assert f"{float(rows['first pass'][3]):.1f} %" in page
    assert rows["best (default)"][4].split(" (")[0] in page


@pytest.fixture
def short_call(tmp_path, monkeypatch):
    """A folder like the project's, with the first 15 s of the call alone, for it takes long."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    demo, whole = tmp_path / "src" / "seal" / "demo", ROOT / "src" / "seal" / "demo"
    demo.mkdir(parents=True)
    samples, rate = soundfile.read(whole / "call.flac")
    soundfile.write(demo / "call.flac", samples[: 15 * rate], rate)
    reference = [word for word in words.read(whole / "reference.json") if word["end_time"] < 15]
    words.write(reference, demo / "reference.json")
    monkeypatch.chdir(tmp_path)


def run(calls, capsys):
    for call in calls:
        assert main(call) == 0, f"{call}: {capsys.readouterr().err}"
        if "-o" in call:
            assert Path(call[call.index("-o") + 1]).stat().st_size > 0


@pytest.mark.models
def test_the_tutorial_runs(short_call, capsys):
    calls = commands("docs/tutorial.md")
    assert len(calls) >= 7
    run(calls, capsys)
    assert "<audio" in Path("out/call.html").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", read("docs/tutorial.md"), re.DOTALL)
    exec(program[1], {})
    assert len(words.read("out/python.json")) == len(words.read("out/first.json"))


@pytest.mark.models
def test_other_tools_transcripts_are_corrected_as_shown(short_call, capsys):
    """Of the page's commands those whose files are here: the others are on files of the reader."""
    here = ("tests/", "src/", "out/")
    shown = commands("docs/howto/correct-other-tools.md")
    calls = [call for call in shown if call[1].startswith(here)]
    assert len(calls) >= 9
    run(calls, capsys)


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_shown_are_understood(page):
    """Commands on files that nobody has here: names, options and their values are right."""
    group = get_command(app)
    for call in commands(page):
        if call[0].startswith("-"):
            continue
        assert call[0] in group.commands, f"{page}: seal {call[0]}"
        command, rest = group.commands[call[0]], call[1:]
        while rest and rest[0] in getattr(command, "commands", {}):
            command, rest = command.commands[rest[0]], rest[1:]
        if "--help" not in call:
            command.make_context(call[0], rest)


@pytest.mark.parametrize("page", PAGES)
def test_scripts_that_are_shown_exist(page):
    """A page that names a script of ours, in a command or beside a figure."""
    for script in re.findall(r"\b((?:scripts|benchmarks|src|tests)/[\w/]+\.\w+)", read(page)):
        assert "NAME" in script or (ROOT / script).exists(), f"{page}: {script}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for path, anchor in links(page):
        assert path.exists(), f"{page}: {path}"
        assert not anchor or anchor in anchors(path), f"{page}: {path.name}#{anchor}"


def test_a_promise_names_the_test_that_holds_it():
    page = read("docs/reference/promises.md")
    rows = re.findall(r"\| `([\w.]+)::(\w+)` \|$", page, re.MULTILINE)
    assert len(rows) == page.count("::test_") > 0
    for file, name in rows:
        assert f"def {name}(" in read(f"tests/{file}"), name


def test_files_that_name_a_page_name_one_that_is_there():
    """Messages, docstrings and scripts that send somebody to the documentation."""
    for folder in ("src", "scripts", "benchmarks"):
        for file in (ROOT / folder).rglob("*.py"):
            for page in re.findall(r"\bdocs/[\w/.-]+\w", file.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{file.relative_to(ROOT)}: {page}"


def test_every_page_is_reached_from_the_index():
    index = DOCS / "index.md"
    reached, left = set(), [index]
    while left:
        page = left.pop()
        reached.add(page)
        inside = (path for path, _ in links(page) if path.suffix == ".md" and DOCS in path.parents)
        left += [path for path in inside if path not in reached]
    assert reached == set(DOCS.rglob("*.md"))


def test_every_picture_is_shown():
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md"]
    shown = {path for page in pages for path, _ in links(page)}
    assert set(DOCS.rglob("*.png")) <= shown

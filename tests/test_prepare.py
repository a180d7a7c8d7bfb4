"""`seal prepare` writes every recording and the lists, or says in one line why it does not."""

import json
from pathlib import Path

import pytest

from layouts import LAYOUTS, NITE, laid_out, loader
from seal import cli, words
from seal.corpora import NAMES, splits
from seal.corpora.prepare import prepare
from seal.errors import SealError


@pytest.mark.parametrize("corpus", NAMES)
def test_prepare_writes_transcripts_and_lists(corpus: str, tmp_path: Path) -> None:
    source, out = laid_out(tmp_path / "in", LAYOUTS[corpus][0]), tmp_path / "new" / "out"
    seen: list[tuple[str, float]] = []
    parts = prepare(corpus, source, out, progress=lambda *done: seen.append(done))
    expected = loader(corpus)(source)
    assert sorted(name for names in parts.values() for name in names) == sorted(expected)
    assert {file.name for file in out.iterdir()} == {
        *(f"{name}.json" for name in expected),
        *("train.txt", "dev.txt", "test.txt"),
    }
    for part, names in parts.items():
        assert (out / f"{part}.txt").read_text().split() == names
        for name in names:
            assert splits.split(corpus, name) == part
            assert words.read(out / f"{name}.json") == expected[name]
    assert seen[0] == ("reading", 0.0) and seen[-1] == ("writing", 1.0)


def test_prepare_leaves_out_what_the_real_clips_are_cut_from(tmp_path: Path) -> None:
    xml = f'{NITE}<w starttime="9" endtime="9.5">in</w><w starttime="40" endtime="41">on</w>'
    files = {"words/ES2003a.A.words.xml": xml + "</nite:root>"}
    prepare("ami", laid_out(tmp_path / "in", files), tmp_path / "out")
    assert [word["words"] for word in words.read(tmp_path / "out" / "ES2003a.json")] == ["on"]


def test_the_command_prepares(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = laid_out(tmp_path / "in", LAYOUTS["rt03"][0])
    assert cli.main(["prepare", "rt03", str(source), "-o", str(tmp_path / "out")]) == 0
    assert capfd.readouterr() == ("rt03: 2 recordings: 0 train, 1 dev, 1 test\n", "")
    assert (tmp_path / "out" / "dev.txt").read_text() == "sw_45727\n"


def test_the_command_refuses_before_it_starts(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = laid_out(tmp_path / "in", LAYOUTS["stm"][0])
    file = tmp_path / "file"
    file.write_text("here already")
    monkeypatch.setattr("seal.corpora.stm.load", lambda _: pytest.fail("work has started"))
    for corpus, folder, out, problem in [
        ("timit", source, tmp_path / "out", "corpus 'timit': there is none of that name"),
        ("stm", tmp_path / "missing", tmp_path / "out", "missing: there is no such folder"),
        ("stm", source, file, "file: is a file; name a folder"),
        ("stm", source, file / "out", "file/out: cannot be a folder"),
        ("stm", source, source, "in: is where the corpus lies"),
    ]:
        assert cli.main(["prepare", corpus, str(folder), "-o", str(out)]) == 2
        output, errors = capfd.readouterr()
        assert output == "" and errors.count("\n") == 1 and problem in errors
    assert not (tmp_path / "out").exists() and file.read_text() == "here already"


def test_a_damaged_corpus_leaves_nothing_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = LAYOUTS["stm"][0] | {"b.stm": "y 1 Ann 0 1 <o> fine\nz 1 Ann one two\n"}
    source = laid_out(tmp_path / "in", files)
    assert cli.main(["prepare", "stm", str(source), "-o", str(tmp_path / "out")]) == 2
    assert "b.stm: line 2: not a time in seconds: 'one'" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../up", "", "..", "a/b", "a\\b", "line\nbreak"])
def test_a_name_that_cannot_be_a_file_is_refused(name: str, tmp_path: Path) -> None:
    entry = {"session_id": name, "speaker": "A", "words": "x", "start_time": 0, "end_time": 1}
    source = laid_out(tmp_path / "in", {"x.json": json.dumps([entry])})
    with pytest.raises(SealError, match="cannot name a file"):
        prepare("seglst", source, tmp_path / "out")
    assert not (tmp_path / "out").exists()

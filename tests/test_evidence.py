"""What the correction said of each word stays beside a result in another tool's format, and comes
back for the words that are as they were."""

import json
import os
import shutil
from pathlib import Path

import pytest

from seal import cli, formats, words
from seal.formats import evidence
from seal.review import word_view
from seal.words import Word

SAMPLES = Path(__file__).parent / "samples"
TOOLS = ["whisperx-holes.json", "deepgram.json", "srt.srt"]


def corrected(said: list[Word], names: list[str]) -> list[Word]:
    """As `seal correct` gives it: every fifth word has another speaker than the first pass."""
    first = [word.get("first_pass_speaker", word["speaker"]) for word in said]
    return [
        {
            **word,
            "speaker": names[names.index(name) - 1] if place % 5 == 2 else name,
            "first_pass_speaker": name,
            "speaker_confidence": round(0.5 + place / 1000, 4),
            **({"decided_by": ["voice", "text"]} if place % 5 == 2 else {}),
        }
        for place, (word, name) in enumerate(zip(said, first, strict=True))
    ]


@pytest.fixture(params=TOOLS)
def result(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[Word]]:
    """A corrected file of another tool's, and the words that were saved."""
    transcript = formats.load(SAMPLES / request.param)
    target = tmp_path / request.param
    after = corrected(transcript.words, words.speakers(transcript.words))
    transcript.save(after, target)
    return target, after


def kept(word: Word) -> dict:
    return {key: word.get(key) for key in ("speaker", *evidence.KEYS)}


def test_it_comes_back_when_the_result_is_read(result: tuple[Path, list[Word]]) -> None:
    target, after = result
    assert evidence.beside(target).name == f"{target.name}.seal"
    again = formats.load(target)
    assert [kept(word) for word in again.words] == [kept(word) for word in after]
    source = formats.load(SAMPLES / target.name)
    assert again.filled == source.filled
    views = [word_view(word) for word in again.words]  # the review page shows it as it shows ours
    assert [view["first"] for view in views] == [word["first_pass_speaker"] for word in after]
    assert all(view["confidence"] is not None for view in views)
    assert [view.get("by") for view in views] == [word.get("decided_by") for word in after]
    assert formats.load(target, data=target.read_bytes()).words[2].get("first_pass_speaker") is None


def test_a_later_correction_starts_from_the_first_pass(
    result: tuple[Path, list[Word]], tmp_path: Path
) -> None:
    target, _ = result
    for source, out in ((SAMPLES / target.name, "one"), (target, "two")):
        to = ["-o", f"{tmp_path}/{out}/", "--corrector", "hmm", "--quiet"]
        assert cli.main(["correct", str(source), *to]) == 0
    one, two = (tmp_path / out / target.name for out in ("one", "two"))
    assert [kept(word) for word in formats.read(one)] == [kept(w) for w in formats.read(two)]
    assert words.read(evidence.beside(one)) == words.read(evidence.beside(two))


def test_words_that_were_changed_since_have_none(tmp_path: Path) -> None:
    def saved(text: str) -> list[Word]:
        (tmp_path / "call.txt").write_text(text)
        return formats.read(tmp_path / "call.txt")

    transcript = formats.load(Path("call.txt"), data=b"Ann: one two three\nBob: four five\n")
    after = [
        {**word, "first_pass_speaker": "Bob", "speaker_confidence": 0.9}
        for word in transcript.words
    ]
    transcript.save(after, tmp_path / "call.txt")
    found = saved("Ann: one two three\nBob: four five\n")
    assert [word.get("first_pass_speaker") for word in found] == ["Bob"] * 5
    found = saved("Ann: one two\nBob: three four five\n")  # somebody says that three is Bob's
    assert [word.get("first_pass_speaker") for word in found] == ["Bob", "Bob", None, "Bob", "Bob"]
    found = saved("Ann: one or two three\nBob: five\n")
    assert [(w["words"], "first_pass_speaker" in w) for w in found] == [
        ("one", True), ("or", False), ("two", False), ("three", False), ("five", True)
    ]  # fmt: skip


def test_what_a_person_decided_stays(result: tuple[Path, list[Word]], tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    from seal.review.server import Review

    target, after = result
    review = Review(target)
    names = [word["speaker"] for word in after]
    other = next(name for name in words.speakers(after) if name != names[0])
    edits = {"speakers": [other, *names[1:]], "reviewed": [0, 2]}
    review.save(edits, review.version)
    assert [word.get("reviewed") for word in formats.read(target)][:4] == [True, None, True, None]
    assert cli.main(["correct", str(target), "-o", str(target), "--corrector", "hmm"]) == 0
    found = formats.read(target)
    assert (found[0]["speaker"], found[2]["speaker"]) == (other, names[2])


def test_damaged_evidence_is_told_and_not_used(
    result: tuple[Path, list[Word]], capsys: pytest.CaptureFixture[str]
) -> None:
    target, after = result
    evidence.beside(target).write_text("[{")
    found = formats.load(target)
    assert [word["speaker"] for word in found.words] == [word["speaker"] for word in after]
    assert f"{target.name}.seal is damaged, and not used" in found.notes


def test_none_is_written_where_there_is_none_or_no_place_for_it(tmp_path: Path) -> None:
    transcript = formats.load(SAMPLES / "srt.srt")
    transcript.save(transcript.words, tmp_path / "same.srt")
    ours = formats.load(SAMPLES / "nemo.json")
    words.write(corrected(ours.words, words.speakers(ours.words)), tmp_path / "own.json")
    own = formats.load(tmp_path / "own.json")
    own.save(own.words, tmp_path / "again.json")
    assert sorted(os.listdir(tmp_path)) == ["again.json", "own.json", "same.srt"]
    shutil.copy(SAMPLES / "deepgram.json", tmp_path / "deepgram.json")
    evidence.keep(own.words, own.filled, Path("/dev/null"))
    assert not Path("/dev/null.seal").exists()


def test_a_folder_is_not_searched_for_it(result: tuple[Path, list[Word]], tmp_path: Path) -> None:
    from seal.batch.inputs import TRANSCRIPT_SUFFIXES, inputs_of

    target, after = result
    assert inputs_of([tmp_path], None, TRANSCRIPT_SUFFIXES)[0] == [target]
    assert len(json.loads(evidence.beside(target).read_text(encoding="utf-8"))) == len(after)

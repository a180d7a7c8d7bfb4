"""Other languages: which recogniser hears them, what is said without it, and their words."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from seal import cli, errors
from seal.acoustic import asr, audio, languages, multilingual
from seal.errors import Notice, SealError

DEMO = Path(cli.__file__).parents[1] / "demo" / "call.flac"


@dataclass
class Piece:
    """A word as Whisper gives it."""

    word: str
    start: float
    end: float
    probability: float = 0.5


def pieces(*texts: str) -> list[Piece]:
    return [Piece(text, place / 5, place / 5 + 0.2) for place, text in enumerate(texts)]


def heard(*texts: str) -> list[str]:
    return [word["words"] for word in asr._tidy(pieces(*texts), 60.0)]


def test_pieces_of_a_word_in_another_script_are_put_together() -> None:
    assert heard("我", "用", "What", "s", "App", "。") == ["我", "用", "WhatsApp。"]
    assert heard("第", "20", "24", "年", " Python", " 3") == ["第", "2024", "年", "Python", "3"]
    assert heard("「", "食べ", "」", "た", "。") == ["「食べ」", "た。"]


def test_words_of_languages_with_spaces_are_as_they_were() -> None:
    texts = [" Het", " kost", " 20", " .000", " euro", "?"]
    assert heard(*texts) == ["Het", "kost", "20", ".000", "euro"]


def test_a_phrase_without_spaces_may_take_the_time_of_its_letters() -> None:
    (word,) = asr._tidy([Piece("សួស្តីបងប្អូនទាំងអស់គ្នា", 1.0, 4.0)], 60.0)
    assert word["start_time"] == 1.0
    (word,) = asr._tidy([Piece("stretched", 1.0, 4.0)], 60.0)
    assert word["start_time"] == 2.5


def test_a_loop_of_letters_is_cut() -> None:
    assert len(heard(*"我们今天去商店买东西吧" * 9)) == 4 * 11


def test_the_codes_are_whispers() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer")
    assert set(tokenizer._LANGUAGE_CODES) == multilingual.CODES


@pytest.mark.parametrize(
    ("given", "code"), [("nl", "nl"), ("NL-be", "nl"), ("zh_CN", "zh"), ("auto", "auto")]
)
def test_a_language_is_told_by_its_code(given: str, code: str) -> None:
    assert multilingual.checked(given) == code


@pytest.mark.parametrize("wrong", ["", "dutch", "xx", "e", "auto-nl", "nl be"])
def test_what_is_no_code_is_refused(wrong: str, tmp_path: Path, capsys: Any) -> None:
    arguments = ["transcribe", str(DEMO), "--language", wrong, "-o", str(tmp_path / "o.json")]
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("seal: --language: "), err
    assert not list(tmp_path.iterdir())


# --- with and without the extra -----------------------------------------------------------------


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multilingual, "is_there", lambda: False)
    there = errors.find_spec
    hidden = lambda name: None if name in multilingual.PARTS else there(name)  # noqa: E731
    monkeypatch.setattr(errors, "find_spec", hidden)


@pytest.mark.usefixtures("missing")
@pytest.mark.parametrize("options", [["--language", "nl"], ["--asr", "multilingual"]])
def test_without_the_extra_a_line_names_it(options: list[str], tmp_path: Path, capsys: Any) -> None:
    arguments = ["transcribe", str(DEMO), *options, "-o", str(tmp_path / "o.json")]
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "pip install 'seal[languages]'" in err, err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("missing")
def test_without_the_extra_auto_is_english_and_that_is_said_once(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("seal.pipeline.transcribe", lambda *_, **how: asked.append(how) or [])
    for name in ("a.flac", "b.flac"):
        (tmp_path / name).symlink_to(DEMO)
    options = ["--language", "auto", "--no-correct", "-o", str(tmp_path / "out")]
    assert cli.main(["transcribe", str(tmp_path), *options]) == 0
    assert [how["language"] for how in asked] == [None, None]
    assert capsys.readouterr().err.count("seal[languages]") == 1


@pytest.mark.usefixtures("missing")
def test_without_the_extra_english_is_heard_as_ever() -> None:
    assert languages.chosen(["x.wav"], None, None, "x") == (None, None)
    assert languages.chosen(["x.wav"], None, "en", "x") == (None, "en")
    with pytest.warns(Notice, match="all for English"):
        assert languages.chosen(["x.wav"], None, "auto", "x") == (None, None)


def test_a_model_in_parts_is_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = b"the weights of ", b"a model"
    for number, (package, part) in enumerate(zip(multilingual.PARTS, parts, strict=True), start=1):
        folder = tmp_path / package / "data"
        folder.mkdir(parents=True)
        (folder / f"model.bin.part{number}").write_bytes(part)
        (tmp_path / package / "__init__.py").touch()
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (folder / name).write_text(name)
    spec = lambda name: SimpleNamespace(origin=str(tmp_path / name / "__init__.py"))  # noqa: E731
    monkeypatch.setattr(multilingual, "find_spec", spec)
    monkeypatch.setattr(multilingual, "need", lambda extra: None)
    found = multilingual.files()
    assert found["model.bin"] == b"".join(parts) and found["config.json"] == b"config.json"
    (folder / "model.bin.part2").unlink()
    with pytest.raises(SealError, match=r"model\.bin\.part2: .*; install it anew: pip install"):
        multilingual.files()


# --- which language is it? ----------------------------------------------------------------------


class Whisper:
    """Says of the n-th of its 30 seconds what it is told to."""

    def __init__(self, *told: dict[str, float], english_alone: bool = False) -> None:
        self.model = SimpleNamespace(is_multilingual=not english_alone)
        self.told = list(told)

    def detect_language(self, samples: np.ndarray) -> tuple[str, float, list[tuple[str, float]]]:
        shares = sorted(self.told.pop(0).items(), key=lambda one: -one[1])
        return *shares[0], shares


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`languages.chosen` of sounds of so many seconds of speech."""

    def ask(
        whisper: Whisper, seconds: list[float], model: str | None = None, asked: str | None = None
    ) -> tuple[str | None, str | None]:
        sounds = [np.ones(round(each * audio.RATE), dtype=np.float32) for each in seconds]
        monkeypatch.setattr(multilingual, "is_there", lambda: True)
        monkeypatch.setattr(asr, "load", lambda *_: whisper)
        monkeypatch.setattr(asr, "pieces", lambda source: iter([(0.0, sounds[int(source)])]))
        monkeypatch.setattr(languages, "_speech", lambda samples: samples)
        return languages.chosen(map(str, range(len(seconds))), model, asked, "call.wav")

    return ask


def test_english_stays_with_its_own_recogniser(chosen: Any) -> None:
    assert chosen(Whisper({"en": 0.9, "nl": 0.1}), [20]) == (None, "en")


def test_another_language_is_told_and_gets_the_multilingual_one(chosen: Any) -> None:
    with pytest.warns(Notice, match="call.wav: its language is nl"):
        assert chosen(Whisper({"nl": 0.9, "en": 0.1}), [20]) == ("multilingual", "nl")


def test_a_side_with_a_cough_does_not_outvote_the_other(chosen: Any) -> None:
    whisper = Whisper({"ko": 0.9, "en": 0.1}, {"en": 0.8, "ko": 0.2}, {"en": 0.9, "ko": 0.1})
    assert chosen(whisper, [2, 50]) == (None, "en")


@pytest.mark.parametrize(("told", "seconds"), [({"nl": 0.4, "de": 0.3, "en": 0.3}, 20), ({}, 0)])
def test_where_nothing_is_sure_it_is_english_and_not_said(
    chosen: Any, told: dict[str, float], seconds: float
) -> None:
    assert chosen(Whisper(told), [seconds]) == (None, None)


def test_a_model_of_ones_own_is_asked_itself(chosen: Any) -> None:
    with pytest.warns(Notice, match="its language is ja"):
        assert chosen(Whisper({"ja": 1.0}), [9], "large") == ("large", "ja")
    assert chosen(Whisper(), [9], "large", "ja") == ("large", "ja")
    assert chosen(Whisper(english_alone=True), [9], "base.en") == ("base.en", None)
    with pytest.raises(SealError, match=r"'base\.en' recognises English alone"):
        chosen(Whisper(english_alone=True), [9], "base.en", "nl")


@pytest.mark.models
@pytest.mark.skipif(not multilingual.is_there(), reason="seal[languages] is not installed")
def test_the_extra_hears_other_languages_and_leaves_english_to_its_own(tmp_path: Path) -> None:
    samples, rate = soundfile.read(DEMO, stop=8000 * 25)
    soundfile.write(tmp_path / "call.wav", samples, rate)
    path = tmp_path / "call.wav"
    model, language = languages.chosen([path], None, None, path)
    assert (model, language) == (None, "en")
    plain = asr.recognise(path)
    assert asr.recognise(path, model, language=language) == [w | {"language": "en"} for w in plain]
    model, language = languages.chosen([path], None, "nl", path)
    found = asr.recognise(path, model, language=language)
    assert found and {word["language"] for word in found} == {"nl"}

"""Reading and writing again changes no byte; what is no transcript is refused with its place."""

import json
import math
import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import words
from seal.errors import SealError
from seal.exact_json import dumps, parse
from seal.files import write_text

SURROGATE = "\ud800"
# Two surrogates side by side would be one letter in JSON: only the first of a pair is drawn.
texts = st.text(st.characters(codec="utf-8") | st.just(SURROGATE), max_size=8)


class Raw(str):
    """JSON text of a number, to be written as it is."""


numbers = st.from_regex(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?", fullmatch=True) | st.sampled_from(
    ["1.50", "1e2", "0.10", "0E-3", "1.0000000000000000001", "12345678901234567890", "3e0"]
)
scores = st.from_regex(r"0(\.[0-9]{1,17})?|1(\.0{0,3}0)?|[1-9]e-[1-9]", fullmatch=True)
anything = st.recursive(
    st.none() | st.booleans() | texts | numbers.map(Raw) | numbers.map(lambda n: Raw(f"-1{n[1:]}")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    entry: dict[str, Any] = draw(st.dictionaries(texts, anything, max_size=3))
    entry.update({field: draw(texts) for field in ("session_id", "speaker", "words")})
    entry.update({field: Raw(draw(numbers)) for field in ("start_time", "end_time")})
    if draw(st.booleans()):
        entry["speaker_scores"] = draw(st.dictionaries(texts, scores.map(Raw), max_size=3))
    return dict(draw(st.permutations(list(entry.items()))))


def spelled(value: Any) -> str:
    """JSON text as `write` lays it out, written independently of it."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{spelled(k)}: {spelled(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return json.dumps(value, ensure_ascii=isinstance(value, str) and SURROGATE in value)


@settings(deadline=None, max_examples=80)
@given(st.lists(entries(), max_size=4))
def test_read_then_write_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory, transcript: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("words")
    lines = ",\n".join(" " + spelled(entry) for entry in transcript)
    text = f"[\n{lines}\n]\n" if transcript else "[]\n"
    (folder / "in.json").write_bytes(text.encode())
    read = words.read(folder / "in.json")
    words.write(read, folder / "out.json")
    assert (folder / "out.json").read_bytes() == text.encode()
    # A correction works on copies: numbers keep their spelling there, too.
    assert dumps([dict(w) for w in pickle.loads(pickle.dumps(read))]) == dumps(read)


WORD = {"session_id": "c", "speaker": "A", "words": "hi", "start_time": 0.5, "end_time": 1}


def test_numbers_are_numbers() -> None:
    text = json.dumps([WORD]).replace("0.5", "5.0e-1")
    read = parse(text, "call")
    assert read[0]["start_time"] + 1 == 1.5
    assert words.check(read) is read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("start_time", bad) for bad in (-0.1, math.nan, math.inf, "1", None, True, [], 10**400)],
        ("end_time", -1),
        *[(field, bad) for field in ("session_id", "speaker", "words") for bad in (None, 1, ["x"])],
        *[("speaker_scores", bad) for bad in ([0.5], "A", 0.5, True)],
        *[
            ("speaker_scores", {"A": 0.5, "B": bad})
            for bad in (-0.01, 1.01, math.nan, "0.5", None, False)
        ],
    ],
)
def test_a_bad_field_is_named_with_its_entry_and_file(
    field: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "call.json"
    path.write_text(json.dumps([WORD, {**WORD, field: value}]))
    with pytest.raises(SealError) as refusal:
        words.read(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}: entry 2: ") and f"'{field}'" in message
    assert "\n" not in message and len(message) < len(str(path)) + 200


@pytest.mark.parametrize("field", words.REQUIRED)
def test_a_missing_field_is_named(field: str, tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    path.write_text(json.dumps([{k: v for k, v in WORD.items() if k != field}]))
    with pytest.raises(SealError, match=f"entry 1: the field '{field}' is missing"):
        words.read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b'{"a": 1}',
        b"null",
        b"3",
        b"[[]]",
        b'["word"]',
        b'[{"session_id": ',
        b"\xff\xfe\x00",
        b"RIFF\x84\x00",
        b"[" * 200_000,
        b"[" + b"9" * 5000 + b"]",
        b'[{"session_id": "c", "session_id": "d"}]',
    ],
)
def test_what_is_no_transcript_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(SealError) as refusal:
        words.read(path)
    assert str(refusal.value).startswith(f"{path}: ") and "\n" not in str(refusal.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json", tmp_path / "missing" / "x.json"):
        with pytest.raises(SealError, match="cannot be read"):
            words.read(path)


def test_a_byte_order_mark_and_absent_scores_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([{**WORD, "speaker_scores": None}]).encode())
    assert words.read(path) == [{**WORD, "speaker_scores": None}]


def test_minus_nought_stays_as_it_was(tmp_path: Path) -> None:
    text = "[\n " + json.dumps(WORD | {"note": 7}).replace("7", "-0") + "\n]\n"
    (tmp_path / "in.json").write_text(text)
    words.write(words.read(tmp_path / "in.json"), tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text() == text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    words.write([WORD], path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SealError, match=r"x\.json: cannot be written: No space left"):
        words.write([WORD, WORD], path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["x.json"]


@settings(deadline=None, max_examples=60)
@given(texts)
def test_normalised_text_is_plain_and_stays_so(text: str) -> None:
    normal = words.normalise(text)
    assert words.normalise(normal) == normal
    assert normal == " ".join(normal.split())
    assert not set(normal) & set(';!?"()[]-_*')
    assert not re.search(r"(?<!\d)[.,:/]|[.,:/](?!\d)", normal)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Well-known,", "well known"),
        ("isn’t", "isn't"),
        ("'Tis", "tis"),
        ("🙂", ""),
        ("Ça va?", "ça va"),
        ("Cafe\u0301!", "caf\u00e9"),
        ("3.5,", "3.5"),
        ("10:30", "10:30"),
        ("1,000,000.", "1000000"),
        ("12,34,567", "1234567"),
        ("U.S.A.", "usa"),
        ("and/or", "andor"),
        ("किताब,", "किताब"),
        ("น้ำ", "น้ำ"),
        ("❤️", ""),
        ("İyi", "iyi"),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert words.normalise(text) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [("की", "का"), ("มา", "มี"), ("ไม้", "ไม่"), ("3.5", "35"), ("தமிழ்", "தமழ"), ("5:15", "515")],
)
def test_words_that_differ_differ_when_normalised(one: str, other: str) -> None:
    assert words.normalise(one) != words.normalise(other)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    word = {
        **WORD,
        "start_time": numpy.float32(0.1),
        "end_time": numpy.int64(2),
        "speaker_scores": {"A": numpy.float16(0.5), "B": numpy.float64(0.25)},
        "seen": numpy.bool_(True),
    }
    words.write(words.check([word]), tmp_path / "out.json")
    assert '"start_time": 0.1, "end_time": 2,' in (tmp_path / "out.json").read_text()
    again = words.read(tmp_path / "out.json")[0]
    assert again["speaker_scores"] == {"A": 0.5, "B": 0.25} and again["seen"] is True
    with pytest.raises(SealError, match="must be seconds"):
        words.check([{**word, "start_time": numpy.float32("nan")}])


def test_sessions_and_speakers() -> None:
    def word(session: str, speaker: str, start: float, **more: Any) -> dict[str, Any]:
        return {**WORD, "session_id": session, "speaker": speaker, "start_time": start, **more}

    transcript = [
        word("one", "B", 3),
        word("two", "C", 0),
        word("one", "A", 1, speaker_scores={"Z": 0.5, "A": 0.5}),
        word("one", "B", 1),
    ]
    assert list(words.sessions(transcript)) == [("one", [2, 3, 0]), ("two", [1])]
    assert words.speakers(transcript) == ["B", "C", "A", "Z"]


def test_a_key_nested_too_deep_is_refused_before_the_work(tmp_path):
    """It could be read, and not be written again."""
    path = tmp_path / "deep.json"
    start = (
        '[{"session_id": "a", "speaker": "A", "words": "x", "start_time": 0, "end_time": 1, "k": '
    )
    path.write_text(start + "[" * 100 + "]" * 100 + "}]")
    words.write(words.read(path), tmp_path / "out.json")
    path.write_text(start + "[" * 600 + "]" * 600 + "}]")
    with pytest.raises(SealError, match="entry 1: 'k' is nested deeper than 100"):
        words.read(path)


def test_a_device_that_leads_to_a_file_is_written_to_and_not_replaced(tmp_path):
    with open(tmp_path / "out.json", "w") as file:
        write_text("[]\n", f"/dev/fd/{file.fileno()}")
    assert (tmp_path / "out.json").read_text() == "[]\n"


def test_a_link_stays_one(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    for text in ("[]", "[1]"):
        write_text(text, tmp_path / "link.json")
        assert (tmp_path / "link.json").is_symlink()
        assert (tmp_path / "real.json").read_text() == text
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("letter", ["a", "\u00e9"])
def test_a_name_as_long_as_names_may_be_is_written(letter, tmp_path):
    path = tmp_path / (letter * (250 // len(letter.encode())) + ".json")
    write_text("[]", path)
    assert path.read_text() == "[]" and len(list(tmp_path.iterdir())) == 1

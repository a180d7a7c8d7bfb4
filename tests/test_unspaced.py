"""Scripts without spaces: no word changes, and texts are written as people write them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import cli, formats, words
from seal.formats import known, subtitles, turns
from seal.unspaced import characters, columns, joined, letters_and_words

TALK = [
    ("A", "包 裹 到 了 吗？"),
    ("B", "还 没 有， 我 用 Python 查 了 3 次。"),
    ("A", "荷 物 は 届 き ま し た か？ 「は い」"),
    ("B", "ส วั ส ดี ค รั บ OK"),
]
WRITTEN = [
    "包裹到了吗？",
    "还没有，我用 Python 查了3次。",
    "荷物は届きましたか？「はい」",
    "สวัสดีครับ OK",
]


def talk() -> list[words.Word]:
    """A word for each letter, as Whisper has them, one after another without a pause."""
    found = []
    for who, text in TALK:
        for word in text.split():
            time = round(0.2 * len(found), 3)
            one = {"session_id": "call", "speaker": who, "words": word, "start_time": time}
            found.append(one | {"end_time": round(time + 0.2, 3)})
    return found


def file_of(format: str, folder: Path) -> Path:
    kind = known.FORMATS[format]
    return (
        folder
        / f"call{'.txt' if format == 'text' else f'.{format}' if kind == 'text' else '.json'}"
    )


DENSE = "你好我们是々ラーメンをสวัสดีລາວကေါខ្មែរ"
TEXTS = st.text(DENSE + "ab3é「」。、,.' ", min_size=1, max_size=12)


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_joining_changes_no_letter_and_parts_what_has_spaces(drawn: list[str]) -> None:
    text = joined(drawn)
    assert text.replace(" ", "") == "".join(drawn).replace(" ", "")
    plain = ["tea", "s'il", "vous", "नमस्ते", "안녕", "3.5"]
    assert joined(plain).split(" ") == plain


@settings(deadline=None)
@given(TEXTS, st.data())
def test_characters_are_the_text_and_do_not_depend_on_how_it_was_cut(
    text: str, data: st.DataObject
) -> None:
    parts = characters(text)
    assert "".join(parts) == "".join(text.split())
    assert [part for part in parts for _ in characters(part)] == parts
    whole = letters_and_words(text)
    cut = data.draw(st.integers(0, len(parts)))
    pieces = joined(parts[:cut]), joined(parts[cut:])
    assert [one for piece in pieces for one in letters_and_words(piece)] == whole


@pytest.mark.parametrize("to", [name for name in known.FORMATS if name not in ("words", "rttm")])
def test_no_word_changes_in_any_format(to: str, tmp_path: Path) -> None:
    words.write(talk(), tmp_path / "in.json")
    path = tmp_path / "out" / file_of(to, tmp_path).name
    path.parent.mkdir()
    lost = formats.load(tmp_path / "in.json", "words").convert(to, path)
    again = formats.load(path, to).words
    said = [[w["words"] for w in side] for side in (talk(), again)]
    holds = known.module_of(to).HOLDS
    if "word times" in holds or to in ("stm", "diarizationlm"):
        assert said[0] == said[1]
    else:
        assert [[one for w in side for one in letters_and_words(w)] for side in said][1] == [
            one for w in said[0] for one in letters_and_words(w)
        ]
        assert any("of a script without spaces begin" in loss for loss in lost), lost
    assert not any("as such" in loss or "the speakers of" in loss for loss in lost), lost


@pytest.mark.parametrize("to", ["text", "otter", "srt", "vtt", "csv", "timed-text", "whisperx"])
def test_what_people_read_has_no_spaces_between_letters(to: str) -> None:
    text = formats.written(talk(), to)
    flat = text.replace("\n", "").replace("\\u0020", " ")
    assert all(line in flat or to in ("srt", "vtt") for line in WRITTEN)
    assert "包裹到了吗？" in text and "包 裹" not in text and "荷 物" not in text


def test_a_document_and_a_page_have_none_either(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    words.write(talk(), tmp_path / "in.json")
    assert cli.main(["convert", str(tmp_path / "in.json"), "-o", str(tmp_path / "o.docx")]) == 0
    texts = [p.text.split("\n")[-1] for p in docx.Document(tmp_path / "o.docx").paragraphs[1:]]
    assert texts == WRITTEN


def test_lines_of_subtitles_count_wide_letters_twice() -> None:
    assert (columns("你好"), columns("tea"), columns("ไทย"), columns("안녕")) == (4, 3, 3, 4)
    long = [
        {"session_id": "a", "speaker": "A", "words": one}
        | {"start_time": place / 10, "end_time": place / 10 + 0.1}
        for place, one in enumerate("我们今天下午要去商店买东西你想一起去吗" * 4)
    ]
    for cue in subtitles.cues(long, formats.DEFAULT):
        assert all(columns(turns.said(line)) <= 42 for line in cue.lines) and len(cue.lines) <= 2


# --- other tools' files: a turn that is split keeps the tool's own spaces -----------------------


def corrected(path: Path, to_b: range) -> Any:
    """The file with some of its words given to the other speaker."""
    transcript = formats.load(path)
    other = next(
        w["speaker"] for w in transcript.words if w["speaker"] != transcript.words[0]["speaker"]
    )
    after = [
        w | {"speaker": other} if place in to_b else w for place, w in enumerate(transcript.words)
    ]
    transcript.save(after, path)
    again = formats.load(path)
    assert [(w["words"], w["speaker"]) for w in again.words] == [
        (w["words"], w["speaker"]) for w in after
    ]
    return json.loads(path.read_text())


def test_an_assemblyai_utterance_is_cut_as_it_is_written(tmp_path: Path) -> None:
    def utterance(who: str, text: str, letters: list[str], start: int) -> dict[str, Any]:
        own = [
            {"text": one, "start": start + 200 * i, "end": start + 200 * i + 200, "speaker": who}
            for i, one in enumerate(letters)
        ]
        return {"speaker": who, "text": text, "start": start, "end": own[-1]["end"], "words": own}

    said = [
        utterance("A", "包裹到了吗？没有。", ["包裹", "到", "了", "吗？", "没有。"], 0),
        utterance("B", "好的", ["好", "的"], 2000),
    ]
    path = tmp_path / "call.json"
    flat = [word for one in said for word in one["words"]]
    path.write_text(json.dumps({"words": flat, "utterances": said, "text": ""}))
    found = corrected(path, range(4, 5))
    assert [one["text"] for one in found["utterances"]] == ["包裹到了吗？", "没有。", "好的"]


def test_funasr_has_a_time_for_each_letter(tmp_path: Path) -> None:
    text = "包裹到了吗，没有ok"
    stamps = [[200 * i, 200 * i + 200] for i in range(8)]
    sentences = [
        {"text": text, "start": 0, "end": 1600, "timestamp": stamps, "spk": 0},
        {"text": "好的。", "start": 2000, "end": 2400, "timestamp": [[2000, 2200], [2200, 2400]]}
        | {"spk": 1},
    ]
    path = tmp_path / "call.json"
    path.write_text(json.dumps([{"key": "call", "text": text, "sentence_info": sentences}]))
    found = formats.read(path)
    assert [w["words"] for w in found] == [*"包裹到了", "吗，", "没", "有", "ok", "好", "的。"]
    assert found[5]["start_time"] == 1.0 and "times_estimated" not in found[5]
    split = corrected(path, range(5, 8))[0]["sentence_info"]
    assert [one["text"] for one in split] == ["包裹到了吗，", "没有ok", "好的。"]
    assert [len(one["timestamp"]) for one in split] == [5, 3, 2]


def test_a_text_of_sentences_stays_whole(tmp_path: Path) -> None:
    """A word is what the text parts by a space: in Chinese mostly a whole sentence."""
    path = tmp_path / "call.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:02,000\n张三：包裹到了吗\n\n"
                    "2\n00:00:02,000 --> 00:00:04,000\n李四：还没有到\n")  # fmt: skip
    assert [(w["speaker"], w["words"]) for w in formats.read(path)] == [
        ("张三", "包裹到了吗"),
        ("李四", "还没有到"),
    ]


def test_scores_count_characters_where_there_are_no_words(tmp_path: Path, capsys: Any) -> None:
    """A reference of sentences against a result of letters."""
    words.write(talk(), tmp_path / "hyp.json")
    (tmp_path / "ref.txt").write_text(formats.written(talk(), "text"))
    sides = ["--ref", str(tmp_path / "ref.txt"), "--hyp", str(tmp_path / "hyp.json")]
    assert cli.main(["score", *sides]) == 0
    out = capsys.readouterr().out
    assert "37 reference words, of which 34 are characters" in out.replace("\n", " "), out
    assert cli.main(["score", *sides, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cpwer"], found["wder"], found["characters"]) == (0, 0, 34)
    assert cli.main(["score", *sides, "--unit", "word", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cpwer"] > 1

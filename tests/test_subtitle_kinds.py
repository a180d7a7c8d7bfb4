"""Subtitles and texts with more in them than words: signs, songs, noises, cues that overlap."""

import json
from pathlib import Path
from typing import Any

import pytest

from seal import cli, formats, words
from seal.errors import SealError

SIGNS = [
    "Salt",
    "&",
    "Sons",
    "-",
    "well",
    "-",
    "take",
    "3",
    "+",
    "4",
    "at",
    "20",
    "%",
    "or",
    "$",
    "9",
]


def read(name: str, content: str) -> formats.Transcript:
    return formats.load(name, data=content.encode())


def srt(*cues: str, step: float = 3.0) -> str:
    """The cues, one after another, each of two seconds."""
    return "\n".join(
        f"{n}\n00:00:{n * step:06.3f} --> 00:00:{n * step + 2:06.3f}\n{cue}\n".replace(".", ",", 2)
        for n, cue in enumerate(cues)
    )


def vtt(*cues: str) -> str:
    return "WEBVTT\n\n" + "\n".join(
        f"00:{n * 3:02}.000 --> 00:{n * 3 + 2:02}.000\n{cue}\n" for n, cue in enumerate(cues)
    )


SIGNED = {
    "a.srt": srt("Cleo: " + " ".join(SIGNS), "Max: ¿ who ?", "Cleo: & so on"),
    "a.vtt": vtt(
        "<v Cleo>" + " ".join(SIGNS).replace("&", "&amp;"), "<v Max>¿ who ?", "<v Cleo>&amp; so on"
    ),
    "a.csv": f"speaker,start,end,text\nCleo,0,2,{' '.join(SIGNS)}\n"
    "Max,3,5,¿ who ?\nCleo,6,8,& so on\n",
    "a.txt": f"Cleo  0:00\n{' '.join(SIGNS)}\n\nMax  0:03\n¿ who ?\n\nCleo  0:06\n& so on\n",
    "b.txt": f"Cleo: {' '.join(SIGNS)}\nMax: ¿ who ?\nCleo: & so on\n",
}


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("to", ["srt", "vtt", "csv", "text", "otter", "timed-text"])
def test_signs_that_stand_alone_stay_in_what_is_written(name: str, to: str) -> None:
    before = read(name, SIGNED[name])
    assert not any(word["words"] in "&-+%$¿?" for word in before.words)
    text, _, lost = before.converted(to)
    plain = text.replace("&amp;", "&")
    for said in (SIGNS, ["¿", "who", "?"], ["&", "so", "on"]):
        assert " ".join(said) in " ".join(plain.split())
    assert not any("sign" in one for one in lost)


def test_signs_go_by_way_of_a_word_transcript_and_are_told_where_they_cannot() -> None:
    before = read("a.srt", SIGNED["a.srt"])
    between = read("a.json", before.converted("words")[0])
    assert between.converted("text")[0] == before.converted("text")[0]
    found = next(word for word in between.words if word["words"] == "Salt")
    assert found["with_signs"] == "Salt &"
    found["words"] = "Pepper"  # written anew by a person
    assert "Pepper Sons" in between.converted("text")[0]
    for to in ("ctm", "deepgram", "diarizationlm"):
        assert any("signs that stand alone (" in one for one in before.converted(to)[2])


SONGS = ["♪ la la la ♪", "♪ la la,\nla la ♪", "<i>♪ la la ♪</i>", "♪ la la la", "# la la la #"]


@pytest.mark.parametrize("song", SONGS)
@pytest.mark.parametrize("make", [srt, vtt])
def test_a_song_is_no_speech(make: Any, song: str) -> None:
    text = make(song, "Cleo: good night", "Max: good night, all", song)
    name = "a.vtt" if make is vtt else "a.srt"
    before = read(name, text)
    assert [word["words"] for word in before.words][-1] == "all" and len(before.words) == 5
    other = {"Cleo": "Ann", "Max": "Max"}
    renamed = [word | {"speaker": other[word["speaker"]]} for word in before.words]
    assert before.data(renamed).decode() == text.replace("Cleo", "Ann")
    assert any("2 marks of what nobody says (" in one for one in before.converted("text")[2])


@pytest.mark.parametrize("close", ["", "</v>"])
@pytest.mark.parametrize("noise", ["[laughs]", "<i>[laughs]</i>", "[laughs]."])
def test_a_noise_is_none_whether_the_voice_is_closed_or_not(noise: str, close: str) -> None:
    text = vtt(f"<v Cleo>Not a <i>wink</i>. {noise}{close}", f"<v Max>{noise} Fine.{close}")
    before = read("a.vtt", text)
    assert [word["words"] for word in before.words] == ["Not", "a", "wink.", "Fine."]
    made, _, lost = before.converted("srt")
    assert "laughs" not in made and "italics" in lost
    assert any("2 marks of what nobody says ([laughs]" in one for one in lost)


ROLLING = (
    "1\n00:00:00,160 --> 00:00:04,000\nCleo: so what did she put into it\n\n"
    "2\n00:00:02,080 --> 00:00:06,319\nall the apples that were left\n\n"
    "3\n00:00:05,000 --> 00:00:08,000\nMax: and no sugar at all\n\n"
    "4\n00:00:05,000 --> 00:00:07,000\nCleo: none of it\n"
)


@pytest.mark.parametrize("to", ["text", "srt", "csv"])
def test_cues_that_overlap_are_not_mixed(to: str) -> None:
    before = read("a.srt", ROLLING)
    starts = [word["start_time"] for word in before.words]
    assert starts == sorted(starts) and before.words[17]["end_time"] == 8.0
    text, _, lost = before.converted(to)
    again = [(word["speaker"], word["words"]) for word in read(f"a.{to}", text).words]
    assert again == [(word["speaker"], word["words"]) for word in before.words]
    assert not any("order" in one for one in lost)


def test_a_cue_that_ends_before_it_begins_is_told() -> None:
    text = srt("Cleo: well", "Max: no").replace("00:00:05,000", "00:00:02,500")
    assert read("a.srt", text).notes == [
        "line 6: a cue that ends before it begins; it has no length"
    ]


def test_chevrons_are_called_so() -> None:
    note = read("a.srt", srt(">> well now", ">> no")).notes[0]
    assert "each chevron (>>) is taken" in note


def test_a_layout_that_is_asked_for_is_made_in_the_same_format(tmp_path: Path) -> None:
    path, out = tmp_path / "a.srt", tmp_path / "b.srt"
    path.write_text(srt("Cleo: it is a long way to the sea from here", "Max: not by bus"))
    assert cli.main(["convert", str(path), "-o", str(out)]) == 0
    assert out.read_bytes() == path.read_bytes()
    assert cli.main(["convert", str(path), "-o", str(out), "--line-length", "24"]) == 0
    assert max(len(line) for line in out.read_text().splitlines() if "-->" not in line) <= 24


def said(speaker: str, text: str, start: float, end: float) -> words.Word:
    word = {"session_id": "a", "speaker": speaker, "words": text}
    return words.Word(word | {"start_time": start, "end_time": end})  # type: ignore[typeddict-item]


def times_of(found: list[words.Word], tmp_path: Path) -> list[str]:
    words.write(found, tmp_path / "in.json")
    text = formats.load(tmp_path / "in.json").converted("srt")[0]
    return [line for line in text.splitlines() if "-->" in line]


def test_a_short_cue_is_lengthened_into_the_free_time_around_it(tmp_path: Path) -> None:
    found = [
        said("A", "well then", 0.0, 2.0),
        said("B", "yes", 2.7, 2.9),
        said("A", "so", 3.2, 5.0),
    ]
    assert times_of(found, tmp_path)[1] == "00:00:02,200 --> 00:00:03,200"


def test_a_cue_without_room_stays_short(tmp_path: Path) -> None:
    found = [
        said("A", "well then", 0.0, 2.0),
        said("B", "yes", 2.0, 2.4),
        said("A", "so", 2.5, 5.0),
    ]
    assert times_of(found, tmp_path)[1] == "00:00:02,000 --> 00:00:02,500"


def test_a_short_cue_is_joined_to_one_of_the_same_speaker(tmp_path: Path) -> None:
    found = [said("A", "well", 0.0, 0.3), said("A", "then", 2.0, 2.3), said("B", "yes", 2.4, 6.0)]
    words.write(found, tmp_path / "in.json")
    layout = formats.Layout(shortest=3.0)
    text = formats.load(tmp_path / "in.json").converted("srt", layout)[0]
    assert "00:00:00,000 --> 00:00:02,400\nA: well then\n" in text


def test_the_line_of_otter_below_the_text_is_nobodys() -> None:
    text = SIGNED["a.txt"] + "\nTranscribed by https://otter.ai\n"
    before = read("a.txt", text)
    assert before.format == "otter" and before.words[-1]["words"] == "on"
    assert "Transcribed by" not in before.converted("text")[0]
    changed = [word | {"speaker": "Max"} for word in before.words[-1:]]
    made = before.data([*before.words[:-1], *changed]).decode()
    assert made.endswith("\n\nTranscribed by https://otter.ai\n")


def test_webvtt_is_known_by_its_first_line() -> None:
    assert read("a.srt", vtt("<v Cleo>well", "<v Max>no")).format == "vtt"


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.docx", b"PK\x03\x04\xff\xfe word/document.xml", "a Word document"),
        ("a.srt", b"PK\x03\x04\xff\xfe word/document.xml", "a Word document"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
        ("a.txt", b"\x00\x00\x00\x20ftypM4A \xff\xfe", "a recording"),
    ],
)
def test_what_is_no_transcript_is_called_what_it_is(name: str, data: bytes, told: str) -> None:
    with pytest.raises(SealError, match=told):
        formats.load(name, data=data)


def test_a_folder_says_what_it_passes_over(tmp_path: Path, capsys: Any) -> None:
    for name in ("a.srt", "b.srt"):
        (tmp_path / name).write_text(srt("Cleo: well now", "Max: no"))
    for name in ("c.txt", "d.csv", "e.docx", "f.wav", "a.srt.seal", ".g.txt"):
        (tmp_path / name).write_text("x")
    assert cli.main(["convert", str(tmp_path), "-o", f"{tmp_path}/out/", "--to", "vtt"]) == 0
    told = capsys.readouterr().err
    assert f"{tmp_path}: 3 files passed over (c.txt, d.csv, e.docx)" in told and "*.txt'" in told


def test_what_a_webvtt_has_beside_its_cues_is_told_where_it_is_left_out(
    tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(
        "WEBVTT - A call\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:fred\n\n"
        "NOTE by Ann\n\nintro\n00:00.500 --> 00:02.000 align:start position:10%\n"
        "<v Ann>did the <c.yellow>parcel</c> come\n\n2\n00:02.500 --> 00:04.000\n<v Bob>no\n"
    )
    for command in (["-o", str(tmp_path / "o.srt")], ["-o", str(tmp_path / "o.vtt"), "--lines=1"]):
        assert cli.main(["convert", str(path), *command]) == 0
        told = capsys.readouterr().err
        for part in (
            "formatting",
            "header",
            "1 style sheet",
            "1 region",
            "1 note",
            "names of 1 cue",
        ):
            assert part in told
        assert "settings of 1 cue" in told
    assert cli.main(["convert", str(path), "-o", str(tmp_path / "same.vtt")]) == 0
    assert (tmp_path / "same.vtt").read_bytes() == path.read_bytes()
    assert not capsys.readouterr().err


@pytest.mark.parametrize("to", ["text", "srt", "vtt", "stm", "csv", "otter", "textgrid"])
def test_signs_that_are_words_of_their_own_in_json_are_told_as_signs(to: str) -> None:
    """It said "3 words as such: marks there", though the text has them."""
    made = [
        {"session_id": "a", "speaker": "A", "words": word, "start_time": at, "end_time": at + 0.5}
        for at, word in enumerate(["Salt", "&", "pepper", "-", "–", "yes"])
    ]
    transcript = read("a.json", json.dumps(made))
    text, _, lost = transcript.converted(to)
    if to in ("textgrid", "stm"):  # words of their own there, and no words to who reads them
        assert "3 words as such: marks there ('&', '-', '–')" in lost
        return
    assert "that 3 signs (& - –) stood as words: there they are beside one" in lost
    assert "Salt & pepper - – yes" in text.replace("&amp;", "&")
    assert not any("marks there" in told for told in lost)


def test_an_empty_word_with_signs_is_none() -> None:
    """It ended a conversion with a traceback."""
    word = {"session_id": "a", "speaker": "A", "words": "", "start_time": 0, "end_time": 1}
    made = [word | {"with_signs": "&"}, word | {"words": "yes"}]
    text, _, lost = read("a.json", json.dumps(made)).converted("text")
    assert text == "A: yes\n" and "1 empty word" in lost

"""Kinds of files that people hand in: each says who speaks in its own way, and no word is lost."""

import gc
import json
import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from seal import cli, formats, words
from seal.correctors.unread import is_english
from seal.errors import Notice, SealError
from seal.formats import known

LINES = [
    (0.5, 2.5, "did anyone feed the cat"),
    (3.0, 4.5, "not me I am afraid"),
    (5.0, 7.5, "then I had better go home"),
    (8.0, 9.5, "give her a stroke from me"),
]
TALK = [text for _, _, text in LINES]


def clock(seconds: float, mark: str) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", mark)


def srt(*cues: str) -> str:
    """The cues, at the talk's times."""
    blocks = [
        f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{cue}\n"
        for number, ((start, end, _), cue) in enumerate(zip(LINES * 9, cues, strict=False), 1)
    ]
    return "\n".join(blocks)


def vtt(*cues: str) -> str:
    blocks = [
        f"{clock(start, '.')} --> {clock(end, '.')}\n{cue}\n"
        for (start, end, _), cue in zip(LINES * 9, cues, strict=False)
    ]
    return "WEBVTT\n\n" + "\n".join(blocks)


def labelled(*labels: str) -> list[str]:
    """The talk's lines behind such labels, which come again from the start."""
    return [f"{labels[place % len(labels)]}{text}" for place, text in enumerate(TALK)]


def turns(found: list[dict]) -> list[tuple[str, str]]:
    return [
        (name, " ".join(word["words"] for word in own))
        for name, own in groupby(found, key=lambda word: word["speaker"])
    ]


def read(name: str, content: str | bytes) -> formats.Transcript:
    return formats.load(name, data=content if isinstance(content, bytes) else content.encode())


def talk(*names: str) -> list[tuple[str, str]]:
    return [(names[place % len(names)], text) for place, text in enumerate(TALK)]


def keeps_and_corrects(transcript: formats.Transcript, content: str | bytes) -> None:
    """Nothing changed gives the same bytes; any one word may become another's and no more."""
    before = content if isinstance(content, bytes) else content.encode()
    assert transcript.data(transcript.words) == before
    everyone = sorted({word["speaker"] for word in transcript.words})
    for place in range(0, len(transcript.words), 4):
        after = [dict(word) for word in transcript.words]
        after[place]["speaker"] = next(n for n in everyone if n != after[place]["speaker"])
        again = formats.load(transcript.path, transcript.format, data=transcript.data(after)).words
        assert [(w["speaker"], w["words"]) for w in again] == [
            (w["speaker"], w["words"]) for w in after
        ]


# --- names ------------------------------------------------------------------------------------

NAMED = [
    ("a.vtt", vtt(*labelled("Joris van Hove: ", "Cleo Ward: ")), ("Joris van Hove", "Cleo Ward")),
    ("a.vtt", vtt(*labelled("Ward, Cleo: ", "Max Ohm: ")), ("Ward, Cleo", "Max Ohm")),
    ("a.vtt", vtt(*labelled("Cleo (she/her): ", "Max: ")), ("Cleo (she/her)", "Max")),
    ("a.srt", srt(*labelled("Cleo [Sales]: ", "Max: ")), ("Cleo [Sales]", "Max")),
    ("a.vtt", vtt(*labelled("Cleo!: ", "Max: ")), ("Cleo!", "Max")),
    ("a.vtt", vtt(*labelled("cleo ward: ", "Max Ohm: ")), ("cleo ward", "Max Ohm")),
    ("a.srt", srt(*labelled("cleo ward: ", "max ohm: ")), ("cleo ward", "max ohm")),
    ("a.srt", srt(*labelled("second caller: ", "host: ")), ("second caller", "host")),
    ("a.srt", srt(*labelled("Cleo： ", "Max： ")), ("Cleo", "Max")),
    ("a.srt", srt(*labelled("(speaker 0) ", "(speaker 1) ")), ("speaker 0", "speaker 1")),
    ("a.srt", srt(*labelled("[SPEAKER_00] ", "[SPEAKER_01] ")), ("SPEAKER_00", "SPEAKER_01")),
    ("a.srt", srt(*labelled(">> CLEO: ", ">> MAX: ")), ("CLEO", "MAX")),
    ("a.vtt", vtt(*labelled("&gt;&gt; CLEO: ", "&gt;&gt; MAX: ")), ("CLEO", "MAX")),
    ("a.srt", srt(*labelled("<i>Cleo:</i> ", "<b>Max</b>: ")), ("Cleo", "Max")),
    ("a.srt", srt(*labelled("{\\an8}Cleo: ", "Max: ")), ("Cleo", "Max")),
    ("a.srt", srt(*labelled('<font color="#ff0">Cleo: ', "Max: ")), ("Cleo", "Max")),
    # One person, spelt or set off in two ways.
    ("a.srt", srt(*labelled("- Cleo: ", "Max: ", "Cleo: ", "Max: ")), ("Cleo", "Max")),
    ("a.srt", srt(*labelled("Cleo\xa0W: ", "Max: ", "Cleo W: ", "Max: ")), ("Cleo W", "Max")),
    ("a.srt", srt(*labelled("{\\an8}Cleo: ", "Max: ", "Cleo: ", "Max: ")), ("Cleo", "Max")),
    ("a.srt", srt(*labelled("Chloe\u0301: ", "Max: ", "Chlo\xe9: ", "Max: ")), ("Chlo\xe9", "Max")),
    ("a.vtt", vtt(*labelled("<v Chloe\u0301>", "<v Max>", "<v Chlo\xe9>", "<v Max>")),
     ("Chlo\xe9", "Max")),
    ("a.vtt", vtt(*labelled("<v Cleo &amp; Jo>", "<v Max>")), ("Cleo & Jo", "Max")),
    ("a.vtt", vtt(*labelled("Cleo &amp; Jo: ", "Max: ")), ("Cleo & Jo", "Max")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "names"), NAMED)
def test_a_name_is_a_name_however_it_is_written(name: str, content: str, names: tuple) -> None:
    transcript = read(name, content)
    assert turns(transcript.words) == talk(*names)
    keeps_and_corrects(transcript, content)


@pytest.mark.parametrize("once", ["Eva Horn", "Joris van Hove", "Zoë"])
def test_a_name_may_occur_once(once: str) -> None:
    content = vtt(*labelled("Cleo Ward: ", "Max Ohm: ", f"{once}: ", "Cleo Ward: "))
    transcript = read("a.vtt", content)
    assert turns(transcript.words) == talk("Cleo Ward", "Max Ohm", once, "Cleo Ward")
    keeps_and_corrects(transcript, content)


@pytest.mark.parametrize("said", ["Remember", "with a new hat", "Note", "and he said", "HTTP"])
def test_what_opens_one_cue_is_said(said: str) -> None:
    found = read("a.srt", srt(*labelled("Cleo: ", "Max: ", f"{said}: ", "Max: "))).words
    assert {word["speaker"] for word in found} == {"Cleo", "Max"}
    assert f"{said.split()[-1]}:" in [word["words"] for word in found]


@pytest.mark.parametrize("said", ["Remember", "Bananas", "Cat Food"])
def test_one_colon_in_many_cues_makes_no_speaker(said: str) -> None:
    with pytest.raises(SealError, match=r"a\.srt: no speakers in it"):
        read("a.srt", srt(*labelled("", f"{said}: ", "", "")))


def test_the_name_is_before_the_first_colon() -> None:
    found = read("a.srt", srt(*labelled("Cleo: Note: ", "Max: "))).words
    assert found[0] | {"speaker": "Cleo", "words": "Note:"} == found[0]


# --- dashes -----------------------------------------------------------------------------------


def test_a_dash_is_a_change_of_speaker() -> None:
    content = srt("Did you feed the cat?", "- No.\n- Why not?", "- I forgot.", "Sorry for that.")
    transcript = read("a.srt", content)
    assert turns(transcript.words) == [
        ("1", "Did you feed the cat?"),
        ("2", "No."),
        ("1", "Why not?"),
        ("2", "I forgot. Sorry for that."),
    ]
    assert transcript.notes == ["no names in it: each dash is taken for the other of two speakers"]
    keeps_and_corrects(transcript, content)
    after = [dict(word) for word in transcript.words]
    after[-3]["speaker"], after[-2]["speaker"], after[-1]["speaker"] = "1", "1", "1"
    assert "\n- Sorry for that.\n" in transcript.data(after).decode()


def test_a_dash_among_names_is_the_one_who_spoke_before() -> None:
    content = vtt("Cleo: did you feed the cat", "Max: no", "- Why?\n- I forgot.", "Cleo: oh dear")
    transcript = read("a.vtt", content)
    assert turns(transcript.words)[2:] == [
        ("Cleo", "Why?"),
        ("Max", "I forgot."),
        ("Cleo", "oh dear"),
    ]
    assert not transcript.notes
    keeps_and_corrects(transcript, content)


def test_a_dash_inside_speech_is_none() -> None:
    content = srt("Cleo: it was minus", "-5 degrees", "Max: so cold\n— as they say", "Cleo: yes")
    assert turns(read("a.srt", content).words) == [
        ("Cleo", "it was minus -5 degrees"),
        ("Max", "so cold as they say"),
        ("Cleo", "yes"),
    ]


def test_a_few_dashes_in_a_long_film_make_no_speakers() -> None:
    with pytest.raises(SealError, match="no speakers in it"):
        read("a.srt", srt("- No.", *["and on it goes"] * 30))


# --- encodings and line ends ------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gbk", "shift-jis", "cp1251", "cp1253", "euc-kr"])
def test_another_encoding_is_refused_rather_than_guessed(encoding: str) -> None:
    text = {
        "gbk": "张三: 包裹到了吗",
        "shift-jis": "山田: 荷物は届きましたか",
        "cp1251": "Анна: где кот",
    }
    other = {"cp1253": "Άννα: πού είναι η γάτα", "euc-kr": "철수: 소포가 왔나요"}
    said = (text | other)[encoding]
    with pytest.raises(SealError, match=r"a\.srt: line 3: no text in UTF-8 .*iconv"):
        read("a.srt", srt(said, said).encode(encoding))


def test_old_subtitles_are_read_as_such_and_that_is_told() -> None:
    content = srt(*labelled("Zoë: ", "José: ")).encode("cp1252")
    transcript = read("a.srt", content)
    assert turns(transcript.words) == talk("Zoë", "José")
    assert transcript.notes == ["line 3: no UTF-8, taken for cp1252 (Western European)"]
    keeps_and_corrects(transcript, content)


def test_a_broken_byte_stays_and_the_rest_is_what_it_is() -> None:
    whole = srt("Zoë: ça va — déjà vu", "José: très bien", "Zoë: où est le chat", "José: ici")
    content = whole.encode().replace("déjà".encode(), "déj".encode() + b"\xc3")
    transcript = read("a.srt", content)
    assert transcript.words[2]["words"] == "déj\ufffd"
    assert [word["words"] for word in transcript.words][-1] == "ici"
    assert {word["speaker"] for word in transcript.words} == {"Zoë", "José"}
    assert transcript.notes and "line 3" in transcript.notes[0]
    keeps_and_corrects(transcript, content)


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.txt"])
def test_lines_may_end_in_returns_alone(name: str) -> None:
    said = labelled("Cleo: ", "Max: ")
    content = {"a.srt": srt(*said), "a.vtt": vtt(*said), "a.txt": "\n".join(said)}[name]
    content = content.replace("\n", "\r")
    transcript = read(name, content)
    assert turns(transcript.words) == talk("Cleo", "Max")
    keeps_and_corrects(transcript, content)


# --- CTM and RTTM -----------------------------------------------------------------------------


def ctm(path: Path, line: str = "call 1 {start:.2f} 0.30 {word} 0.9\n") -> Path:
    """The talk's words, one after another in each line's time."""
    text = ""
    for start, end, said in LINES:
        texts = said.split()
        step = (end - start) / len(texts)
        for place, word in enumerate(texts):
            text += line.format(start=start + place * step, word=word)
    path.write_text(text)
    return path


def rttm(path: Path, *names: str, session: str = "call", rest: str = "<NA> <NA>") -> Path:
    path.write_text(
        "".join(
            f"SPEAKER {session} 1 {start:.3f} {end - start:.3f} <NA> <NA> {name} {rest}\n"
            for (start, end, _), name in zip(LINES, names * 2, strict=False)
        )
    )
    return path


def corrected_beside(path: Path, tmp_path: Path) -> None:
    """The RTTM with a word moved, read again; with none, it is as it was."""
    transcript = formats.load(path)
    target = tmp_path / "out" / "call.ctm"
    transcript.save(transcript.words, target)
    assert target.with_suffix(".rttm").read_bytes() == path.with_suffix(".rttm").read_bytes()
    one, two = dict.fromkeys(word["speaker"] for word in transcript.words)
    after = [dict(word) for word in transcript.words]
    after[2]["speaker"], after[-1]["speaker"] = two, one
    transcript.save(after, target)
    again = formats.load(target).words
    assert [word["speaker"] for word in again] == [word["speaker"] for word in after]


@pytest.mark.parametrize("rest", ["<NA> <NA>", "<NA>", "0.98 <NA>", ""])
def test_a_name_in_an_rttm_may_have_spaces(rest: str, tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm")
    rttm(tmp_path / "call.rttm", "Caller One", "Dr Ohm", rest=rest)
    assert turns(formats.load(path).words) == talk("Caller One", "Dr Ohm")
    corrected_beside(path, tmp_path)


def test_an_id_in_an_rttm_may_have_spaces(tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm")
    rttm(tmp_path / "call.rttm", "A", "B", session="my call 1")
    assert turns(formats.load(path).words) == talk("A", "B")
    corrected_beside(path, tmp_path)


def test_an_id_with_a_space_in_a_ctm_is_refused(tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm", "my call 1 {start:.2f} 0.30 {word}\n")
    rttm(tmp_path / "call.rttm", "A", "B")
    with pytest.raises(SealError, match="line 1: an id with a space"):
        formats.load(path, "ctm")


@pytest.mark.parametrize(
    "line",
    [
        "call 1 {start:.2f} 0.30 {word} NA lex NA\n",
        "call 1 {start:.2f} 0.30 {word} 1.00001\n",
        "call 1 {start:.2f} 0.30 {word}\n",
    ],
)
def test_a_ctm_has_more_fields_or_fewer(line: str, tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm", line)
    text = rttm(tmp_path / "call.rttm", "A", "B").read_text()
    path.with_suffix(".rttm").write_text(text.replace(" 0.500 ", " -0.000 "))
    found = formats.load(path).words
    assert turns(found) == talk("A", "B")
    assert all(word.get("asr_confidence", 1) == 1 for word in found)


@pytest.mark.parametrize("confidence", ["1.7", "-1"])
def test_a_confidence_far_beyond_its_range_is_refused(confidence: str, tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm", f"call 1 {{start:.2f}} 0.30 {{word}} {confidence}\n")
    rttm(tmp_path / "call.rttm", "A", "B")
    with pytest.raises(SealError, match=r"line 1: not a confidence in \[0, 1\]"):
        formats.load(path)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_turn_inside_another_has_its_word(backwards: bool, tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm")
    lines = [
        "SPEAKER call 1 0 9.5 <NA> <NA> A <NA> <NA>",
        "SPEAKER call 1 1.25 0.5 <NA> <NA> B <NA>",
    ]
    text = "\n".join(reversed(lines) if backwards else lines) + "\n"
    (tmp_path / "call.rttm").write_text(text)
    found = formats.load(path).words
    assert [place for place, word in enumerate(found) if word["speaker"] == "B"] == [2]
    corrected_beside(path, tmp_path)


def test_sessions_of_other_names_are_told_apart_where_there_are_several(tmp_path: Path) -> None:
    path = ctm(tmp_path / "call.ctm")
    text = rttm(tmp_path / "call.rttm", "A", "B", session="waveform").read_text()
    assert turns(formats.load(path).words) == talk("A", "B")
    (tmp_path / "call.rttm").write_text(text + "SPEAKER x 1 0 1 <NA> <NA> C <NA> <NA>\n")
    with pytest.raises(SealError, match="has no turns of the session 'call'"):
        formats.load(path)


# --- JSON: other wrappings, and channels as speakers ------------------------------------------

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def each(value: Any, change: Callable[[dict], None]) -> Any:
    """Every object inside the value, changed; returns the value."""
    if isinstance(value, dict):
        change(value)
        for item in value.values():
            each(item, change)
    elif isinstance(value, list):
        for item in value:
            each(item, change)
    return value


def without(*keys: str) -> Callable[[dict], None]:
    def drop(item: dict) -> None:
        for key in keys:
            item.pop(key, None)

    return drop


def ibm_async() -> Any:
    return {"id": "x", "status": "completed", "results": [sample("ibm")]}


def google_batch() -> Any:
    result = {"inlineResult": {"transcript": sample("google-v2")}, "error": None}
    return {"results": {"gs://bucket/parcel.wav": result}, "totalBilledDuration": "9s"}


def nemo_itself() -> Any:
    content = sample("nemo")
    for sentence in content["sentences"]:
        sentence["text"] = sentence.pop("sentence")
    content["sentences"][0]["start_time"] = str(content["sentences"][0]["start_time"])
    return content


def nemo_old() -> Any:
    def old(item: dict) -> None:
        if "speaker" in item:
            item["speaker_label"] = item.pop("speaker")

    return each(sample("nemo"), old)


def chime() -> Any:
    return [
        {"session_id": "x", "speaker": w["speaker"], "words": w["words"]}
        | {key: str(w[key]) for key in ("start_time", "end_time")}
        for w in formats.read(SAMPLES / "aws.json")
    ]


@pytest.mark.parametrize(
    ("content", "format", "as_in"),
    [
        (ibm_async(), "ibm", "ibm"),
        (google_batch(), "google-v2", "google-v2"),
        ({"response": google_batch()}, "google-v2", "google-v2"),
        (nemo_itself(), "nemo", "nemo"),
        (nemo_old(), "nemo", "nemo"),
        (sample("whisperx")["segments"], "whisperx", "whisperx"),
        (chime(), "seglst", "aws"),
    ],
)
def test_what_is_wrapped_in_another_way_is_read(content: Any, format: str, as_in: str) -> None:
    text = json.dumps(content, indent=1)
    transcript = read("a.json", text)
    assert transcript.format == format
    expected = formats.read(SAMPLES / f"{as_in}.json")
    assert [(w["speaker"], w["words"], w["start_time"]) for w in transcript.words] == [
        (w["speaker"], w["words"], w["start_time"]) for w in expected
    ]
    keeps_and_corrects(transcript, text)


def test_a_batch_of_recordings_is_several_conversations() -> None:
    content = google_batch()
    both = content["results"]
    both["gs://bucket/b.wav"] = both["gs://bucket/parcel.wav"]
    transcript = read("a.json", json.dumps(content))
    assert {word["session_id"] for word in transcript.words} == {"parcel", "b"}


def test_times_as_text_are_written_back_as_text() -> None:
    transcript = read("a.json", json.dumps(chime()))
    after = [word | {"speaker": "spk_0"} for word in transcript.words]
    for entry in json.loads(transcript.data(after)):
        assert isinstance(entry["start_time"], str)


@pytest.mark.parametrize("name", ["seglst", "whisperx"])
def test_json_lines_are_a_list(name: str) -> None:
    entries = sample(name) if name == "seglst" else sample(name)["segments"]
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    for given in ("a.jsonl", "a.json"):
        transcript = read(given, text)
        assert transcript.format == name
        assert transcript.words[5]["words"] == "from"
        keeps_and_corrects(transcript, text)
        after = [dict(word) for word in transcript.words]
        after[5]["speaker"] = transcript.words[-1]["speaker"]
        if after[5]["speaker"] != transcript.words[5]["speaker"]:
            assert all(map(json.loads, transcript.data(after).decode().splitlines()))


def test_a_word_transcript_in_json_lines_stays_one() -> None:
    words = formats.read(SAMPLES / "aws.json")
    text = "".join(json.dumps(word) + "\n" for word in words)
    transcript = read("a.jsonl", text)
    assert transcript.format == "words"
    keeps_and_corrects(transcript, text)


def test_a_broken_line_of_json_lines_is_named() -> None:
    with pytest.raises(SealError, match=r"a\.jsonl: not JSON \(line 2, "):
        read("a.jsonl", '{"text": "hi", "start": 0, "end": 1}\n{"text": \n')


def stereo(name: str) -> Any:
    """A sample whose speakers are channels now."""
    content = sample(name)
    if name == "azure":
        for phrase in content["recognizedPhrases"]:
            phrase["channel"] = phrase.pop("speaker") - 1
            phrase["nBest"][0].pop("speaker", None)
        content["recognizedPhrases"].sort(key=lambda phrase: phrase["channel"])
    if name == "azure-fast":
        for phrase in content["phrases"]:
            phrase["channel"] = phrase.pop("speaker")
        content["phrases"].sort(key=lambda phrase: phrase["channel"])
    if name == "aws":
        labels = {"spk_0": "ch_0", "spk_1": "ch_1"}
        items = content["results"]["items"]
        for item in items:
            item["channel_label"] = labels[item.pop("speaker_label")]
        del content["results"]["speaker_labels"], content["results"]["audio_segments"]
        content["results"]["channel_labels"] = {"number_of_channels": 2}
    if name == "assemblyai":

        def channel(item: dict) -> None:
            if "speaker" in item:
                item["channel"] = {"A": "1", "B": "2"}[item.pop("speaker")]

        each(content, channel)
        content["words"].sort(key=lambda word: word["channel"])
    if name.startswith("google"):
        words = formats.read(SAMPLES / f"{name}.json")
        results = []
        for channel, speaker in enumerate(dict.fromkeys(w["speaker"] for w in words), start=1):
            v1 = name == "google-v1"
            keys = ("startTime", "endTime") if v1 else ("startOffset", "endOffset")
            own = [
                {"word": w["words"]}
                | {keys[0]: f"{w['start_time']}s", keys[1]: f"{w['end_time']}s"}
                for w in words
                if w["speaker"] == speaker
            ]
            results.append({"channelTag": channel, "alternatives": [{"words": own}]})
        content = {"results": results}
    if name == "deepgram":
        best = content["results"]["channels"][0]["alternatives"][0]
        content["results"] = {
            "channels": [
                {
                    "alternatives": [
                        {
                            "words": [
                                {k: v for k, v in w.items() if not k.startswith("speaker")}
                                for w in best["words"]
                                if w["speaker"] == number
                            ]
                        }
                    ]
                }
                for number in (0, 1)
            ]
        }
    return content


@pytest.mark.parametrize(
    "name", ["azure", "azure-fast", "aws", "assemblyai", "google-v1", "google-v2", "deepgram"]
)
def test_a_channel_is_a_speaker(name: str) -> None:
    text = json.dumps(stereo(name))
    transcript = read("a.json", text)
    assert transcript.format == name
    before = formats.read(SAMPLES / f"{name}.json")
    numbers = {
        speaker: place for place, speaker in enumerate(dict.fromkeys(w["speaker"] for w in before))
    }
    found = {
        speaker: place
        for place, speaker in enumerate(dict.fromkeys(w["speaker"] for w in transcript.words))
    }
    assert [(found[w["speaker"]], w["words"]) for w in transcript.words] == [
        (numbers[w["speaker"]], w["words"]) for w in before
    ]
    assert {word["session_id"] for word in transcript.words} == {"a"}
    keeps_and_corrects(transcript, text)
    swap = dict(zip(found, reversed(found), strict=True))
    after = [word | {"speaker": swap[word["speaker"]]} for word in transcript.words]
    again = read("a.json", transcript.data(after)).words
    assert [w["speaker"] for w in again] == [w["speaker"] for w in after]


def test_channels_with_speakers_of_their_own_are_conversations() -> None:
    content = sample("deepgram")
    content["results"]["channels"] *= 2
    content["results"].pop("utterances", None)
    found = read("a.json", json.dumps(content)).words
    assert {word["session_id"] for word in found} == {"a-0", "a-1"}


def test_a_few_words_without_a_speaker_make_no_channels_of_speakers() -> None:
    content = sample("deepgram")
    content["results"]["channels"] *= 2
    content["results"].pop("utterances", None)
    content = json.loads(json.dumps(content))
    del content["results"]["channels"][1]["alternatives"][0]["words"][4]["speaker"]
    found = read("a.json", json.dumps(content)).words
    assert {word["session_id"] for word in found} == {"a-0", "a-1"}


def test_a_word_may_go_to_the_other_side_of_a_call_and_back() -> None:
    transcript = read("a.json", json.dumps(stereo("deepgram")))
    after = [dict(word) for word in transcript.words]
    after[3]["speaker"] = "1"
    once = read("a.json", transcript.data(after))
    back = read("a.json", once.data(transcript.words))
    assert turns(back.words) == turns(transcript.words)


def test_once_a_word_goes_to_the_other_side_all_turns_name_theirs() -> None:
    """Deepgram's stereo without speakers: paragraphs and utterances named half of them before."""
    content = stereo("deepgram")
    utterances = []
    for number, channel in enumerate(content["results"]["channels"]):
        best = channel["alternatives"][0]
        middle = len(best["words"]) // 2
        paragraphs = []
        for own in (best["words"][:middle], best["words"][middle:]):
            text = " ".join(word["punctuated_word"] for word in own)
            times = {"start": own[0]["start"], "end": own[-1]["end"]}
            paragraphs.append(
                {"sentences": [{"text": text} | times], "num_words": len(own)} | times
            )
            utterances.append(
                {"channel": number, "transcript": text, "words": own, "id": f"u{len(utterances)}"}
                | times
            )
        texts = [one["sentences"][0]["text"] for one in paragraphs]
        best["paragraphs"] = {"transcript": "\n" + "\n\n".join(texts), "paragraphs": paragraphs}
    content["results"]["utterances"] = utterances
    transcript = read("a.json", json.dumps(content))
    assert transcript.data(transcript.words) == json.dumps(content).encode()
    after = [dict(word) for word in transcript.words]
    assert after[3]["speaker"] == "0"
    after[3]["speaker"] = "1"
    results = json.loads(transcript.data(after))["results"]
    assert all("speaker" in one for one in results["utterances"])
    for number, channel in enumerate(results["channels"]):
        holder = channel["alternatives"][0]["paragraphs"]
        assert all("speaker" in one for one in holder["paragraphs"])
        assert holder["transcript"].startswith(f"\nSpeaker {number}: ")
    first = results["channels"][0]["alternatives"][0]["paragraphs"]["paragraphs"]
    assert [one["speaker"] for one in first] == [0, 1, 0, 0]
    assert turns(read("a.json", json.dumps({"results": results})).words) == turns(after)


def test_what_is_known_and_not_read_is_named() -> None:
    with pytest.raises(SealError, match=r"a\.json: Amazon Bedrock Data Automation's JSON, which"):
        read("a.json", '{"metadata": {}, "audio_items": [], "audio_segments": []}')


def test_a_dash_between_words_is_no_part_of_either() -> None:
    content = sample("gladia")
    spoken = content["result"]["transcription"]["utterances"][0]["words"]
    spoken.insert(2, {"word": " –", "start": 1.1, "end": 1.1, "confidence": 0.9})
    spoken.insert(4, {"word": "!", "start": 1.2, "end": 1.2, "confidence": 0.9})
    text = json.dumps(content)
    transcript = read("a.json", text)
    assert [word["words"] for word in transcript.words[:3]] == ["Good", "morning,", "did!"]
    keeps_and_corrects(transcript, text)


# --- time -------------------------------------------------------------------------------------


def long_call(count: int) -> list[dict]:
    return [
        {"session_id": "c", "speaker": "AB"[place // 10 % 2], "words": f"w{place % 97}"}
        | {"start_time": round(0.35 * place, 3), "end_time": round(0.35 * place + 0.3, 3)}
        for place in range(count)
    ]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """What other tests left in memory is not looked through while something is timed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def rewritten_in(format: str, count: int, folder: Path) -> float:
    """Seconds of reading so many words, and of writing every tenth with another speaker."""
    path = folder / ("call.ctm" if format == "ctm-rttm" else "call")
    words.write(long_call(count), folder / "in.json")
    formats.load(folder / "in.json", "words").convert(format, path)
    began = time.thread_time()
    transcript = formats.load(path, format)
    one, two = dict.fromkeys(word["speaker"] for word in transcript.words)
    after = [dict(word) for word in transcript.words]
    for word in after[9::10]:
        word["speaker"] = two if word["speaker"] == one else one
    transcript.save(after, path)
    return time.thread_time() - began


@pytest.mark.parametrize("format", ["ctm-rttm", "nemo", "aws", "seglst", "gladia", "vtt"])
def test_writing_back_grows_with_the_words(
    format: str, tmp_path: Path, no_collection: None
) -> None:
    short, long = (
        min(rewritten_in(format, count, tmp_path) for _ in range(3)) for count in (400, 3200)
    )
    assert long < 3 * 8 * short


REPEATED = {
    "a.vtt": ["<v.a", "<v a", "<v ", "&gt;&gt;", "{\\", "[a", "\n\nNOTE a\n"],
    "a.srt": ["[a]", "- ", "<i>", "(speaker 0)", "A:", "-->"],
    "a.txt": ["A: b\n", "[00:01] ", "A (00:01): b\n", "A  0:01\n", "SPEAKER: A\nb\n", "x "],
    "a.csv": ['"a\n', '""', '"a', "1,2,A,b\n"],
    "a.jsonl": ["{}\n", "[ ", "{ \n", " "],
}
OPENS = {"a.vtt": "WEBVTT\n\n00:01.000 --> 00:09.000\n", "a.csv": "start,end,speaker,text\n"}
OPENS |= {"a.srt": "1\n00:00:01,000 --> 00:00:09,000\n", "a.txt": "A: b\nB: c\n"}


def seconds_to_read(name: str, text: str) -> float:
    began = time.thread_time()
    with suppress(SealError):
        read(name, text)
    return time.thread_time() - began


@pytest.mark.parametrize(("name", "token"), [(n, t) for n, own in REPEATED.items() for t in own])
def test_a_token_again_and_again_takes_no_longer_than_its_length(
    name: str, token: str, no_collection: None
) -> None:
    spent = []
    for size in (10_000, 40_000):
        text = OPENS.get(name, "") + token * (size // len(token))
        spent.append(min(seconds_to_read(name, text) for _ in range(3)))
    assert spent[1] < max(0.25, 8 * spent[0])


def test_a_new_speaker_on_every_line_takes_no_longer(no_collection: None) -> None:
    spent = []
    for size in (400, 1600):
        text = "".join(f"N{place}: a b\n" for place in range(size))
        began = time.thread_time()
        assert len(read("a.txt", text).words) == 2 * size
        spent.append(time.thread_time() - began)
    assert spent[1] < max(0.25, 8 * spent[0])


# --- new subtitles ----------------------------------------------------------------------------


def speech(count: int = 120) -> list[dict]:
    """Two people, turns of some 30 words in sentences, and short answers."""
    text = "well I went to the shop, because the parcel had not come and nobody answered."
    texts = text.split()
    found, now = [], 0.5
    for place in range(count):
        speaker = "Cleo" if place % 40 < 33 else "Max"
        text = texts[place % len(texts)] if speaker == "Cleo" else "hm"
        found.append({"session_id": "c", "speaker": speaker, "words": text})
        found[-1] |= {"start_time": round(now, 3), "end_time": round(now + 0.3, 3)}
        now += 0.32
    return found


@pytest.mark.parametrize("to", ["srt", "vtt", "sbv"])
def test_new_subtitles_are_as_they_are_delivered(to: str, tmp_path: Path) -> None:
    words.write(speech(), tmp_path / "in.json")
    text, _, _ = formats.load(tmp_path / "in.json").converted(to)
    assert [w["words"] for w in read(f"a.{to}", text).words] == [w["words"] for w in speech()]
    transcript = read(f"a.{to}", text)
    assert [w["speaker"] for w in transcript.words] == [w["speaker"] for w in speech()]
    blocks = [block.splitlines() for block in text.removeprefix("WEBVTT\n\n").split("\n\n")]
    for block in blocks:
        times = next(n for n, line in enumerate(block) if line.count(":") >= 4)
        lines = [line.split(">")[-1] for line in block[times + 1 :]]
        assert 1 <= len(lines) <= 2 and max(map(len, lines)) <= 42
        said = " ".join(lines).removeprefix("Cleo: ").removeprefix("Max: ").split()
        assert len(said) > 1
        if len(lines) == 2:
            assert abs(len(lines[0]) - len(lines[1])) < 20
        clocks = [blocks_seconds(c) for c in re.split(r" --> |,(?=\d:)", block[times])]
        assert 1 <= round(clocks[1] - clocks[0], 3) <= 7


def blocks_seconds(clock: str) -> float:
    hours, minutes, rest = clock.strip().replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def test_a_line_of_new_subtitles_never_begins_as_a_name_or_a_dash(tmp_path: Path) -> None:
    said = [w | {"words": "Max:" if n % 3 else "-no"} for n, w in enumerate(speech(60))]
    words.write(said, tmp_path / "in.json")
    text, _, _ = formats.load(tmp_path / "in.json").converted("srt")
    again = read("a.srt", text).words
    assert [(w["speaker"], w["words"]) for w in again] == [(w["speaker"], w["words"]) for w in said]


def test_the_layout_may_be_another(tmp_path: Path) -> None:
    words.write(speech(), tmp_path / "in.json")
    layout = formats.Layout(width=30, lines=3, longest=5.0)
    text, _, _ = formats.load(tmp_path / "in.json").converted("srt", layout)
    lines = text.splitlines()
    assert max(len(line) for line in lines if "-->" not in line) <= 30
    assert [w["words"] for w in read("a.srt", text).words] == [w["words"] for w in speech()]


# --- the command line -------------------------------------------------------------------------


def test_several_inputs_and_folders_are_converted(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("vtt.vtt", "aws.json", "sbv.sbv"):
        shutil.copy(SAMPLES / name, folder)
    out = tmp_path / "out"
    assert cli.main(["convert", str(folder), "-o", f"{out}/", "--to", "srt"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["aws.srt", "sbv.srt", "vtt.srt"]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith(f"seal: {out}/: not in srt: ")  # not a line each
    assert "times of words (aws.srt)" in told[0]
    assert cli.main(["convert", str(folder), "-o", str(out), "--to", "words"]) == 0
    assert formats.load(out / "aws.json").format == "words"
    (folder / "aws.srt").write_text("x")
    assert cli.main(["convert", str(folder), "-o", f"{out}/", "--to", "vtt"]) == 2
    assert "as would" in capsys.readouterr().err


def test_one_of_several_that_cannot_be_read_does_not_stop_the_others(
    tmp_path: Path, capsys: Any
) -> None:
    bad = tmp_path / "bad.srt"
    bad.write_text("nothing")
    inputs = [str(bad), str(SAMPLES / "aws.json")]
    assert cli.main(["convert", *inputs, "-o", f"{tmp_path}/out/", "--to", "vtt"]) == 2
    told = capsys.readouterr().err
    assert f"{bad}: " in told and "1 of 2 could not be converted" in told
    assert (tmp_path / "out" / "aws.vtt").is_file()


def test_a_dash_is_stdout(capfdbinary: Any) -> None:
    sample = SAMPLES / "srt.srt"
    assert cli.main(["convert", str(sample), "-o", "-", "--to", "text"]) == 0
    assert capfdbinary.readouterr().out.decode().startswith("A: Good morning")
    assert cli.main(["convert", str(sample), "-o", "-", "--to", "srt"]) == 0
    assert capfdbinary.readouterr().out == sample.read_bytes()
    assert cli.main(["convert", str(sample), "-o", "-", "--to", "ctm-rttm"]) == 2


def test_what_was_taken_for_granted_is_told(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(srt(*labelled("Zoë: ", "José: ")).encode("cp1252"))
    for command in (["convert", "--to", "text"], ["correct", "--corrector", "hmm"]):
        out = tmp_path / f"{command[0]}.srt"
        out = out.with_suffix(".txt") if command[0] == "convert" else out
        assert cli.main([command[0], str(path), "-o", str(out), *command[1:]]) == 0
        assert f"{path}: line 3: no UTF-8, taken for cp1252" in capsys.readouterr().err


def test_the_layout_of_subtitles_is_an_option(tmp_path: Path) -> None:
    out = tmp_path / "a.srt"
    given = ["--line-length", "24", "--lines", "1", "--longest", "3"]
    assert cli.main(["convert", str(SAMPLES / "aws.json"), "-o", str(out), *given]) == 0
    assert max(map(len, out.read_text().splitlines())) <= 29  # that is the line of times


def test_a_conversation_becomes_a_document(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    out = tmp_path / "call.docx"
    assert cli.main(["convert", str(SAMPLES / "vtt.vtt"), "-o", str(out)]) == 0
    said = [paragraph.text for paragraph in docx.Document(str(out)).paragraphs]
    assert said[0] == "vtt" and said[2] == "Bo Berg  0:03\nYes, it came at nine."


def test_a_document_without_its_library_is_refused(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    out = tmp_path / "call.docx"
    assert cli.main(["convert", str(SAMPLES / "vtt.vtt"), "-o", str(out)]) == 2
    assert "pip install 'seal[docx]'" in capsys.readouterr().err and not out.exists()


# --- damage of texts --------------------------------------------------------------------------

TEXTS = sorted(p.name for p in SAMPLES.iterdir() if p.suffix not in (".json", ".rttm", ".ctm"))


@pytest.mark.parametrize("name", TEXTS)
def test_a_damaged_text_is_read_whole_or_refused(name: str) -> None:
    """Bytes changed, lines gone, doubled or cut: never another error than ours, and what is read
    is written with all of its words."""
    dice = random.Random(name)
    before = (SAMPLES / name).read_bytes()
    odd = [b"\n", b"\r", b"<", b">", b":", b"-", b'"', b"[", b"(", b"\xc3", b"\x00", b" ", b"&"]
    for _ in range(40):
        data = bytearray(before)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data))
            kind = dice.randrange(4)
            if kind == 0:
                data[place : place + 1] = dice.choice(odd)
            elif kind == 1:
                del data[place : place + dice.randint(1, 30)]
            elif kind == 2:
                data[place:place] = data[place : place + dice.randint(1, 60)]
            else:
                data[place:place] = dice.choice(odd) * dice.randint(1, 5)
        try:
            transcript = formats.load(name, data=bytes(data))
            words.check(transcript.words)
            assert transcript.data(transcript.words) == bytes(data) or transcript.original.holes
            after = [dict(word) for word in transcript.words]
            names = sorted({word["speaker"] for word in after})
            for word in after:
                if dice.random() < 0.2:
                    word["speaker"] = dice.choice(names)
            again = formats.load(name, transcript.format, data=transcript.data(after))
        except SealError as error:
            assert str(error).startswith(name) and "\n" not in str(error)
            continue
        assert [w["words"] for w in again.words] == [w["words"] for w in after]


def test_the_docs_have_a_row_for_each_format() -> None:
    page = Path(__file__).parents[1] / "docs" / "reference" / "formats.md"
    rows = [line.split("|")[1] for line in page.read_text().splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows))) == {*known.FORMATS, "docx"}


# --- what is seen around names, and what is not -------------------------------------------------

AROUND = [
    # One person, with and without characters that nobody sees.
    ("a.srt", srt(*labelled("\u200bCleo: ", "Max: ", "Cleo: ", "Max: ")), ("Cleo", "Max")),
    ("a.srt", srt(*labelled("\ufeffCleo: ", "Max: ", "Cleo: ", "Max\u200b: ")), ("Cleo", "Max")),
    ("a.vtt", vtt(*labelled("<v \u200eCleo\u200f>", "<v Max>", "<v Cleo>", "<v Max>")),
     ("Cleo", "Max")),
    ("a.srt", srt(*labelled("\u202bדנה: ", "\u202bיוסי\u202c: ", "דנה: ", "\u200fיוסי: ")),
     ("דנה", "יוסי")),
    # Styles that end after the colon, as those of .ass do.
    ("a.srt", srt(*labelled("{\\an8}{\\i1}Cleo:{\\i0} ", "{\\b1}Max{\\b0}: ", "Cleo: ", "Max: ")),
     ("Cleo", "Max")),
    # What is heard before a name.
    ("a.srt", srt(*labelled("[door slams] Cleo: ", "(laughs) Max: ", "Cleo: ", "Max: ")),
     ("Cleo", "Max")),
    ("a.vtt", vtt(*labelled("Cleo: ", "Max: ", "♪ Cleo: ", "[sighs] (quietly) Max: ")),
     ("Cleo", "Max")),
    # Zoom's saved captions.
    ("a.txt", "\n\n".join(f"[{n}] 10:00:0{i}\n{t}" for i, (n, t) in
     enumerate(talk("Cleo Ward", "Max Ohm"))) + "\n", ("Cleo Ward", "Max Ohm")),
    # Google Meet's times between turns.
    ("a.txt", "00:00:00\n\n" + "\n".join(labelled("Cleo: ", "Max: ")[:2]) + "\n\n00:05:00\n\n"
     + "\n".join(labelled("Cleo: ", "Max: ")[2:]) + "\n", ("Cleo", "Max")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "names"), AROUND)
def test_what_is_around_a_name_is_none_of_it(name: str, content: str, names: tuple) -> None:
    transcript = read(name, content)
    assert turns(transcript.words) == talk(*names)
    keeps_and_corrects(transcript, content)


def test_a_script_without_spaces_needs_none_after_the_colon() -> None:
    content = srt("张三:包裹到了吗", "李四:还没有到", "张三:好的", "李四:谢谢")
    transcript = read("a.srt", content)
    assert [name for name, _ in turns(transcript.words)] == ["张三", "李四", "张三", "李四"]
    assert transcript.words[0]["words"] == "包裹到了吗"
    keeps_and_corrects(transcript, content)


@pytest.mark.parametrize("said", ["So", "Well", "Okay", "Re", "Monday", "Hey"])
def test_a_word_of_speech_before_a_colon_is_no_name(said: str) -> None:
    found = read("a.srt", srt(*labelled("Cleo: ", "Max: ", f"{said}: ", "Max: "))).words
    assert {word["speaker"] for word in found} == {"Cleo", "Max"}
    assert f"{said}:" in [word["words"] for word in found]


@pytest.mark.parametrize("mark", [">>", ">>>", "&gt;&gt;"])
def test_chevrons_inside_a_line_are_a_change_of_speaker(mark: str) -> None:
    content = vtt(
        f"{mark} CLEO: did anyone {mark} not me",
        f"{mark} MAX: it is five > four {mark} then go",
        "and give her a stroke",
    )
    transcript = read("a.vtt", content)
    assert turns(transcript.words) == [
        ("CLEO", "did anyone"),
        ("MAX", "not me it is five four"),
        ("CLEO", "then go and give her a stroke"),
    ]
    keeps_and_corrects(transcript, content)


def test_chevrons_in_a_file_without_any_that_open_a_line_are_said() -> None:
    found = read("a.srt", srt(*labelled("Cleo: one >> ", "Max: "))).words
    assert turns(found)[0] == ("Cleo", f"one {TALK[0]}")


def test_a_text_in_brackets_is_not_told_that_it_is_no_json() -> None:
    with pytest.raises(SealError, match=r"a\.txt: no speakers in it"):
        read("a.txt", "[00:00:05] Cleo Ward\ndid anyone feed the cat\n")


# --- tables ---------------------------------------------------------------------------------------


def test_a_field_too_many_is_refused_rather_than_lost() -> None:
    with pytest.raises(SealError, match=r"a\.csv: line 3: has 5 fields, line 1 has 4"):
        read("a.csv", "start,end,speaker,text\n0,1,Cleo,did anyone\n1,2,Max,no, not me\n")
    read("a.csv", "start,end,speaker,text\n0,1,Cleo,did anyone,\n1,2,Max,not me,,\n")


def test_an_empty_speaker_goes_on_with_the_one_above() -> None:
    content = (
        "start,end,speaker,text\n0,2,Cleo,did anyone\n2,4,,feed the cat\n4,5,Max,\n"
        "5,6,,not me I am\n6,8,Cleo,then go\n"
    )
    transcript = read("a.csv", content)
    assert turns(transcript.words) == [
        ("Cleo", "did anyone feed the cat"),
        ("Max", "not me I am"),
        ("Cleo", "then go"),
    ]
    keeps_and_corrects(transcript, content)


@pytest.mark.parametrize(
    "content",
    [
        'start;end;speaker;text\n0,5;1,5;Cleo;did anyone, or not\n2,25;3,5;Max;"not; me"\n',
        "Speaker Name,Start Time,End Time,Text\n"
        'Cleo,0.5,1.5,"did anyone, or not"\nMax,2.25,3.5,not; me\n',
        '"note, if any","start","end","speaker","text"\n'
        '"","0.5","1.5","Cleo","did anyone, or not"\n"","2.25","3.5","Max","not; me"\n',
    ],
)
def test_tables_of_other_makes_are_read(content: str) -> None:
    transcript = read("a.csv", content)
    assert turns(transcript.words) == [("Cleo", "did anyone, or not"), ("Max", "not; me")]
    assert (transcript.words[0]["start_time"], transcript.words[-1]["end_time"]) == (0.5, 3.5)
    keeps_and_corrects(transcript, content)


# --- calls ----------------------------------------------------------------------------------------


def test_a_mark_belongs_to_the_word_of_its_channel() -> None:
    def item(kind: str, text: str, channel: int, *times: str) -> dict:
        told = dict(zip(("start_time", "end_time"), times, strict=False))
        best = [{"confidence": "0.9", "content": text}]
        return {"type": kind, "alternatives": best, "channel_label": f"ch_{channel}"} | told

    items = [
        item("pronunciation", "cat", 0, "0.0", "0.4"),
        item("pronunciation", "no", 1, "0.3", "0.6"),
        item("punctuation", "?", 0),
        item("punctuation", "!", 1),
        item("pronunciation", "why", 1, "1.0", "1.2"),
    ]
    content = json.dumps({"results": {"items": items}})
    transcript = read("a.json", content)
    assert turns(transcript.words) == [("ch_0", "cat?"), ("ch_1", "no! why")]
    keeps_and_corrects(transcript, content)


@pytest.mark.parametrize("named", [True, False])
def test_scribe_has_a_list_of_words_for_each_channel(named: bool) -> None:
    channels = []
    for channel in (0, 1):
        own: list[dict] = []
        for place, (start, _, text) in enumerate(LINES):
            for number, word in enumerate(text.split() if place % 2 == channel else []):
                begin = start + number / 5
                own.append({"text": word, "start": begin, "end": begin + 0.1, "type": "word"})
                own.append({"text": " ", "start": begin, "end": begin, "type": "spacing"})
        for word in own:
            word["speaker_id"] = f"speaker_{channel}" if named else None
        channels.append({"language_code": "eng", "channel_index": channel, "words": own})
    content = json.dumps({"transcripts": channels})
    transcript = read("a.json", content)
    assert transcript.format == "elevenlabs"
    assert turns(transcript.words) == talk(*(("speaker_0", "speaker_1") if named else ("0", "1")))
    keeps_and_corrects(transcript, content)


# --- ELAN -----------------------------------------------------------------------------------------


def test_a_comment_in_elan_says_nothing_and_cdata_is_refused() -> None:
    content = (Path(__file__).parent / "samples" / "eaf.eaf").read_text()
    before = turns(read("a.eaf", content).words)
    tier = content[content.index("<TIER") : content.index("</TIER>") + len("</TIER>")]
    hidden = content.replace("<TIER", f"<!-- {tier} -->\n<TIER", 1)
    assert turns(read("a.eaf", hidden).words) == before
    first, last = content.index("<ANNOTATION_VALUE>") + 18, content.index("</ANNOTATION_VALUE>")
    damaged = f"{content[:first]}<![CDATA[{content[first:last]}]]>{content[last:]}"
    with pytest.raises(SealError, match=r"a\.eaf: line \d+: CDATA"):
        read("a.eaf", damaged)


# --- what a conversion does -----------------------------------------------------------------------


def test_words_with_spaces_and_another_order_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(vtt("<v Cleo>ten&nbsp;thousand cats", "<v Max>no").replace("00:03.", "00:00."))
    loaded = formats.load(path)
    for to in ("srt", "csv", "seglst", "aws"):
        lost = loaded.converted(to)[2]
        assert "1 word with a space inside, now several words ('ten thousand')" in lost
        assert "the order of 3 words, now that of their times" in lost
    assert loaded.converted("words")[2] == []


def test_a_document_keeps_letters_that_are_not_seen(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    said = "می\u200cخواهم 10\xa0000"
    word = words.Word(session_id="a", speaker="Cleo", words=said, start_time=0.0, end_time=1.0)  # type: ignore[typeddict-item]
    from seal.formats.docx import save

    save([word], tmp_path / "a.docx")
    assert said in "\n".join(one.text for one in docx.Document(tmp_path / "a.docx").paragraphs)


def test_a_document_says_what_it_does_not_hold(tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("docx")
    source = Path(__file__).parent / "samples" / "assemblyai.json"
    assert cli.main(["convert", str(source), "-o", str(tmp_path / "a.docx")]) == 0
    assert "a.docx: not in docx: times of words, confidences of words" in capsys.readouterr().err


@pytest.mark.parametrize("token", [" >> a", "&gt;&gt; a ", "[x] ", "(a) Cleo: ", "a:b "])
@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_writing_a_token_again_and_again_takes_no_longer_than_its_length(
    name: str, token: str, no_collection: None
) -> None:
    def seconds(size: int) -> float:
        opened = srt if name == "a.srt" else vtt
        labels = ("Cleo: ", "Max: ") if name == "a.srt" else ("<v Cleo>", "<v Max>")
        content = opened(f"{labels[0]}hi", labels[1] + token * (size // len(token)))
        began = time.thread_time()
        transcript = read(name, content)
        for place, word in enumerate(after := [dict(word) for word in transcript.words]):
            word["speaker"] = ("Cleo", "Max")[place % 2]
        with suppress(SealError):
            transcript.data(after)
        return time.thread_time() - began

    seconds(2_000)
    short, long = (min(seconds(size) for _ in range(3)) for size in (10_000, 40_000))
    assert long < 8 * short + 0.25


def test_an_object_of_many_keys_with_one_twice_takes_no_longer(no_collection: None) -> None:
    spent = []
    for size in (5_000, 20_000):
        keys = ", ".join(f'"{place}": 1' for place in [*range(size), size - 1])
        spent.append(min(seconds_to_read("a.json", f"[{{{keys}}}]") for _ in range(3)))
    assert spent[1] < max(0.25, 8 * spent[0])


def test_a_new_speaker_for_every_word_of_a_tool_that_doubts_takes_no_longer(
    no_collection: None,
) -> None:
    spent = []
    for size in (400, 1600):
        said = [
            {"word": "a", "start": place, "end": place + 1, "speaker": place}
            | {"confidence": 0.9, "speaker_confidence": 0.6}
            for place in range(size)
        ]
        text = json.dumps({"results": {"channels": [{"alternatives": [{"words": said}]}]}})
        began = time.thread_time()
        assert len(read("a.json", text).words) == size
        spent.append(time.thread_time() - began)
    assert spent[1] < max(0.25, 8 * spent[0])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("whisperx", ["language"]),
        ("whispercpp", ["result", "language"]),
        ("elevenlabs", ["language_code"]),
        ("speechmatics", ["metadata", "transcription_config", "language"]),
        ("aws-calls", ["LanguageCode"]),
    ],
)
def test_what_a_tool_says_of_the_language_reaches_the_words(name: str, path: list[str]) -> None:
    """The corrector leaves what is not in English; a language of WhisperX's was not read before."""
    content = json.loads((SAMPLES / f"{name}.json").read_text())
    holder = content
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    for told, expected in (("de-DE", False), ("en_us", True), ("eng", True), ("auto", True)):
        holder[path[-1]] = told
        found = read("a.json", json.dumps(content)).words
        assert is_english(found) is expected
        assert ("language" in found[0]) is (told != "auto")
    for odd in (None, 7, ["en"], {}):
        holder[path[-1]] = odd
        assert "language" not in read("a.json", json.dumps(content)).words[0]


def overlapping(format: str, seconds: float) -> formats.Transcript:
    """Two tiers: Ann's interval reaches so far into Bob's."""
    words = [
        {"session_id": "a", "speaker": who, "words": text, "start_time": start, "end_time": end}
        for who, text, start, end in [
            ("Ann", "did", 0.0, 1.0),
            ("Ann", "yes", 1.0, 2.0 + seconds),
            ("Bob", "no", 2.0, 4.0),
            ("Ann", "right", 4.0 - seconds, 5.0),
        ]
    ]
    return read(f"a{known.suffix_of(format)}", formats.written(words, format))


@pytest.mark.parametrize("format", ["textgrid", "eaf"])
def test_a_small_overlap_of_tiers_is_cut_and_told(format: str) -> None:
    """It was refused, though 40 ms are less than what is known of a word's time."""
    transcript = overlapping(format, 0.04)
    after = [word | {"speaker": "Bob"} for word in transcript.words]
    with pytest.warns(Notice, match=r"the tier Bob: 2 intervals cut by at most 0\.1 s"):
        again = read(transcript.path.name, transcript.data(after))
    assert [(w["speaker"], w["words"]) for w in again.words] == [
        ("Bob", text) for text in ("did", "yes", "no", "right")
    ]
    no = again.words[2]
    assert (no["start_time"], no["end_time"]) == (2.0, 4.0)
    assert again.words[1]["end_time"] == 2.0 and again.words[3]["start_time"] == 4.0


@pytest.mark.parametrize("format", ["textgrid", "eaf"])
def test_a_large_overlap_of_tiers_is_refused(format: str) -> None:
    transcript = overlapping(format, 0.4)
    with pytest.raises(SealError, match=r"the tier 'Bob' has something at 2\.00 s already"):
        transcript.data([word | {"speaker": "Bob"} for word in transcript.words])


@pytest.mark.parametrize("to", [*known.FORMATS, "docx"])
def test_a_recording_without_words_is_a_transcript(
    to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silence gave `[]` without a word, and `convert` refused it."""
    if to == "docx":
        pytest.importorskip("docx")
    (tmp_path / "a.json").write_text("[]\n")
    out = tmp_path / "o.ctm" if to == "ctm-rttm" else tmp_path / "o.txt"
    assert cli.main(["convert", str(tmp_path / "a.json"), "--to", to, "-o", str(out)]) == 0
    assert capsys.readouterr().err == f"seal: {tmp_path}/a.json: has no words: nobody was heard\n"
    assert out.exists()


@pytest.mark.parametrize("name", ["a.txt", "a.srt", "a.vtt"])
def test_a_broken_byte_in_a_name_stays(name: str) -> None:
    """The name was written anew with U+FFFD in it, though no word had changed."""
    said = ["Zo\udcebe: yes", "Bob: no é é é é é é é é", "Zo\udcebe: right"]
    if name != "a.txt":
        said = [f"00:00:0{at},000 --> 00:00:0{at},500\n{one}" for at, one in enumerate(said, 1)]
    text = ("WEBVTT\n\n" if name == "a.vtt" else "") + "\n\n".join(said)
    data = (text + "\n").encode("utf-8", "surrogateescape")
    transcript = formats.load(name, data=data)
    assert transcript.data(transcript.words) == data
    after = [dict(word) for word in transcript.words]
    assert {word["speaker"] for word in after} == {"Zo\ufffde", "Bob"}
    after[-1]["speaker"] = "Bob"
    assert b"Zo\xebe: yes" in transcript.data(after) and b"\xef\xbf\xbd" not in transcript.data(
        after
    )


def test_broken_bytes_do_not_become_another_encoding_by_a_change() -> None:
    """A name with such a byte is written more often than before: the file was read as cp1252."""
    marked = b"\xef\xbb\xbfZo\xeb: yes it did. right then\n\nBob: no\n"
    transcript = formats.load("a.txt", data=marked)
    after = [dict(word) for word in transcript.words]
    after[1]["speaker"] = "Bob"
    again = formats.load("a.txt", data=transcript.data(after))
    assert turns(again.words) == turns(after)
    bare = "Zo\udceb: yes it did. right é then\n\nBob: no\n".encode("utf-8", "surrogateescape")
    transcript = formats.load("a.txt", data=bare)
    after = [dict(word) for word in transcript.words]
    after[1]["speaker"] = "Bob"
    with pytest.raises(SealError, match="would be read in another encoding"):
        transcript.data(after)

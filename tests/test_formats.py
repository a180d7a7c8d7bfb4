"""What another tool wrote comes back as it was, but for the speakers; and no word is ever lost."""

import json
import random
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import cli, formats, words
from seal.errors import SealError
from seal.formats import known

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(p.name for p in SAMPLES.iterdir() if p.suffix != ".rttm")
WITH_HOLES = ("whisperx-holes.json",)
WHOLE_SECONDS = ("otter", "rev", "timed-text")
"""Where a turn is split, its parts begin at such times, as those that were there."""


def test_every_format_has_a_sample_that_is_recognised() -> None:
    found = {formats.load(SAMPLES / name).format for name in FILES}
    assert found | {"words", "rttm"} == set(known.FORMATS)


@pytest.mark.parametrize("name", FILES)
def test_unchanged_words_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    transcript = formats.load(SAMPLES / name)
    transcript.save(transcript.words, tmp_path / name)
    for suffix in (transcript.path.suffix, ".rttm"):
        before = (SAMPLES / name).with_suffix(suffix)
        if before.exists() and name not in WITH_HOLES:
            assert (tmp_path / name).with_suffix(suffix).read_bytes() == before.read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_words_are_a_word_transcript_of_two_speakers(name: str) -> None:
    found = formats.read(SAMPLES / name)
    assert words.check(found) is found and len(found) > 15
    assert len(words.speakers(found)) == 2
    starts = [word["start_time"] for word in found]
    assert starts == sorted(starts)
    assert all(word["words"].split() == [word["words"]] for word in found)


def shown(found: list[words.Word]) -> list[tuple]:
    """Who says what, and when to a hundredth of a second: cut turns round their times."""
    return [(w["session_id"], w["speaker"], w["words"]) for w in found]


def same_times(one: list[words.Word], other: list[words.Word]) -> bool:
    return all(
        abs(a[key] - b[key]) < 0.02
        for a, b in zip(one, other, strict=True)
        for key in ("start_time", "end_time")
    )


def changed(found: list[words.Word], seed: int, share: float = 0.3) -> list[words.Word]:
    dice = random.Random(seed)
    names = {
        session: [n for n in words.speakers(found[i] for i in indices)]
        for session, indices in words.sessions(found)
    }
    return [
        word | {"speaker": dice.choice(names[word["session_id"]])}
        if dice.random() < share
        else word
        for word in found
    ]


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("name", FILES)
def test_other_speakers_are_read_again_and_nothing_else_differs(
    name: str, share: float, tmp_path: Path
) -> None:
    transcript = formats.load(SAMPLES / name)
    for seed in range(3):
        after = changed(transcript.words, seed, share)
        transcript.save(after, tmp_path / name)
        again = formats.load(tmp_path / name, transcript.format)
        assert shown(again.words) == shown(after)
        assert transcript.format in WHOLE_SECONDS or same_times(again.words, after)
        # And back: the words still know where they stand.
        again.save(transcript.words, tmp_path / name)
        back = formats.load(tmp_path / name, transcript.format)
        assert shown(back.words) == shown(transcript.words)


def leaves(value: Any, path: tuple = ()) -> dict[tuple, Any]:
    if isinstance(value, dict):
        return {p: v for key, item in value.items() for p, v in leaves(item, (*path, key)).items()}
    if isinstance(value, list):
        return {p: v for at, item in enumerate(value) for p, v in leaves(item, (*path, at)).items()}
    return {path: value}


SPEAKER_KEYS = {"speaker", "speaker_label", "speakerTag", "speaker_tag", "speakerLabel", "hyp_spk"}
SPEAKER_KEYS |= {"speaker_id", "speakerId", "speakerDisplayName", "ParticipantRole", "spk", "id"}


@pytest.mark.parametrize("name", [n for n in FILES if n.endswith(".json")])
def test_one_speaker_for_all_changes_speakers_only(name: str, tmp_path: Path) -> None:
    """No turn is split then, so that the JSON has the same shape, and one kind of key differs."""
    transcript = formats.load(SAMPLES / name)
    who = {s: transcript.words[i[0]]["speaker"] for s, i in words.sessions(transcript.words)}
    transcript.save(
        [w | {"speaker": who[w["session_id"]]} for w in transcript.words], tmp_path / name
    )
    before = leaves(json.loads((SAMPLES / name).read_bytes()))
    after = leaves(json.loads((tmp_path / name).read_bytes()))
    derived = {"transcript", "hyp_diarized_text"}
    for path in before.keys() | after.keys():
        if before.get(path) != after.get(path) and path[-1] not in derived:
            assert path[-1] in SPEAKER_KEYS
            if path in before and before[path] is not None:
                assert type(after[path]) is type(before[path])


# --- conversations of any kind ----------------------------------------------------------------

READ = [name for name in known.FORMATS if name not in ("words", "rttm")]
SUFFIX = {"text": ".txt", "ctm-rttm": ".ctm"}


def file_of(format: str, folder: Path) -> Path:
    kind = known.FORMATS[format]
    return folder / f"call{SUFFIX.get(format, f'.{format}' if kind == 'text' else '.json')}"


@st.composite
def conversations(draw: st.DrawFn) -> list[words.Word]:
    texts = st.from_regex(r"[A-Za-zäß0-9][A-Za-z'é0-9]{0,6}[,.?]?", fullmatch=True)
    said = draw(st.lists(st.tuples(st.sampled_from("ABC"), texts), min_size=2, max_size=25))
    time, found = draw(st.integers(0, 3)), []
    for speaker, text in [("A", "so"), ("B", "well"), *said]:
        start = round(time + draw(st.integers(10, 3000)) / 1000, 3)
        time = round(start + draw(st.integers(50, 900)) / 1000, 3)
        word = {"session_id": "call", "speaker": speaker, "words": text}
        found.append({**word, "start_time": start, "end_time": time})
    return found


@pytest.mark.parametrize("format", READ)
@settings(deadline=None, max_examples=12)
@given(conversation=conversations(), seed=st.integers(0, 99))
def test_any_conversation_is_written_read_and_corrected(
    format: str, conversation: list, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp(format)
    words.write(conversation, folder / "words.json")
    path = file_of(format, folder)
    formats.load(folder / "words.json", "words").convert(format, path)
    transcript = formats.load(path, format)
    numbers = {"A": 0, "B": 1, "C": 2}
    first = getattr(known.module_of(format), "NUMBERS", None)
    assert [(w["speaker"], w["words"]) for w in transcript.words] == [
        (w["speaker"] if first is None else str(numbers[w["speaker"]] + first), w["words"])
        for w in conversation
    ]
    if "word times" in known.module_of(format).HOLDS:
        assert same_times(transcript.words, conversation)
    before = path.read_bytes()
    transcript.save(transcript.words, path)
    assert path.read_bytes() == before
    after = changed(transcript.words, seed)
    transcript.save(after, path)
    if format == "ctm" and len(words.speakers(after)) == 1:
        return  # one channel is no speaker
    again = formats.load(path, format)
    assert shown(again.words) == shown(after)
    assert format in WHOLE_SECONDS or same_times(again.words, after)


@pytest.mark.parametrize("to", known.FORMATS)
@pytest.mark.parametrize("name", FILES)
def test_each_format_becomes_each_other_or_says_what_is_lost(
    name: str, to: str, tmp_path: Path
) -> None:
    transcript = formats.load(SAMPLES / name)
    target = file_of(to, tmp_path)
    lost = transcript.convert(to, target)
    if to == "rttm":
        assert "the words" in lost
        return
    again = formats.load(target, to)
    order = {name: place for place, name in enumerate(words.speakers(transcript.words))}
    other = {name: place for place, name in enumerate(words.speakers(again.words))}
    assert [(other[w["speaker"]], w["words"]) for w in again.words] == [
        (order[w["speaker"]], w["words"]) for w in transcript.words
    ]
    if "word times" in known.module_of(to).HOLDS:
        assert same_times(again.words, transcript.words)
    if to in ("srt", "vtt", "text", "stm") and "times_estimated" not in transcript.words[0]:
        assert any("times" in loss for loss in lost)


def test_scores_come_from_the_tools_that_have_them() -> None:
    for name in ("deepgram.json", "ibm.json", "nemo.json"):
        found = formats.read(SAMPLES / name)
        for word in found:
            assert word["speaker_scores"].keys() == set(words.speakers(found))
            assert sum(word["speaker_scores"].values()) == pytest.approx(1)
    first = formats.read(SAMPLES / "deepgram.json")[1]
    assert first["speaker_scores"] == {"0": 0.83, "1": 0.17}
    assert formats.read(SAMPLES / "nemo.json")[0]["speaker_scores"] == {
        "speaker_0": 0.75,
        "speaker_1": 0.25,
    }
    assert "speaker_scores" not in formats.read(SAMPLES / "aws.json")[0]


def test_estimated_times_say_so() -> None:
    assert all(word["times_estimated"] for word in formats.read(SAMPLES / "text.txt"))
    assert not any("times_estimated" in w for w in formats.read(SAMPLES / "aws.json"))
    holes = formats.read(SAMPLES / "whisperx-holes.json")
    assert [place for place, word in enumerate(holes) if "times_estimated" in word] == [13]


def test_words_without_a_speaker_get_the_neighbours_and_no_times(tmp_path: Path) -> None:
    transcript = formats.load(SAMPLES / "whisperx-holes.json")
    transcript.save(transcript.words, tmp_path / "out.json")
    before = leaves(json.loads((SAMPLES / "whisperx-holes.json").read_bytes()))
    after = leaves(json.loads((tmp_path / "out.json").read_bytes()))
    new = {path: value for path, value in after.items() if before.get(path) != value}
    assert new and {path[-1] for path in new} == {"speaker"}
    assert before.keys() <= after.keys()


def test_a_whisperx_segment_without_words_stays_whole_beside_others(tmp_path: Path) -> None:
    """Alignment leaves single segments without words, and diarization some without a speaker."""
    content = json.loads((SAMPLES / "whisperx-holes.json").read_text())
    content["segments"][3]["words"] = []
    del content["segments"][5]["speaker"]
    del content["word_segments"]
    path = tmp_path / "call.json"
    path.write_text(json.dumps(content))
    transcript = formats.load(path)
    after = [dict(word) for word in transcript.words]
    inside = [i for i, place in enumerate(transcript.original.places) if place == (3, None)]
    for index in inside[:3]:
        after[index]["speaker"] = "SPEAKER_00"
    transcript.save(after, path)
    segments = json.loads(path.read_text())["segments"]
    assert [s["text"] for s in segments] == [s["text"] for s in content["segments"]]
    assert [s["speaker"] for s in segments] == [
        s.get("speaker", "SPEAKER_01") for s in content["segments"]
    ]
    for index in inside:
        after[index]["speaker"] = "SPEAKER_00"
    transcript.save(after, path)
    assert json.loads(path.read_text())["segments"][3]["speaker"] == "SPEAKER_00"


def test_aws_punctuation_is_the_end_of_the_word_before_it(tmp_path: Path) -> None:
    mark = {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": "?"}]}
    content = json.loads(aws())
    items = content["results"]["items"]
    content["results"]["items"] = [mark, items[0], mark, items[1]]
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert [w["words"] for w in formats.read(tmp_path / "a.json")] == ["hi?", "hi"]


def test_a_whisperx_word_alone_without_a_speaker_gets_its_segments(tmp_path: Path) -> None:
    said = [
        {"word": "Yes.", "start": 0.0, "end": 0.4, "speaker": "SPEAKER_00"},
        {"word": "2019.", "start": 0.5, "end": 0.9},
    ]
    segments = [
        {"start": w["start"], "end": w["end"], "text": w["word"], "words": [w], "speaker": who}
        for w, who in zip(said, ("SPEAKER_00", "SPEAKER_01"), strict=True)
    ]
    path, out = tmp_path / "call.json", tmp_path / "out.json"
    path.write_text(json.dumps({"segments": segments}))
    transcript = formats.load(path)
    assert [word["speaker"] for word in transcript.words] == ["SPEAKER_00", "SPEAKER_01"]
    assert transcript.filled == [False, True]
    transcript.save(transcript.words, out)
    assert json.loads(out.read_text())["segments"][1]["words"][0]["speaker"] == "SPEAKER_01"
    del said[0]["speaker"]  # where segments alone name speakers, they go on doing so
    path.write_text(json.dumps({"segments": segments}))
    transcript = formats.load(path)
    assert transcript.filled == [False, False]
    transcript.save(transcript.words, out)
    assert out.read_text() == path.read_text()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"id": "x", "status": "error", "error": "Download error, no audio"}, "error: Download"),
        ({"id": "x", "status": "queued", "words": None}, "(queued)"),
        ({"err_code": "PAYLOAD_ERROR", "err_msg": "Bad Request"}, "(Bad Request)"),
        ({"error": {"code": 400, "message": "Invalid audio"}}, "(Invalid audio)"),
        (
            {"TranscriptionJob": {"TranscriptionJobStatus": "FAILED", "FailureReason": "No sound"}},
            "(FAILED: No sound)",
        ),
        ({"status": "Failed", "properties": {"error": {"message": "Quota"}}}, "(Failed: Quota)"),
    ],
)
def test_what_a_service_says_of_a_job_is_told(tmp_path: Path, answer: Any, told: str) -> None:
    path = tmp_path / "call.json"
    path.write_text(json.dumps(answer))
    with pytest.raises(SealError, match="no transcript, but what the service said") as error:
        formats.read(path)
    assert told in str(error.value)


def test_nemo_says_which_session_it_is_of(tmp_path: Path) -> None:
    content = json.loads((SAMPLES / "nemo.json").read_text())
    path = tmp_path / "something.json"
    path.write_text(json.dumps(content | {"session_id": "mtg-01_A"}))
    assert {word["session_id"] for word in formats.read(path)} == {"mtg-01_A"}
    path.write_text(json.dumps(content | {"session_id": " "}))
    assert {word["session_id"] for word in formats.read(path)} == {"something"}


def test_aws_segments_that_are_split_get_ids_of_their_own(tmp_path: Path) -> None:
    transcript = formats.load(SAMPLES / "aws.json")
    transcript.save(changed(transcript.words, 1, 1.0), tmp_path / "aws.json")
    segments = json.loads((tmp_path / "aws.json").read_text())["results"]["audio_segments"]
    ids = [segment["id"] for segment in segments]
    assert len(ids) > 8 and len(set(ids)) == len(ids)


def test_azure_words_that_begin_together_go_each_to_its_speaker(tmp_path: Path) -> None:
    content = json.loads((SAMPLES / "azure.json").read_text())
    said = content["recognizedPhrases"][0]["nBest"][0]["words"]
    said[3]["offsetInTicks"] = said[2]["offsetInTicks"]
    path = tmp_path / "azure.json"
    path.write_text(json.dumps(content))
    transcript = formats.load(path)
    after = [dict(word) for word in transcript.words]
    after[3]["speaker"] = "2"
    transcript.save(after, path)
    assert shown(formats.read(path)) == shown(after)


@pytest.mark.parametrize("empty", [{}, {"alternatives": []}, {"alternatives": [{}]}])
def test_google_results_without_words_are_passed_over(empty: dict, tmp_path: Path) -> None:
    for name in ("google-v1", "google-v2"):
        content = json.loads((SAMPLES / f"{name}.json").read_text())
        content["results"].insert(0, empty)
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content))
        assert formats.load(path).format == name
        assert len(formats.read(path)) == 37


def test_a_name_that_is_empty_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(whisperx(speaker=""))
    transcript = formats.load(path)
    assert [w["speaker"] for w in transcript.words] == ["A", "A"]
    transcript.save(transcript.words, path)
    assert json.loads(path.read_text())["segments"][0]["words"][1]["speaker"] == "A"


def test_an_utterance_says_whose_a_word_is_that_does_not(tmp_path: Path) -> None:
    content = json.loads((SAMPLES / "assemblyai.json").read_text())
    del content["words"]
    spoken = content["utterances"][-1]
    for nobody in (None, ""):
        spoken["words"][0]["speaker"] = nobody
        (tmp_path / "a.json").write_text(json.dumps(content))
        found = formats.read(tmp_path / "a.json")
        assert found[-len(spoken["words"])]["speaker"] == spoken["speaker"]


def test_a_line_of_a_cue_may_begin_as_a_note_does(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    cue = "00:01.000 --> 00:03.000\n<v Ana>please\nNOTE this\n"
    path.write_text(f"WEBVTT\n\nNOTE not\nthis\n\n{cue}\nSTYLE\n::cue {{}}\n")
    assert [w["words"] for w in formats.read(path)] == ["please", "NOTE", "this"]


def test_numbers_of_cues_are_no_words_without_an_empty_line(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text(re.sub(r"\n\n(?=\d)", "\n", (SAMPLES / "srt.srt").read_text()))
    assert len(formats.read(path)) == 37


# --- damage -----------------------------------------------------------------------------------


def aws(**item: Any) -> str:
    word = {"type": "pronunciation", "speaker_label": "spk_0", "start_time": "0.1"}
    word |= {"end_time": "0.4", "alternatives": [{"content": "hi"}]}
    return json.dumps({"results": {"items": [word, word | item]}})


def whisperx(**word: Any) -> str:
    full = {"word": "hi", "start": 0.1, "end": 0.4, "speaker": "A"}
    return json.dumps({"segments": [{"text": "hi hi", "words": [full, full | word]}]})


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", aws(start_time="soon"), "item 2: not a time: 'soon'"),
        ("a.json", aws(start_time=-1), "item 2: not a time"),
        ("a.json", aws(start_time=10**400), "item 2: not a time of 0 to"),
        ("a.json", aws(alternatives=[{"content": "hi", "confidence": 10**400}]), "item 2: not a c"),
        ("a.json", aws(alternatives=None), "item 2: has no 'content'"),
        ("a.json", aws(speaker_label=[]), "word 2 ('hi'): its speaker is '[]'"),
        ("a.json", '{"results": [{"alternatives": [null]}]}', "none of the formats known"),
        ("a.json", '{"results": [{"alternatives": true}]}', "none of the formats known"),
        ("a.json", '{"results": {"items": [null]}}', "items: entry 1: must be an object"),
        ("a.json", '{"results": {"items": []}}', "no words in it"),
        ("a.json", aws()[:-9], "not JSON (line 1"),
        ("a.json", whisperx(word=None), "segment 1: word 2: has no 'word'"),
        ("a.json", whisperx(start=True), "segment 1: word 2: not a time"),
        ("a.json", whisperx(start=5e8), "segment 1: word 2: not a time of 0 to"),
        ("a.json", '{"segments": [{"text": "hi", "start": 0, "end": 1}]}', "no speakers in it"),
        ("a.json", '{"hello": 1}', "none of the formats known (whisperx, aws, deepgram"),
        ("a.json", "7", "none of the formats known"),
        ("a.srt", "", "is empty"),
        ("a.vtt", " \n", "is empty"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nA: hi\n\n2\nB: oh\n", "line 6: a cue without"),
        ("a.srt", "1\n00:00:01,000 -> 00:00:02,000\nA: hi\n", "line 2: a cue without its times"),
        ("a.srt", "1\n00:xx:01,000 --> 00:00:02,000\nA: hi\n", "line 2: not '00:00:01,000"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nhi there\n", "no speakers in it"),
        ("a.txt", "hello there\nhow are you\n", "no speakers in it"),
        ("a.ctm", "c 1 0.1 0.2 hi\nc 1 0.5 0.2 oh\n", "a CTM without speakers; put a.rttm beside"),
        ("a.ctm", "c 1 0.1 x hi\n", "line 1: not a time in seconds: 'x'"),
        ("a.stm", "c 1 A 0.1\n", "line 1: not 'session channel speaker"),
        ("a.rttm", "SPEAKER c 1 0 1 <NA> <NA> A <NA> <NA>\n", "has no words; give the CTM"),
        ("a.wav", b"RIFF\x84\x80\x00\x00WAVE", "a recording, no transcript; seal transcribe"),
        ("a.txt", b"A: \x00\x01\xff", "no text in UTF-8"),
    ],
)
def test_damage_is_told_in_one_line_with_its_place(
    name: str, content: str | bytes, told: str, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for command in ("correct", "convert"):
        more = ["--to", "words"] if command == "convert" else ["--corrector", "hmm"]
        assert cli.main([command, str(path), "-o", str(tmp_path / "out"), *more]) == 2
        line = capsys.readouterr().err
        assert line.startswith(f"seal: {path}: ") and told in line and line.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("nemo", {"sentences": ["x"]}, "sentences: entry 1: must be an object"),
        ("deepgram", {"paragraphs": [7]}, "paragraphs: entry 1: must be an object"),
        ("deepgram", {"sentences": [None]}, "paragraph 1: sentences: entry 1: must be an object"),
    ],
)
def test_damage_where_turns_are_rewritten_has_its_place(
    name: str, damage: dict, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def damaged(value: Any) -> Any:
        if isinstance(value, dict):
            value = {key: damaged(item) for key, item in value.items()}
            inner = isinstance(value.get("paragraphs"), dict)  # its holder has the same name
            return value | {k: v for k, v in damage.items() if k in value and not inner}
        return [damaged(item) for item in value] if isinstance(value, list) else value

    path = Path("a.json")
    path.write_text(json.dumps(damaged(json.loads((SAMPLES / f"{name}.json").read_text()))))
    transcript = formats.load(path)
    with pytest.raises(SealError) as refused:
        transcript.save(changed(transcript.words, 1), tmp_path / "out.json")
    assert str(refused.value).startswith(f"{path}: ") and told in str(refused.value)
    assert not (tmp_path / "out.json").exists()


def test_what_is_nested_too_deep_to_be_written_is_told(tmp_path: Path) -> None:
    content = json.loads((SAMPLES / "assemblyai.json").read_text())
    deep: list = []
    for _ in range(900):
        deep = [deep]
    content["utterances"][0]["extra"] = deep
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    transcript = formats.load(path)
    with pytest.raises(SealError, match="nested too deep"):
        transcript.save(changed(transcript.words, 1, 1.0), tmp_path / "out.json")


def test_a_conversion_that_is_refused_names_the_file(tmp_path: Path, capsys: Any) -> None:
    path, out = tmp_path / "a.json", tmp_path / "a.srt"
    for content, told in (
        (whisperx(speaker="\ud800"), "is no character of utf-8"),
        (whisperx(speaker="[B]" * 99), "cannot be a label in a text"),
    ):
        path.write_text(content)
        assert cli.main(["convert", str(path), "-o", str(out)]) == 2
        line = capsys.readouterr().err
        assert told in line and str(tmp_path) in line and len(line) < 300
        assert not out.exists()


def test_milliseconds_where_seconds_belong_are_refused(tmp_path: Path) -> None:
    word = {"word": "hi", "speaker": "A"}
    said = [word | {"start": 400 * n, "end": 400 * n + 300} for n in range(9)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"segments": [{"text": "hi", "words": said}]}))
    with pytest.raises(SealError, match="are the times milliseconds"):
        formats.read(path)


def test_times_as_texts_and_nulls_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(whisperx(start=" 0.5s ", end=None, speaker=None))
    found = formats.read(path)
    assert [w["start_time"] for w in found] == [0.1, 0.5]
    assert [w["speaker"] for w in found] == ["A", "A"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252", "crlf"]
)
def test_encodings_and_line_ends_stay(encoding: str, tmp_path: Path) -> None:
    text = "Zoë: déjà vu\nBo: oui oui\n"
    if encoding == "crlf":
        text, encoding = text.replace("\n", "\r\n"), "utf-8"
    path = tmp_path / "a.txt"
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    path.write_bytes((mark + text).encode(encoding))
    transcript = formats.load(path)
    assert [w["speaker"] for w in transcript.words] == ["Zoë", "Zoë", "Bo", "Bo"]
    before = path.read_bytes()
    transcript.save(transcript.words, path)
    assert path.read_bytes() == before
    transcript.save([w | {"speaker": "Bo"} for w in transcript.words], path)
    assert path.read_bytes().decode(encoding) == mark + text.replace("Zoë", "Bo")


# --- the command line -------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_correct_writes_the_format_that_it_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = str(SAMPLES / name)
    assert cli.main(["correct", sample, "--corrector", "hmm", "-o", f"{tmp_path}/"]) == 0
    same = formats.load(SAMPLES / name).format
    assert formats.load(tmp_path / name, same).words

    def swapped(found: list[words.Word], **_: Any) -> list[words.Word]:
        one, two = words.speakers(found)
        return [
            w | {"first_pass_speaker": w["speaker"], "speaker": two if w["speaker"] == one else one}
            for w in found
        ]

    monkeypatch.setattr("seal.correction.correct", swapped)
    assert cli.main(["correct", sample, "-o", str(tmp_path / name)]) == 0
    expected = swapped(formats.read(SAMPLES / name))
    assert shown(formats.load(tmp_path / name, same).words) == shown(expected)


def test_several_inputs_keep_their_names(tmp_path: Path) -> None:
    inputs = [str(SAMPLES / name) for name in ("aws.json", "srt.srt", "text.txt", "ctm-rttm.ctm")]
    assert cli.main(["correct", *inputs, "--corrector", "hmm", "-o", str(tmp_path)]) == 0
    names = ["aws.json", "ctm-rttm.ctm", "ctm-rttm.rttm", "srt.srt", "text.txt"]
    beside = [f"{name}.seal" for name in names if not name.endswith(".rttm")]
    made = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert made == sorted(names + beside)


def test_convert_says_what_is_lost_and_refuses_what_cannot_be(tmp_path: Path, capsys: Any) -> None:
    sample, out = str(SAMPLES / "deepgram.json"), str(tmp_path / "out.txt")
    assert cli.main(["convert", sample, "-o", out, "--to", "text"]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "times, confidences of words, scores of speakers" in told
    assert cli.main(["convert", sample, "-o", out, "--to", "poem"]) == 2
    assert "'poem' is none of the formats" in capsys.readouterr().err
    two = [w | {"session_id": s} for s in "xy" for w in formats.read(SAMPLES / "aws.json")]
    words.write(two, tmp_path / "two.json")
    assert cli.main(["convert", str(tmp_path / "two.json"), "-o", out, "--to", "aws"]) == 2
    assert "aws holds one conversation, here are 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("to", "changes", "told"),
    [
        ("srt", {"words": "<unk>"}, "1 word as such: marks there ('<unk>')"),
        ("text", {"words": "[laughs]"}, "1 word as such: marks there ('[laughs]')"),
        ("ctm", {"speaker": "Bo Berg"}, "names of speakers ('Bo Berg' is 'Bo_Berg')"),
        ("stm", {"speaker": "spk 0"}, "who is who of those who have one name there"),
        ("ctm-rttm", {"start_time": 1.1, "end_time": 1.4}, "the speakers of 1 words"),
        ("deepgram", {"speaker_scores": {"spk_0": 0.5, "spk_1": 0.1}}, "but the word's own"),
        ("ibm", {"times_estimated": True}, "which of its times are estimated"),
    ],
)
def test_what_is_read_again_otherwise_is_told(
    to: str, changes: dict, told: str, tmp_path: Path, capsys: Any
) -> None:
    said = formats.read(SAMPLES / "aws.json")
    said[8] = {**said[8], **changes}
    words.write(said, tmp_path / "in.json")
    out = file_of(to, tmp_path / "out")
    assert cli.main(["convert", str(tmp_path / "in.json"), "-o", str(out), "--to", to]) == 0
    line = capsys.readouterr().err
    assert told in line and line.count("\n") == 1


def test_marks_of_the_format_in_words_are_kept(tmp_path: Path) -> None:
    said = [
        w | {"words": t}
        for w, t in zip(formats.read(SAMPLES / "aws.json"), ("a<b", "&amp;"), strict=False)
    ]
    words.write(said, tmp_path / "in.json")
    formats.load(tmp_path / "in.json").convert("vtt", tmp_path / "out.vtt")
    assert [w["words"] for w in formats.read(tmp_path / "out.vtt")] == ["a<b", "&amp;"]


def test_a_speaker_may_be_named_in_brackets_only(tmp_path: Path) -> None:
    names = ["the caller", "dr. no: 7"]
    said = [
        w | {"speaker": n} for w, n in zip(formats.read(SAMPLES / "aws.json"), names, strict=False)
    ]
    words.write(said, tmp_path / "in.json")
    for to in ("srt", "text"):
        formats.load(tmp_path / "in.json").convert(to, file_of(to, tmp_path))
        assert [w["speaker"] for w in formats.read(file_of(to, tmp_path))] == names


def test_a_format_may_be_named(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "call.log"
    path.write_text((SAMPLES / "text.txt").read_text())
    out = tmp_path / "out.json"
    assert cli.main(["convert", str(path), "--from", "text", "-o", str(out), "--to", "words"]) == 0
    assert len(words.read(out)) > 15
    assert cli.main(["correct", str(path), "--from", "aws", "-o", str(out)]) == 2
    assert "not JSON" in capsys.readouterr().err


def test_a_conversation_without_a_name_is_scored_against_the_only_one(
    tmp_path: Path, capsys: Any
) -> None:
    sides = ["--ref", str(SAMPLES / "stm.stm"), "--hyp", str(SAMPLES / "deepgram.json")]
    assert cli.main(["score", *sides, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cp_errors"] == 1  # a hesitation
    words.write(formats.read(SAMPLES / "deepgram.json"), tmp_path / "other.json")
    assert cli.main(["score", *sides[:3], str(tmp_path / "other.json")]) == 2
    assert "give both the same session_id" in capsys.readouterr().err


def test_the_name_of_the_new_file_says_its_format(tmp_path: Path, capsys: Any) -> None:
    sample = str(SAMPLES / "deepgram.json")
    names = {"call.srt": "srt", "call.vtt": "vtt", "call.TXT": "text", "call.json": "words"}
    for name, format in names.items():
        assert cli.main(["convert", sample, "-o", str(tmp_path / name)]) == 0
        assert formats.load(tmp_path / name).format == format
    assert cli.main(["convert", sample, "-o", str(tmp_path / "call.doc")]) == 2
    assert "name it with --to" in capsys.readouterr().err


def test_score_reads_any_format(tmp_path: Path, capsys: Any) -> None:
    sides = []
    for name in ("aws.json", "assemblyai.json"):
        path = tmp_path / name.split(".")[0] / "call.json"
        path.parent.mkdir()
        path.write_bytes((SAMPLES / name).read_bytes())
        sides.append(str(path))
    assert cli.main(["score", "--ref", sides[0], "--hyp", sides[1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cpwer"] == 0


# --- any damage -------------------------------------------------------------------------------

ODD = [None, "", "x", "1.5", -1, 0, 1e9, True, [], {}, [None], [[]], {"words": None}]


@pytest.mark.parametrize("name", [n for n in FILES if n.endswith(".json")])
def test_a_value_of_another_kind_anywhere_is_read_or_refused(name: str, tmp_path: Path) -> None:
    """Never another error than ours; and what is read is written with all of its words."""
    dice = random.Random(name)
    text = (SAMPLES / name).read_text()
    for _ in range(25):
        value = json.loads(text)
        holder = value
        while True:  # walk down to somewhere
            key = dice.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            below = holder[key]
            if not isinstance(below, (dict, list)) or not below or dice.random() < 0.15:
                break
            holder = below
        if dice.random() < 0.3:
            del holder[key]
        else:
            holder[key] = dice.choice(ODD)
        path = tmp_path / name
        path.write_text(json.dumps(value))
        try:
            transcript = formats.load(path)
            words.check(transcript.words)
            after = changed(transcript.words, 1)
            transcript.save(after, path)
            again = formats.load(path, transcript.format)
        except SealError as error:
            assert "\n" not in str(error) and str(path) in str(error)
            continue
        assert [w["words"] for w in again.words] == [w["words"] for w in after]


# --- names that a format cannot hold, and files that are somebody else's ----------------------


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_new_name_is_read_again_or_refused(name: str, data: st.DataObject, tmp_path_factory: Any):
    given_name = data.draw(
        st.sampled_from(["Speaker 3", "the old man", "x>y", "[B]", "a]b", "B: oh", "Zoë", "7", " "])
        | st.text(min_size=1, max_size=6)
    )
    transcript = formats.load(SAMPLES / name)
    after = [dict(word) for word in transcript.words]
    for place in data.draw(st.sets(st.integers(0, len(after) - 1), min_size=1, max_size=9)):
        after[place]["speaker"] = given_name
    target = tmp_path_factory.mktemp("out") / name
    try:
        transcript.save(after, target)
    except SealError as error:
        assert "cannot stand in" in str(error) or "cannot be written" in str(error)
        assert not target.exists() and not target.with_suffix(".rttm").exists()
        return
    again = formats.load(target, transcript.format).words
    assert [word["words"] for word in again] == [word["words"] for word in after]
    assert {w["speaker"] for w in again} <= {w["speaker"] for w in [*after, *transcript.words]}


def srt(*cues: str) -> str:
    return "\n".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{cue}\n" for n, cue in enumerate(cues, start=1)
    )


@pytest.mark.parametrize(
    ("name", "text", "move", "after"),
    [
        ("a.srt", srt("[ Ann ]: hello", "Bob: oh"), {0: "Bob"}, srt("[ Bob ]: hello", "Bob: oh")),
        (
            "a.srt",
            srt("[the old man]: hi", "Ann: fine"),
            {1: "the old man"},
            srt("[the old man]: hi", "[the old man]: fine"),
        ),
        # A word before a colon is no name, if it is one nowhere else.
        (
            "a.srt",
            srt("Ann: the rule is\nRemember: never lie", "Bob: oh"),
            {3: "Bob"},
            srt("Ann: the rule is\nBob: Remember:\nAnn: never lie", "Bob: oh"),
        ),
        # And one that has become the only one is not taken for such a word.
        (
            "a.srt",
            srt("Ann: hi\nBob: oh", "Ann: yes\nBob: no"),
            {3: "Ann"},
            srt("Ann: hi\n[Bob]: oh", "Ann: yes\nAnn: no"),
        ),
    ],
)
def test_labels_are_rewritten_so_that_they_are_read_again(
    name: str, text: str, move: dict[int, str], after: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    transcript = formats.load(path)
    moved = [
        word | {"speaker": move.get(n, word["speaker"])} for n, word in enumerate(transcript.words)
    ]
    transcript.save(moved, path)
    assert path.read_text() == after
    assert shown(formats.read(path)) == shown(moved)


def test_a_vtt_cue_without_an_empty_line_before_it_is_read() -> None:
    text = (
        "WEBVTT\n\nfirst\n00:01.000 --> 00:02.000\n<v Ann>Hello there\n"
        "00:02.000 --> 00:03.000\n<v Bob>and here\n"
    )
    found = formats.load("a.vtt", data=text.encode()).words
    assert [word["words"] for word in found] == ["Hello", "there", "and", "here"]


def test_a_vtt_of_one_long_line_is_read_in_no_time() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>" + "la" * 500_000 + "\n"
    began = time.perf_counter()
    assert len(formats.load("a.vtt", data=text.encode()).words) == 1
    assert time.perf_counter() - began < 5


def test_the_rttm_that_is_read_is_not_written_over(tmp_path: Path, capsys: Any) -> None:
    for suffix in (".ctm", ".rttm"):
        shutil.copy((SAMPLES / "ctm-rttm.ctm").with_suffix(suffix), tmp_path / f"call{suffix}")
    before = (tmp_path / "call.rttm").read_bytes()
    call, other = tmp_path / "call.ctm", tmp_path / "call.json"
    assert cli.main(["correct", str(call), "-o", str(other), "--corrector", "hmm"]) == 2
    assert "its RTTM would replace" in capsys.readouterr().err
    assert not other.exists() and (tmp_path / "call.rttm").read_bytes() == before
    new = tmp_path / "new.ctm"
    (tmp_path / "new.rttm").write_text("somebody's")
    assert cli.main(["convert", str(SAMPLES / "srt.srt"), "-o", str(new), "--to", "ctm-rttm"]) == 2
    assert (tmp_path / "new.rttm").read_text() == "somebody's" and not new.exists()
    (tmp_path / "new.rttm").unlink()
    for _ in range(2):  # our own is
        assert (
            cli.main(["convert", str(SAMPLES / "srt.srt"), "-o", str(new), "--to", "ctm-rttm"]) == 0
        )


def test_an_assemblyai_utterance_without_words_is_told_before_the_work() -> None:
    word = {"text": "hi", "start": 0, "end": 100, "speaker": "A"}
    turn = {"text": "hi", "start": 0, "end": 100, "speaker": "A"}
    content = json.dumps({"words": [word], "utterances": [turn]})
    with pytest.raises(SealError, match="utterance 1: has no 'words'"):
        formats.load("a.json", data=content.encode())


def test_a_tool_in_doubt_still_prefers_its_own_choice() -> None:
    transcript = formats.load(SAMPLES / "ibm.json")
    for word in transcript.words:
        scores = word.get("speaker_scores")
        assert not scores or scores[word["speaker"]] == max(scores.values())


def test_a_result_is_not_called_what_it_is_not(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "out.srt"
    given = ["correct", str(SAMPLES / "whisperx.json"), "-o", str(target), "--corrector", "hmm"]
    assert cli.main(given) == 2 and not target.exists()
    assert "would be whisperx" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "to", "told"),
    [
        ("srt.srt", "text", "times"),
        ("stm.stm", "text", "times"),
        ("srt.srt", "vtt", ""),
        ("srt.srt", "ctm", "that its times are estimated"),
        ("text.txt", "srt", "that its times are estimated"),
        ("text.txt", "diarizationlm", ""),
        ("deepgram.json", "srt", "times of words"),
        ("deepgram.json", "text", "times"),
    ],
)
def test_lost_times_are_told(name: str, to: str, told: str, tmp_path: Path) -> None:
    lost = formats.load(SAMPLES / name).convert(to, tmp_path / "out")
    assert [item for item in lost if "times" in item] == ([told] if told else [])


def test_a_recording_of_silence_is_told_as_such() -> None:
    with pytest.raises(SealError, match="no words in it"):
        formats.load("a.json", data=b'{"segments": []}')


def test_a_folder_is_scored_with_all_its_formats(tmp_path: Path, capsys: Any) -> None:
    for name in ("srt.srt", "whisperx.json", "ctm.ctm"):
        shutil.copy(SAMPLES / name, tmp_path)
    (tmp_path / "notes.md").write_text("not one")
    assert cli.main(["score", "--ref", str(tmp_path), "--hyp", str(tmp_path), "--json"]) == 0
    assert '"cpwer": 0.0' in capsys.readouterr().out.lower()


@pytest.mark.parametrize("name", FILES)
def test_all_words_may_be_one_speakers(name: str, tmp_path: Path) -> None:
    transcript = formats.load(SAMPLES / name)
    one = transcript.words[0]["speaker"]
    transcript.save([word | {"speaker": one} for word in transcript.words], tmp_path / name)
    assert (tmp_path / name).is_file()


def test_a_word_transcript_is_written_without_the_mark_of_byte_order(tmp_path: Path) -> None:
    found = formats.read(SAMPLES / "whisperx.json")
    words.write(found, tmp_path / "plain.json")
    plain = (tmp_path / "plain.json").read_bytes()
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + plain)
    transcript = formats.load(tmp_path / "marked.json")
    transcript.save(transcript.words, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == transcript.data(transcript.words) == plain

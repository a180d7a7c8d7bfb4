"""Re-assignment by voice: what is heard about a word, and when that moves it."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import correct, correction, words
from seal.acoustic import embedding, rescore
from seal.acoustic.audio import RATE
from seal.cli import main
from seal.correctors import voice
from seal.errors import SealError


def word(speaker, place, session="call"):
    return {
        "session_id": session,
        "words": f"w{place}",
        "speaker": speaker,
        "start_time": place * 2.0,
        "end_time": place * 2.0 + 0.4,
    }


@pytest.fixture
def hears(monkeypatch):
    """Let each word sound like the speaker that a letter of `heard` names; '-' is silence."""

    def set_up(heard):
        vectors = np.zeros((len(heard), 4), dtype=np.float32)
        for row, who in zip(vectors, heard, strict=True):
            if who != "-":
                row["ABCD".index(who)] = 1.0
        monkeypatch.setattr(correction, "with_scores", lambda words, *_: words)
        monkeypatch.setattr(voice, "_voices", lambda path, spans, progress: vectors)

    return set_up


def given_to(labels, **options):
    found = correct([word(who, i) for i, who in enumerate(labels)], audio="call.wav", **options)
    return "".join(w["speaker"] for w in found)


def test_a_word_goes_to_the_voice_that_says_it(hears):
    hears("AAABAAABBB-")
    assert given_to("AAAAAAABBBA", corrector="voice") == "AAABAAABBBA"
    assert given_to("AAAAAAABBBA", corrector="voice", margin=99.0) == "AAAAAAABBBA"


@pytest.mark.models
def test_the_default_listens_where_it_can(hears):
    hears("AAAAAABBBBBB")
    assert given_to("AAAAAABBBABB") == "AAAAAABBBBBB"


@pytest.mark.models
def test_progress_does_not_go_back(hears):
    """Reading comes first, then listening: one bar for both."""
    hears("AAAAAABBBBBB")
    told = []
    given_to("AAAAAABBBABB", progress=lambda stage, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_recording_without_sound_changes_nothing(hears):
    hears("----")
    assert given_to("ABAB", corrector="voice") == "ABAB"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 24), st.floats(0, 3)), min_size=1, max_size=12))
def test_what_is_streamed_is_what_is_there(tmp_path_factory, drawn):
    """A span gets the same samples as from the whole recording, wherever it lies."""
    path = tmp_path_factory.mktemp("sound") / "call.wav"
    sound = (np.arange(22 * RATE) % 30_000 - 15_000).astype(np.int16)
    soundfile.write(path, sound, RATE)
    whole, _ = soundfile.read(path, dtype="float32")
    spans = [(time, time + length) for time, length in drawn]
    found = dict(voice._excerpts(path, spans))
    for place, (first, last) in enumerate(spans):
        expected = whole[round(first * RATE) : round(last * RATE)]
        if len(expected) >= voice.LEAST * RATE:
            assert np.array_equal(found[place], expected)
        else:
            assert place not in found


def test_words_that_are_heard_together_keep_their_own_voices(tmp_path, monkeypatch):
    """Sounds of one length are embedded in batches: each answer goes to its own word."""
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 30 * RATE) * np.repeat(rng.random(300), RATE // 10)
    soundfile.write(tmp_path / "call.wav", sound, RATE)
    spans = [(t, t + rng.choice([0.1, 0.4, 1.5])) for t in rng.permutation(60) / 2.0]
    monkeypatch.setattr(
        embedding,
        "load",
        lambda: lambda banks: banks.std(dim=1).repeat(1, 3)[:, : embedding.SIZE],
    )
    found = []
    for size in (1, 3, 8):
        monkeypatch.setattr(voice, "BATCH", size)
        found.append(voice._voices(tmp_path / "call.wav", spans, lambda share: None))
    assert np.allclose(found[0], found[1], atol=1e-6) and np.allclose(found[0], found[2], atol=1e-6)
    heard = np.linalg.norm(found[0], axis=1) > 0.5
    assert heard.tolist() == [min(end, 30) - start >= voice.LEAST for start, end in spans]


def test_a_word_is_not_heard_through_its_neighbours():
    """At a change of speaker the sound of a word ends where the other one's words are."""
    spoken = [{"start_time": i * 0.3, "end_time": i * 0.3 + 0.25, "words": "w"} for i in range(8)]
    spans = voice._spans(spoken, [0, 0, 0, 0, 1, 1, 1, 1])
    assert all(last <= spoken[4]["start_time"] for _, last in spans[:4])
    assert all(first >= spoken[3]["end_time"] for first, _ in spans[4:])
    assert all(
        first <= word["start_time"] and last >= word["end_time"]
        for (first, last), word in zip(spans, spoken, strict=True)
    )


def test_what_is_no_recording_is_said(tmp_path, capsys):
    spoken = [word("AB"[i % 2], i, "one" if i < 4 else "two") for i in range(8)]
    words.write(spoken, tmp_path / "calls.json")
    (tmp_path / "one.wav").touch()
    (tmp_path / "one.flac").touch()
    for options, says in (
        (["--corrector", "voice"], "--audio"),
        (["--corrector", "voice", "--audio", str(tmp_path)], "one.flac and one.wav"),
        (["--audio", str(tmp_path / "one.wav")], "one per session_id"),
        (["--audio", str(tmp_path / "none.wav")], "there is no"),
    ):
        command = ["correct", str(tmp_path / "calls.json"), "-o", str(tmp_path / "out.json")]
        assert main([*command, *options]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


@pytest.mark.models
def test_another_voice_is_heard(tmp_path):
    """The real embedding on the bundled call: words given to the wrong caller go back."""
    from seal.demo import RECORDING, REFERENCE

    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))
    right = sorted(reference, key=lambda w: w["start_time"])
    right = right[: len(right) // 2]
    names = sorted({w["speaker"] for w in right})
    wrong = [dict(w) for w in right]
    moved = [place for start in range(10, len(wrong) - 4, 25) for place in range(start, start + 4)]
    for place in moved:
        wrong[place]["speaker"] = next(n for n in names if n != wrong[place]["speaker"])
    found = correct(wrong, corrector="voice", audio=RECORDING)
    back = sum(found[place]["speaker"] == right[place]["speaker"] for place in moved)
    broken = sum(
        found[place]["speaker"] != right[place]["speaker"]
        for place in range(len(wrong))
        if place not in moved
    )
    assert back >= len(moved) * 2 / 3
    assert broken < back / 4


def test_a_folder_without_the_recording_is_refused(tmp_path):
    with pytest.raises(SealError, match="called call"):
        rescore.recording_of(tmp_path, "call")

"""Re-assignment by voice: what is heard about a word, and when that moves it."""

import json

import numpy as np
import pytest

from seal import correct, correction, words
from seal.acoustic import rescore
from seal.cli import main
from seal.correctors import hearing, voice
from seal.errors import Notice, SealError


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

        def embed(path, units, progress):
            progress(1.0)
            return vectors[[unit.words[0] for unit in units]]

        monkeypatch.setattr(correction, "with_scores", lambda words, *_: words)
        monkeypatch.setattr(hearing, "embed", embed)
        monkeypatch.setattr(voice, "embed_spans", lambda path, spans, progress: vectors)

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
def test_what_is_not_heard_is_read_as_without_a_recording(hears):
    hears("------------")
    words = [word(who, i) for i, who in enumerate("AAAAAABBBABB")]
    assert correct(words, audio="call.wav") == correct(words)


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "decided"),
    [
        ("the rain fell upon a roof of his house", False),
        ("well I know it's the roof you mean", True),
    ],
)
def test_readers_who_are_mixed_are_not_heard_and_people_who_talk_at_once_are(hears, text, decided):
    """Of two who read at once no voice is ever alone; a conversation has its moments."""
    hears("A" * 18 + "B" * 18)
    both, texts = {"A": 0.9, "B": 0.8}, text.split() * 5
    words = [
        word(who, i) | {"speaker_scores": both, "words": said}
        for i, (who, said) in enumerate(zip("A" * 18 + "B" * 14 + "ABBB", texts, strict=False))
    ]
    with pytest.warns(Notice, match="voices alone decide" if decided else "stay as they are"):
        found = correct(words, audio="call.wav")
    assert (found[32]["speaker"] == "B") == decided


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

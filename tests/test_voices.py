"""The voice library: what is kept of a voice, who reads it, and that what is forgotten is gone."""

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import words
from seal.acoustic.audio import RATE
from seal.cli import main
from seal.errors import SealError
from seal.voices import heard, likeness, locked, proposals
from seal.voices.heard import Heard
from seal.voices.library import SIZE, Library, changing, opened

DEMO = Path(__file__).parent.parent / "src" / "seal" / "demo"


def voice(seed):
    """Somebody's voice: embeddings of people lie about a mean."""
    own = np.random.default_rng(seed).normal(size=SIZE)
    vector = likeness.load().mean + 0.8 * own / np.linalg.norm(own)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def near(vector, seed):
    """Another recording of the same person, as far as numbers go: a cosine of about 0.9."""
    mixed = vector + 0.45 * voice(seed)
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def traces(vector, folder):
    """The files below the folder that hold a part of the vector, as numbers or as text."""
    raw = vector.astype("<f4").tobytes()
    text = base64.b64encode(raw)
    parts = [raw[:48], raw[-48:], text[:40], text[-40:]]
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if any(part in file.read_bytes() for part in parts)]


def word(speaker, place, session="call", **more):
    times = {"start_time": place * 1.0, "end_time": place * 1.0 + 0.9}
    return {"session_id": session, "speaker": speaker, "words": f"w{place}", **times, **more}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "voices.json"


@pytest.fixture
def secret(tmp_path, monkeypatch):
    monkeypatch.delenv("SEAL_VOICES_PASSPHRASE", raising=False)
    monkeypatch.setattr(locked, "COST", {"n": 16, "r": 8, "p": 1})
    path = tmp_path / "secret.txt"
    path.write_text("correct horse\n")
    return path


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A transcript of A, B and C, of whom the first two are heard: A as voice 1, B as voice 2."""
    path = tmp_path / "call.json"
    spoken = [
        word(who, place, speaker_scores={"A": 0.5, "B": 0.3, "C": 0.2}, first_pass_speaker="B")
        for place, who in enumerate("AABBC")
    ]
    words.write(spoken, path)
    sounds = {"A": Heard(voice(1), 20.0), "B": Heard(voice(2), 20.0)}
    monkeypatch.setattr(heard, "hear", lambda *_, **__: dict(sounds))
    return path, sounds


def seal(*arguments):
    return main([str(each) for each in arguments])


def add(name, call, speaker, file, *more):
    options = ("--speaker", speaker, "--audio", "call.wav", "--library", file)
    return seal("voices", "add", name, call, *options, *more)


# --- the file ---------------------------------------------------------------------------------


def test_nothing_is_there_before_somebody_says_so(file):
    assert opened(file).voices == []
    assert not file.exists()
    assert seal("voices", "list", "--library", file) == 0
    assert not file.parent.exists()


def test_the_file_is_its_owners_alone(file):
    before = os.umask(0)
    try:
        with changing(file) as library:
            library.add("Ann", voice(1), 12.0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o644)
    with changing(file) as library:
        library.add("Bo", voice(2), 12.0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [file] == list(file.parent.iterdir())


NAMES = st.sampled_from(["Ann", "Bo", "Cy", "Dé Ö"])
ACTS = st.one_of(
    st.tuples(st.just("add"), NAMES, st.integers(0, 99)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("merge"), NAMES, NAMES),
    st.tuples(st.just("forget"), NAMES, st.none()),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=8))
def test_a_library_is_what_was_done_to_it_and_holds_nothing_else(tmp_path_factory, acts):
    folder = tmp_path_factory.mktemp("data")
    file = folder / "voices.json"
    kept: dict[str, set[int]] = {}
    ever = set()
    for act, name, other in acts:
        refused = False
        try:
            with changing(file) as library:
                if act == "add":
                    library.add(name, voice(other), 5.0)
                else:
                    getattr(library, act)(*[each for each in (name, other) if each is not None])
        except SealError:
            refused = True
        if act == "add":
            kept.setdefault(name, set()).add(other)
            ever.add(other)
            assert not refused
        elif act == "forget":
            assert refused == (name not in kept)
            kept.pop(name, None)
        elif act == "rename":
            assert refused == (name not in kept or (other in kept and other != name))
            if not refused:
                kept[other] = kept.pop(name)
        else:
            assert refused == (name not in kept or other not in kept or name == other)
            if not refused:
                kept[other] |= kept.pop(name)
        found = {
            each.name: {bytes(sample.vector) for sample in each.samples}
            for each in opened(file).voices
        }
        assert found == {name: {bytes(voice(n)) for n in own} for name, own in kept.items()}
        for number in ever - set().union(*kept.values()):
            assert traces(voice(number), folder) == []


def test_forgetting_leaves_nothing_of_a_voice_on_the_disk(file):
    with changing(file) as library:
        library.add("Ann Lee", voice(1), 12.0)
        library.add("Bo", voice(2), 12.0)
    with file.open("rb") as old:  # what was in the file before, wherever it lies on the disk
        assert seal("voices", "forget", "Ann Lee", "--library", file) == 0
        old.seek(0)
        assert set(old.read()) == {0}
    assert traces(voice(1), file.parent) == []
    assert traces(voice(2), file.parent) == [file]
    assert b"Ann" not in file.read_bytes()
    assert list(file.parent.iterdir()) == [file]  # and no copy, no lock, no log


def test_forgetting_everybody_removes_the_file(file, secret):
    with changing(file, "correct horse") as library:
        library.add("Ann", voice(1), 12.0)
    with file.open("rb") as old:
        assert seal("voices", "forget", "--everybody", "--library", file) == 0
        assert set(old.read()) == {0}
    assert list(file.parent.iterdir()) == []
    assert seal("voices", "forget", "--everybody", "--library", file) == 2


def test_somebodys_hard_link_is_left_alone(file):
    with changing(file) as library:
        library.add("Ann", voice(1), 12.0)
    own = file.with_name("mine.json")
    os.link(file, own)
    before = own.read_bytes()
    with changing(file) as library:
        library.forget("Ann")
    assert own.read_bytes() == before


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from seal.voices.library import changing
with changing(Path(sys.argv[1])) as library:
    library.add("Bo", np.eye(192, dtype=np.float32)[0], 5.0)
    os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_the_old_library_and_the_next_change_sweeps(file):
    with changing(file) as library:
        library.add("Ann", voice(1), 12.0)
    before = file.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_bytes() == before
    left = [path for path in file.parent.iterdir() if path != file]
    assert len(left) == 1
    assert stat.S_IMODE(left[0].stat().st_mode) == 0o600
    with changing(file) as library:
        library.forget("Ann")
    assert list(file.parent.iterdir()) == [file]
    assert traces(voice(1), file.parent) == []


def test_a_change_that_fails_changes_nothing(file):
    with changing(file) as library:
        library.add("Ann", voice(1), 12.0)
    before = file.read_bytes()
    with pytest.raises(SealError), changing(file) as library:
        library.add("Bo", voice(2), 12.0)
        library.rename("Cy", "Di")
    assert file.read_bytes() == before


def test_changes_at_the_same_time_are_all_kept(file):
    def change(number):
        with changing(file) as library:
            library.add(f"P{number}", voice(number), 5.0)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.name for each in opened(file).voices} == {f"P{number}" for number in range(6)}


DAMAGES = [
    "[]",
    "{}",
    "not JSON",
    '{"seal_voices": "1"}',
    '{"seal_voices": 99}',
    '{"seal_voices": 1, "model": "other", "voices": []}',
    '{"seal_voices": 1, "encrypted": {}}',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", DAMAGES)
def test_what_is_no_library_is_refused_in_one_line_and_stays(file, text, capsys, call, secret):
    file.parent.mkdir()
    file.write_text(text)
    assert add("Ann", call[0], "A", file, "--consent", "--passphrase-file", secret) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(file) in told
    assert file.read_text() == text


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_library_is_refused_and_never_a_traceback(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("data") / "voices.json"
    with changing(file) as library:
        library.add("Ann", voice(1), 12.0)
    content = json.loads(file.read_text())
    sample = content["voices"][0]["samples"][0]
    junk = st.sampled_from([None, 7, -1.0, "x", [], {}, True, "AAAA"])
    place = data.draw(st.sampled_from(["voices", "name", "samples", "vector", "seconds"]))
    holder = {"voices": content, "name": content["voices"][0], "samples": content["voices"][0]}
    value = data.draw(junk)
    holder.get(place, sample)[place] = value
    file.write_text(json.dumps(content))
    fine = (place, value) in [("voices", []), ("name", "x"), ("name", "AAAA")]
    fine = fine or (place == "seconds" and value == 7 and value is not True)
    if fine:
        opened(file)
        return
    with pytest.raises(SealError, match=r"damaged|needs a name"):
        opened(file)


# --- the passphrase ---------------------------------------------------------------------------


def test_with_a_passphrase_neither_names_nor_voices_can_be_read(file, secret):
    with changing(file, "correct horse") as library:
        library.add("Ann Lee", voice(1), 12.0)
    data = file.read_bytes()
    assert b"Ann Lee" not in data and traces(voice(1), file.parent) == []
    assert opened(file, "correct horse").voices[0].name == "Ann Lee"
    with changing(file, "correct horse") as library:  # what is read encrypted is written so
        library.add("Bo Berg", voice(2), 12.0)
    assert b"Bo Berg" not in file.read_bytes() and traces(voice(2), file.parent) == []


def test_a_wrong_passphrase_is_one_line_and_status_2(file, secret, capsys, tmp_path):
    with changing(file, "correct horse") as library:
        library.add("Ann", voice(1), 12.0)
    before = file.read_bytes()
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("wrong horse\n")
    for options in (["list"], ["forget", "Ann"], ["rename", "Ann", "Bo"], ["unlock"]):
        for secrets in (["--passphrase-file", wrong], []):
            assert seal("voices", *options, "--library", file, *secrets) == 2
            told = capsys.readouterr().err
            assert told.count("\n") == 1 and str(file) in told
            assert ("is wrong" if secrets else "is encrypted") in told
    assert file.read_bytes() == before


def test_a_library_is_locked_gets_another_passphrase_and_is_unlocked(file, secret, tmp_path):
    with changing(file) as library:
        library.add("Ann", voice(1), 12.0)
    other = tmp_path / "other.txt"
    other.write_text("other\n")
    with file.open("rb") as old:
        assert seal("voices", "lock", "--new-passphrase-file", secret, "--library", file) == 0
        assert set(old.read()) == {0}  # what could be read before is not left on the disk
    assert b"Ann" not in file.read_bytes()
    both = ("--new-passphrase-file", other, "--passphrase-file", secret)
    assert seal("voices", "lock", *both, "--library", file) == 0
    with pytest.raises(SealError, match="wrong"):
        opened(file, "correct horse")
    assert seal("voices", "unlock", "--passphrase-file", other, "--library", file) == 0
    assert opened(file).voices[0].name == "Ann"


def test_an_encrypted_file_that_was_changed_is_refused(file, secret):
    with changing(file, "correct horse") as library:
        library.add("Ann", voice(1), 12.0)
    content = json.loads(file.read_text())
    hidden = bytearray(base64.b64decode(content["encrypted"]["data"]))
    hidden[5] ^= 1
    content["encrypted"]["data"] = base64.b64encode(hidden).decode()
    file.write_text(json.dumps(content))
    with pytest.raises(SealError, match="wrong, or the file is damaged"):
        opened(file, "correct horse")
    content["encrypted"]["n"] = 1 << 40  # no file makes this machine take its memory
    file.write_text(json.dumps(content))
    with pytest.raises(SealError, match="damaged"):
        opened(file, "correct horse")


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    file, secret, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with changing(file) as library:
        library.add("Ann", voice(1), 12.0)
    before = file.read_bytes()
    assert seal("voices", "lock", "--new-passphrase-file", secret, "--library", file) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "seal[voices]" in told
    assert file.read_bytes() == before


# --- consent and names ------------------------------------------------------------------------


def test_nobody_is_remembered_without_consent(call, file, capsys):
    assert add("Ann", call[0], "A", file) == 2
    assert "--consent" in capsys.readouterr().err
    assert not file.exists()
    assert add("Ann", call[0], "A", file, "--consent") == 0
    assert [each.name for each in opened(file).voices] == ["Ann"]


def test_who_is_not_there_or_hardly_speaks_is_not_remembered(call, file, capsys):
    assert add("Ann", call[0], "X", file, "--consent") == 2
    assert "A, B, C" in capsys.readouterr().err
    assert add("Ann", call[0], "C", file, "--consent") == 2
    assert "2 s" in capsys.readouterr().err
    assert not file.exists()


def test_a_name_is_proposed_and_given_in_a_second_step_alone(call, file, capsys, tmp_path):
    path, sounds = call
    assert add("Ann", path, "B", file, "--consent") == 0
    before = path.read_bytes()
    sounds["B"] = Heard(near(voice(2), 9), 20.0)
    options = ("voices", "name", path, "--audio", "call.wav", "--library", file)
    assert seal(*options) == 0
    shown = capsys.readouterr().out
    assert "A is unknown" in shown
    assert "B sounds like Ann (0.9" in shown or "B sounds like Ann (1.00)" in shown
    assert "C is unknown: too little speech" in shown
    assert path.read_bytes() == before
    assert seal(*options, "-o", tmp_path / "named.json") == 2  # nothing is given without --apply

    assert seal(*options, "--apply", "-o", tmp_path / "named.json") == 0
    assert path.read_bytes() == before
    old, new = words.read(path), words.read(tmp_path / "named.json")
    change = {"B": "Ann"}
    for one, other in zip(old, new, strict=True):
        assert other["speaker"] == change.get(one["speaker"], one["speaker"])
        assert other["first_pass_speaker"] == "Ann"
        assert list(other["speaker_scores"]) == ["A", "Ann", "C"]
        same = ("session_id", "words", "start_time", "end_time")
        assert [one[key] for key in same] == [other[key] for key in same]

    assert seal(*options, "--apply") == 0  # in place: what was there stays beside it
    assert path.read_bytes() == (tmp_path / "named.json").read_bytes()
    assert path.with_name("call.json.bak").read_bytes() == before


def test_what_is_proposed_can_be_read_by_programs(call, file, capsys):
    assert add("Ann", call[0], "B", file, "--consent") == 0
    capsys.readouterr()
    assert seal("voices", "name", call[0], "--audio", "x", "--library", file, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["speaker"] for each in found] == ["A", "B", "C"]
    assert [each["name"] for each in found] == [None, "Ann", None]
    assert seal("voices", "list", "--json", "--library", file) == 0
    assert json.loads(capsys.readouterr().out)[0]["samples"][0]["seconds"] == 20.0


def test_a_name_that_another_speaker_bears_is_not_given(call, file, capsys):
    path, _ = call
    words.write([*words.read(path), word("Ann", 9)], path)
    assert add("Ann", path, "B", file, "--consent") == 0
    before = path.read_bytes()
    options = ("--audio", "x", "--library", file, "--apply")
    assert seal("voices", "name", path, *options) == 0
    assert "another speaker" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_voice_in_an_empty_library_is_nobodys(call, file, capsys):
    assert seal("voices", "name", call[0], "--audio", "x", "--library", file) == 2
    assert "seal voices add" in capsys.readouterr().err


def library_of(count):
    library = Library(Path("voices.json"))
    for number in range(count):
        library.add(f"P{number}", voice(number), 30.0)
    return library


def test_two_speakers_do_not_get_one_name(file):
    sounds = {"A": Heard(near(voice(0), 70), 30.0), "B": Heard(voice(0), 30.0)}
    found = proposals.matched("call", ["A", "B"], sounds, library_of(3))
    assert [each.name for each in found] == [None, "P0"]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(100, 200), st.floats(2.0, 200.0))
def test_probabilities_are_such_and_a_stranger_stays_unknown(count, stranger, seconds):
    library = library_of(count)
    known = [(each.vector, each.seconds) for each in library.voices]
    chances = likeness.posterior(likeness.log_ratios(known, voice(stranger), seconds))
    assert (chances >= 0).all() and chances.sum() < 0.5
    found = proposals.matched("c", ["A"], {"A": Heard(voice(stranger), seconds)}, library)
    assert found[0].name is None


def test_in_a_larger_library_a_voice_must_be_nearer():
    ratios = np.array([3.0, *[-30.0] * 9])
    assert likeness.posterior(ratios)[0] < likeness.posterior(ratios[:1])[0]


# --- what is heard ----------------------------------------------------------------------------

SPOKEN = st.lists(
    st.tuples(st.sampled_from("AB"), st.floats(0, 60), st.floats(0, 2), st.floats(0, 1)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(SPOKEN)
def test_a_voice_is_taken_from_where_nobody_else_talks(spoken):
    said = [
        word(who, 0, speaker_confidence=sure) | {"start_time": start, "end_time": start + length}
        for who, start, length, sure in spoken
    ]
    for name in "AB":
        runs = heard.stretches(said, name)
        for first, last in runs:
            assert last - first >= heard.SHORTEST
            for other in said:
                if other["speaker"] != name or other["speaker_confidence"] < heard.SURE:
                    assert other["end_time"] <= first or other["start_time"] >= last
        pieces = heard._pieces(runs)
        assert sum(last - first for first, last in pieces) <= heard.MOST + 1e-6
        assert all(last - first <= 1.5 * heard.PIECE + 1e-6 for first, last in pieces)


def test_another_recording_is_refused(tmp_path):
    path = tmp_path / "call.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(SealError, match="is it their recording"):
        heard.hear([word("A", place) for place in range(60)], path)


def test_a_recording_that_is_not_there_is_refused_though_nobody_speaks_alone(tmp_path):
    with pytest.raises(SealError, match="there is no such file"):
        heard.hear([word("A", 0), word("B", 0)], tmp_path / "call.wav")


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """The demo's call cut in two, each with its transcript."""
    folder = tmp_path_factory.mktemp("halves")
    samples, rate = soundfile.read(DEMO / "call.flac")
    spoken = words.read(DEMO / "reference.json")
    middle = len(samples) / rate / 2
    for name, begin, end in (("first", 0.0, middle), ("second", middle, 2 * middle)):
        soundfile.write(folder / f"{name}.wav", samples[int(begin * rate) : int(end * rate)], rate)
        shift = {"session_id": name}
        own = [
            each | shift | {key: each[key] - begin for key in ("start_time", "end_time")}
            for each in spoken
            if begin <= each["start_time"] and each["end_time"] <= end
        ]
        words.write(own, folder / f"{name}.json")
    return folder


@pytest.mark.models
def test_somebody_who_was_named_once_is_known_in_the_next_recording(halves, file, capsys):
    speaker, other = words.speakers(words.read(halves / "first.json"))[:2]
    options = ("--audio", halves, "--library", file)
    enrolled = ("--speaker", speaker, "--consent")
    assert seal("voices", "add", "Ann", halves / "first.json", *options, *enrolled) == 0
    assert seal("voices", "name", halves / "second.json", *options) == 0
    shown = capsys.readouterr().out
    assert f"{speaker} sounds like Ann" in shown
    assert f"{other} is unknown" in shown

"""Promises of audio.py: any sound becomes 16 kHz mono, streamed; a bad file gets one clear line."""

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seal.acoustic import audio, containers
from seal.errors import CutShort, SealError


def tone(rate: int, seconds: float, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def heard(path: str | Path, seconds: float = 10.0) -> np.ndarray:
    return np.concatenate(list(audio.blocks(path, seconds)))


def encode(path: Path, samples: np.ndarray, rate: int, options: dict[str, str] | None = None):
    """Write an AAC file, which libsndfile does not read."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("aac", rate=rate, layout="stereo")
        for start in range(0, len(samples), 1024):
            planes = np.ascontiguousarray(samples[start : start + 1024].T)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 2)])
def test_every_format_and_rate_gives_the_same_tone(tmp_path, suffix, rate, channels):
    path = tmp_path / f"a call: 1.{suffix}"
    if suffix == "m4a":
        encode(tmp_path / "plain.m4a", tone(rate, 2.0, 2), rate)
        (tmp_path / "plain.m4a").rename(path)  # FFmpeg's writer takes the colon for a protocol
    else:
        soundfile.write(path, tone(rate, 2.0, channels), rate)
    samples = heard(path)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) / audio.RATE == pytest.approx(2.0, abs=0.15)
    middle = samples[8000:24000]
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.08)
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(440, abs=1)


def test_channels_are_averaged(tmp_path):
    both = np.concatenate([tone(16000, 1.0, hertz=400), tone(16000, 1.0, hertz=900)], axis=1)
    soundfile.write(tmp_path / "two.wav", both, 16000, subtype="FLOAT")
    np.testing.assert_allclose(heard(tmp_path / "two.wav"), both.mean(axis=1), atol=1e-6)


@settings(max_examples=25, deadline=None)
@example(rate=44100, length=1, seconds=1.0)  # less than one sample at 16 kHz
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100]),
    length=st.integers(1, 30_000),
    seconds=st.floats(0.01, 3.0),
)
def test_blocks_lose_nothing_whatever_their_size(tmp_path_factory, rate, length, seconds):
    path = tmp_path_factory.mktemp("blocks") / "noise.wav"
    noise = np.random.default_rng(length).uniform(-0.5, 0.5, length).astype(np.float32)
    soundfile.write(path, noise, rate, subtype="FLOAT")
    pieces = list(audio.blocks(path, seconds))
    assert all(len(piece) == round(seconds * audio.RATE) for piece in pieces[:-1])
    np.testing.assert_array_equal(np.concatenate(pieces), heard(path))
    assert sum(map(len, pieces)) == pytest.approx(length * audio.RATE / rate, abs=2)


def test_streaming_reads_no_more_than_it_hands_out(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.wav", tone(8000, 120.0), 8000)
    read = []
    original = soundfile.SoundFile.read

    def counting(self, frames=-1, **options):
        found = original(self, frames, **options)
        read.append(len(found))
        return found

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    stream = audio.blocks(tmp_path / "long.wav", seconds=5.0)
    next(stream)
    assert sum(read) <= 8000 * 10


def test_very_short_sound_works(tmp_path):
    soundfile.write(tmp_path / "short.wav", tone(8000, 0.05), 8000)
    assert len(heard(tmp_path / "short.wav")) == 800


def test_duration_is_that_of_the_sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(8000, 3.0), 8000)
    assert audio.duration(tmp_path / "a.wav") == pytest.approx(3.0)


def test_a_header_of_unknown_length_is_no_truncation(tmp_path):
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(16000, 1.0), 16000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(heard(path)) == 16000


def refused(path: Path, strict: bool = False) -> str:
    with pytest.raises(SealError) as error:
        list(audio.blocks(path, strict=strict))
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_missing_file_and_folder_are_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "nothing.wav")
    assert "folder" in refused(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"hello " * 500,
        bytes(range(256)) * 40,
        b"RIFF",
        b"\xff\xfb\x90\x00" * 3,
        b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.mp3\n",
    ],
    ids=["nothing", "json", "text", "bytes", "half a header", "mpeg-like", "playlist"],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.txt"])
def test_what_is_no_sound_is_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name)
    with pytest.raises(SealError):
        audio.duration(tmp_path / name)


def test_no_samples_are_refused(tmp_path):
    soundfile.write(tmp_path / "empty.wav", tone(8000, 0.0), 8000)
    assert "0 samples" in refused(tmp_path / "empty.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_samples_that_are_no_numbers_are_refused_with_their_place(tmp_path, bad):
    samples = tone(16000, 3.0, 2)
    samples[40000, 1] = bad
    soundfile.write(tmp_path / "bad.wav", samples, 16000, subtype="FLOAT")
    assert "2.500 s" in refused(tmp_path / "bad.wav")


NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000 * 20)


def cut(path: Path) -> tuple[np.ndarray, str]:
    """What is heard of a file that is cut short, and the one line that is said of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        there = heard(path)
    (told,) = [one for one in caught if issubclass(one.category, CutShort)]
    return there, str(told.message)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_of_a_file_cut_in_two_the_first_half_is_heard_and_a_line_says_so(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, NOISE, 16000)
    whole = heard(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    there, told = cut(path)
    assert re.search(rf"{path}: the file is cut short or damaged at [\d.]+ s", told)
    assert len(there) / audio.RATE == pytest.approx(10, abs=1.5)
    np.testing.assert_allclose(there[: 8 * audio.RATE], whole[: 8 * audio.RATE], atol=1e-3)
    assert "cut short" in refused(path, strict=True)


@pytest.mark.parametrize(("suffix", "options"), [("mkv", {}), ("m4a", {"movflags": "faststart"})])
def test_of_what_ffmpeg_reads_the_first_half_is_heard(tmp_path, suffix, options):
    path = tmp_path / f"call.{suffix}"
    encode(path, np.stack([NOISE, NOISE], axis=1).astype(np.float32), 16000, options)
    assert len(heard(path)) / audio.RATE == pytest.approx(20, abs=0.2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    there, told = cut(path)
    assert "of 20." in told and len(there) / audio.RATE == pytest.approx(10, abs=1.5)
    assert "cut short" in refused(path, strict=True)


def test_a_length_that_ffmpeg_guesses_is_no_promise(tmp_path):
    """Of a bare AAC stream it is guessed from the first bytes, which are loud or still."""
    path = tmp_path / "call.aac"
    quiet = np.concatenate([np.zeros_like(NOISE), NOISE[:16000]])
    encode(path, np.stack([quiet, quiet], axis=1).astype(np.float32), 16000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(heard(path)) / audio.RATE == pytest.approx(21, abs=0.2)


CONTAINERS = [(name, "PCM_16") for name in ("WAV", "RF64", "W64", "AIFF", "CAF", "AU", "NIST")]
CONTAINERS += [("AIFF", "FLOAT"), ("W64", "FLOAT"), ("NIST", "ULAW")]


@pytest.mark.parametrize(("container", "subtype"), CONTAINERS)
def test_a_file_cut_in_two_is_told_with_both_lengths(tmp_path, container, subtype):
    path = tmp_path / "cut"
    soundfile.write(path, NOISE, 16000, format=container, subtype=subtype)
    assert len(heard(path)) == len(NOISE)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 4)  # more than is promised is no harm
    assert len(heard(path)) == pytest.approx(len(NOISE), abs=4)
    for size in (len(whole) // 2, len(whole) // 2 + 1):
        path.write_bytes(whole[:size])
        samples, told = cut(path)
        assert len(samples) / audio.RATE == pytest.approx(10, abs=0.2)
        for line in (told, refused(path, strict=True)):
            there, promised = map(float, re.findall(r"([\d.]+) s", line))
            assert there == pytest.approx(10, abs=0.2) and promised == pytest.approx(20, abs=0.2)


@pytest.mark.parametrize("container", ["AIFF", "AU", "CAF"])
def test_a_writer_that_did_not_know_the_length_promised_nothing(tmp_path, container):
    path = tmp_path / "piped"
    soundfile.write(path, NOISE, 16000, format=container, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    at = {"AIFF": data.find(b"SSND") + 4, "AU": 8, "CAF": data.find(b"data") + 4}[container]
    size = 8 if container == "CAF" else 4
    data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    assert containers.missing(path) is None


@pytest.mark.parametrize("suffix", ["mp3", "ogg"])
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\x01\0" + b"\0" * 128])
def test_a_second_stream_behind_the_first_is_heard(tmp_path, suffix, tag):
    path = tmp_path / f"two.{suffix}"
    soundfile.write(path, NOISE, 16000)
    one = (tag if suffix == "mp3" else b"") + path.read_bytes()
    path.write_bytes(one)
    assert len(heard(path)) / audio.RATE == pytest.approx(20, abs=0.2)
    path.write_bytes(one + one)
    assert len(heard(path)) / audio.RATE == pytest.approx(40, abs=0.4)


@settings(max_examples=200, deadline=None)
@given(
    start=st.sampled_from(
        [b"RF64....WAVEds64", b"FORM....AIFF", b"riff", b"caff", b".snd", b"NIST_1A\n", b"ID3"]
    ),
    rest=st.binary(max_size=200),
)
def test_a_header_of_whatever_bytes_is_read_to_an_end(tmp_path_factory, start, rest):
    path = tmp_path_factory.getbasetemp() / "odd"
    path.write_bytes((start + rest).ljust(4096, b"\0"))
    containers.missing(path)
    containers.has_second_stream(path, "MP3")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_is_refused(tmp_path):
    path = tmp_path / "secret.wav"
    soundfile.write(path, tone(8000, 0.1), 8000)
    path.chmod(0)
    assert "right" in refused(path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 28.0), st.floats(0.1, 12.0)), min_size=1, max_size=12))
def test_what_is_streamed_is_what_is_there(tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "call.wav"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 25 * audio.RATE).astype(np.float32)
    if not path.exists():
        soundfile.write(path, samples, audio.RATE, subtype="FLOAT")
    spans = sorted((start, start + length) for start, length in drawn)
    for (first, last), (got, read) in zip(spans, audio.excerpts(path, spans), strict=True):
        assert np.array_equal(got, samples[round(first * audio.RATE) : round(last * audio.RATE)])
        assert min(last, 25.0) <= read + 1e-4 and read <= 25.0

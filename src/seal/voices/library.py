"""The voice library: one file with the voices that somebody has asked to be remembered.

A voice is a name and, for each recording that it was added from, the date and a unit embedding, 192
numbers. No sound, no words and no name of a file are kept. The file is read and written as a whole,
by one process at a time; what is forgotten is in no copy of it. It knows nothing of audio, nor of
how voices are compared.
"""

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seal.acoustic.arrays import Floats
from seal.errors import SealError
from seal.files import check_writable, sweep, write_bytes
from seal.voices import locked

VERSION = 1
"""Of the file, kept in it under MARK."""

MARK = "seal_voices"
"""The key by which a file is known as a voice library."""

MODEL = "cam++ 200k zh-en"
"""What embedded the voices: those of another model cannot be compared."""

SIZE = 192
"""Numbers of an embedding."""

MAX_NAME = 200
"""Characters of a name."""

MOST_BYTES = 256 << 20
"""Of a file that is read: a voice takes about a kilobyte."""


@dataclass(frozen=True)
class Sample:
    """What was kept of a speaker of one recording."""

    vector: Floats
    """Unit embedding [SIZE]."""
    seconds: float
    """Of speech that it was made from."""
    added: str
    """When somebody consented to it: a time in UTC, ISO 8601."""


@dataclass
class Voice:
    """A person who is known."""

    name: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of speech, in all recordings."""
        return sum(sample.seconds for sample in self.samples)

    @property
    def vector(self) -> Floats:
        """The unit mean [SIZE] of its recordings, by their seconds."""
        weights = np.array([sample.seconds for sample in self.samples])
        mean = weights @ np.stack([sample.vector for sample in self.samples])
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


@dataclass
class Library:
    """The voices, in the order in which they came. `path` is for messages."""

    path: Path
    voices: list[Voice] = field(default_factory=list)

    def get(self, name: str) -> Voice:
        """The voice of that name. Raises SealError where there is none."""
        for voice in self.voices:
            if voice.name == name:
                return voice
        raise SealError(f"{self.path}: knows no {name!r}; {_names(self.voices)}")

    def add(self, name: str, vector: Floats, seconds: float) -> Voice:
        """Keep a voice under a name, or one more recording of a voice that is known by it. The same
        sample is kept once. Raises SealError where nobody can be called so."""
        _check_name(name, "NAME")
        voice = next((voice for voice in self.voices if voice.name == name), None)
        if voice is None:
            voice = Voice(name)
            self.voices.append(voice)
        exact = np.asarray(vector, dtype=np.float32)
        if not any(np.array_equal(sample.vector, exact) for sample in voice.samples):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            voice.samples.append(Sample(exact, round(seconds, 2), now))
        return voice

    def rename(self, name: str, new: str) -> None:
        """Call a voice otherwise. Raises SealError where the new name is taken."""
        voice = self.get(name)
        _check_name(new, "NEW")
        if new != name and any(other.name == new for other in self.voices):
            raise SealError(
                f"{self.path}: {new!r} is another voice there; `seal voices merge` makes them one"
            )
        voice.name = new

    def merge(self, name: str, into: str) -> None:
        """Make two voices one, under the name `into`."""
        if name == into:
            raise SealError(f"{self.path}: {name!r} is one voice already; name two")
        voice, kept = self.get(name), self.get(into)
        kept.samples += voice.samples
        self.voices.remove(voice)

    def forget(self, name: str) -> None:
        """Remove a voice with all that was learnt of it."""
        self.voices.remove(self.get(name))


def summary(voice: Voice) -> dict[str, Any]:
    """What is told of a voice: all but the numbers that stand for it."""
    samples = [{"added": each.added, "seconds": each.seconds} for each in voice.samples]
    return {"name": voice.name, "seconds": round(voice.seconds, 2), "samples": samples}


def default_path() -> Path:
    """Where the library is if no other is named: `$XDG_DATA_HOME/seal/voices.json`, or below
    `~/.local/share`. Raises SealError where this user has no home."""
    named = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(named):  # a relative one is to be ignored (XDG)
        return Path(named) / "seal" / "voices.json"
    try:
        return Path.home() / ".local" / "share" / "seal" / "voices.json"
    except RuntimeError:
        raise SealError("--library: this user has no home; name a file") from None


def opened(path: Path, passphrase: str | None = None) -> Library:
    """Read a library; an empty one where there is no file. Raises SealError where the file is none,
    was written by a newer seal, or where the passphrase is wrong or missing."""
    data = _bytes(path)
    if data is None:
        return Library(path)
    content = _parsed(data, path)
    if locked.KEY in content:
        if passphrase is None:
            raise SealError(f"{path}: is encrypted; give its passphrase (--passphrase-file)")
        content |= _parsed(locked.unlock(content[locked.KEY], passphrase, path), path)
    return Library(path, _voices(content, path))


def is_locked(path: Path) -> bool:
    """Whether there is such a library, and it is encrypted."""
    data = _bytes(path)
    return data is not None and locked.KEY in _parsed(data, path)


@contextmanager
def changing(
    path: Path, passphrase: str | None = None, new: str | None = None
) -> Iterator[Library]:
    """A library to change: written as a whole when the block ends, encrypted as it was, or with
    `new` where that is given ("": not at all); a new file with `passphrase`. Nothing is written
    where the block fails.

    Others who want to change a library in the same folder wait. Raises SealError as `opened` does,
    and where the file cannot be written.
    """
    path = Path(os.path.realpath(path))
    _make_folder(path)
    check_writable(path)
    with _alone(path.parent):
        sweep([path])  # what a killed process left has voices in it
        library = opened(path, passphrase)
        secret = passphrase
        if path.exists() and not is_locked(path):
            secret = None
            if passphrase is not None and new is None:
                raise SealError(f"{path}: is not encrypted; seal voices lock encrypts it")
        yield library
        write(library, secret if new is None else new or None)


def write(library: Library, passphrase: str | None) -> None:
    """Write a library to its file, readable by its owner alone. The bytes that it replaces are
    overwritten."""
    voices = [_as_json(voice) for voice in library.voices]
    header: dict[str, Any] = {MARK: VERSION}
    if passphrase is None:
        data = _text(header | {"model": MODEL, "voices": voices})
    else:
        inner = _text(header | {"model": MODEL, "voices": voices})
        data = _text(header | {locked.KEY: locked.lock(inner, passphrase)})
    with _overwritten(library.path):
        write_bytes(data, library.path, mode=0o600)


@contextmanager
def _overwritten(path: Path) -> Iterator[None]:
    """Where the block replaces the file, put zeros over what was in it: to unlink it would leave
    the bytes on the disk. A file that has another name (a hard link) is left to that."""
    try:
        old = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        yield
        return
    try:
        yield
        state = os.fstat(old)
        if state.st_nlink == 0:
            with suppress(OSError):  # the new file is there; this is beyond what was promised
                os.pwrite(old, bytes(state.st_size), 0)
                os.fsync(old)
    finally:
        os.close(old)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing a library in the folder. A lock file would be a second
    file; the folder itself can be locked as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove(path: Path) -> bool:
    """Remove the library with all voices in it, and what a killed process left of it. False where
    there is none."""
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        return False
    with _alone(path.parent):
        sweep([path])
        if _bytes(path) is None:
            return False
        try:
            with _overwritten(path):
                path.unlink()
        except OSError as error:
            raise SealError(f"{path}: cannot be removed: {error.strerror}") from None
    return True


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SealError(f"{path}: cannot be written: {error.strerror}") from None


def _bytes(path: Path) -> bytes | None:
    """The file's content; None where there is none."""
    try:
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            raise SealError(f"{path}: is no voice library (too large)")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SealError(f"{path}: cannot be read: {error.strerror}") from None


def _parsed(data: bytes, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or type(content.get(MARK)) is not int:
        raise SealError(f"{path}: is no voice library; name another file with --library")
    if content[MARK] > VERSION:
        raise SealError(f"{path}: was written by a newer seal; use that")
    return content


def _voices(content: dict[str, Any], path: Path) -> list[Voice]:
    if content.get("model") != MODEL:
        raise SealError(
            f"{path}: its voices are of another model ({content.get('model')!r}), and cannot be "
            "compared; add them anew to another library"
        )
    voices = content.get("voices")
    if not isinstance(voices, list):
        raise SealError(f"{path}: is damaged: 'voices' must be a list")
    found = [_voice(each, f"{path}: voice {place}") for place, each in enumerate(voices, start=1)]
    if len({voice.name for voice in found}) < len(found):
        raise SealError(f"{path}: is damaged: two voices have one name")
    return found


def _voice(found: Any, place: str) -> Voice:
    try:
        name, samples = found["name"], [_sample(each) for each in found["samples"]]
        _check_name(name, "'name'")
    except (KeyError, TypeError, ValueError) as error:
        raise SealError(f"{place}: is damaged ({type(error).__name__}: {error})") from None
    if not samples:
        raise SealError(f"{place}: is damaged: it has no sample")
    return Voice(name, samples)


def _sample(found: dict[str, Any]) -> Sample:
    vector = np.frombuffer(base64.b64decode(found["vector"], validate=True), dtype="<f4")
    length = float(np.linalg.norm(vector)) if vector.shape == (SIZE,) else 0.0
    if not abs(length - 1) < 1e-3:
        raise ValueError(f"a vector is no {SIZE} numbers of length 1")
    seconds = found["seconds"]
    if type(seconds) not in (int, float) or not 0 < seconds < 1e6:
        raise ValueError("'seconds' is no number of seconds")
    return Sample(vector.astype(np.float32), float(seconds), str(found["added"]))


def _as_json(voice: Voice) -> dict[str, Any]:
    samples = [
        {
            "added": sample.added,
            "seconds": sample.seconds,
            "vector": base64.b64encode(sample.vector.astype("<f4").tobytes()).decode(),
        }
        for sample in voice.samples
    ]
    return {"name": voice.name, "samples": samples}


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not name.strip() or name != name.strip():
        raise SealError(f"{what}: a voice needs a name, without spaces around it")
    if len(name) > MAX_NAME or not name.isprintable():
        raise SealError(f"{what}: a name has at most {MAX_NAME} printable characters")


def _names(voices: list[Voice]) -> str:
    shown = ", ".join(voice.name for voice in voices[:5])
    more = f" and {len(voices) - 5} more" if len(voices) > 5 else ""
    return f"it knows {shown}{more}" if voices else "it is empty"

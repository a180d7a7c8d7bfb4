"""Packed reading: pieces of many texts in one pass of the network, without padding.

The tokens of all pieces stand in one row, so every linear map sees them at once and none in vain;
only attention keeps the texts apart. Each text has keys and values of its own, which can be cut
back. It plugs into transformers' attention interface, and so reads any causal model that uses it.
It knows tokens and logits, not words and speakers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from seal.errors import SealError

_ATTENTION = "seal_packed"


class Text:
    """What has been read of one text: its keys and values, layer by layer."""

    def __init__(self) -> None:
        self.length = 0
        """Tokens read and kept."""
        self._kept: dict[int, tuple[Any, Any]] = {}

    def keep(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        if length < self.length:
            for layer, (keys, values) in self._kept.items():
                self._kept[layer] = keys[:, :, :length], values[:, :, :length]
            self.length = length

    def extend(self, layer: int, keys: Any, values: Any) -> tuple[Any, Any]:
        """Add the keys and values [1, heads, new, width] of a layer, and return all of them."""
        import torch

        if layer in self._kept:
            before = self._kept[layer]
            keys, values = (
                torch.cat([old, new], dim=2)
                for old, new in zip(before, (keys, values), strict=True)
            )
        self._kept[layer] = keys, values
        return keys, values


@dataclass(frozen=True)
class Piece:
    """The next tokens of a text, and the logits that are wanted."""

    text: Text
    tokens: Sequence[int]
    at: Sequence[int]
    """Places, counted in `tokens`."""
    options: Sequence[Sequence[int]]
    """For each place, the K next tokens whose logits are wanted."""


def read(network: Any, pieces: Sequence[Piece]) -> list[Any]:
    """Read all `pieces` in one pass, each after what was read of its text.

    Returns for each piece the next-token logits of its options: float32 [len(at), K], on the CPU.
    Raises SealError for a network with an attention of its own.
    """
    import torch

    device = network.device
    tokens = [token for piece in pieces for token in piece.tokens]
    positions = [
        piece.text.length + place for piece in pieces for place in range(len(piece.tokens))
    ]
    decoder = network.get_decoder()
    with torch.inference_mode(), _attention(decoder):
        hidden = decoder(
            input_ids=torch.tensor([tokens], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
            pieces=pieces,
        ).last_hidden_state[0]
        output = network.get_output_embeddings()
        logits = []
        start = 0
        for piece in pieces:
            places = torch.tensor([start + place for place in piece.at], device=device)
            rows = output.weight[torch.tensor(piece.options, device=device)]
            logits.append(torch.einsum("nd,nkd->nk", hidden[places], rows).float().cpu())
            start += len(piece.tokens)
            piece.text.length += len(piece.tokens)
    return logits


@contextmanager
def _attention(decoder: Any) -> Iterator[None]:
    """Within it, a decoder's attention is the packed one."""
    from transformers import AttentionInterface

    if not decoder._supports_attention_backend:
        raise SealError(
            f"model: {type(decoder).__name__} has an attention of its own, which cannot read "
            "packed texts; decode with --decode algorithm1"
        )
    AttentionInterface.register(_ATTENTION, _attend)
    before = decoder.config._attn_implementation
    decoder.config._attn_implementation = _ATTENTION
    try:
        yield
    finally:
        decoder.config._attn_implementation = before


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    pieces: Sequence[Piece],
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Any, None]:
    """Causal attention of each piece to its own text; [1, heads, tokens, width] of all of them."""
    import torch

    answers = []
    start = 0
    for piece in pieces:
        span = slice(start, start + len(piece.tokens))
        start = span.stop
        keys, values = piece.text.extend(module.layer_idx, key[:, :, span], value[:, :, span])
        past, new = piece.text.length, len(piece.tokens)
        mask = None
        if past or (sliding_window and new > sliding_window):
            where = torch.arange(past, past + new, device=query.device)[:, None]
            there = torch.arange(past + new, device=query.device)[None]
            mask = there <= where
            if sliding_window:
                mask &= there > where - sliding_window
        groups = query.shape[1] // keys.shape[1]
        answers.append(
            torch.nn.functional.scaled_dot_product_attention(
                query[:, :, span],
                keys.repeat_interleave(groups, dim=1),
                values.repeat_interleave(groups, dim=1),
                attn_mask=mask,
                is_causal=mask is None,
                scale=scaling,
            )
        )
    return torch.cat(answers, dim=2).transpose(1, 2), None

"""Packed reading: pieces of many texts in one pass of the network, without padding.

The tokens of all pieces stand in one row, so every linear map sees them at once and none in vain;
only attention keeps the texts apart. Each text has keys and values of its own, which can be cut
back. It plugs into transformers' attention interface, and so reads any causal model that uses it.

How a text is cut into pieces changes nothing: a token's attention is computed with the same block
of neighbours, over the same length of keys, whoever else is in the pass, so that its sums are
always added up in the same order. (He et al., "Defeating nondeterminism in LLM inference", 2025,
on batch-invariant kernels.) This file knows tokens and logits, not words and speakers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seal.errors import SealError

_ATTENTION = "seal_packed"

BLOCK = {"cpu": 64, "cuda": 512}
"""Tokens whose keys are looked at together: token t looks at those of the blocks up to its own, and
the later ones are masked. Small ones mask little in vain, large ones are few calls."""

ROWS = 8
"""Tokens that look at once are whole groups of so many: a product takes other ways for fewer."""


class Text:
    """What has been read of one text: its keys and values, layer by layer."""

    def __init__(self) -> None:
        self.length = 0
        """Tokens read and kept."""
        self._kept: dict[int, tuple[Any, Any]] = {}

    def keep(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self.length = min(self.length, length)

    def extend(self, layer: int, keys: Any, values: Any) -> tuple[Any, Any]:
        """Add the keys and values [1, heads, new, width] of a layer, and return all of them, with
        room up to the end of the block. `length` does not change yet."""
        end = self.length + keys.shape[2]
        both = self._kept.get(layer)
        if both is None or both[0].shape[2] < end:
            block = _block(keys.device)
            room = -(-end // block) * block
            larger = tuple(
                new.new_zeros(1, new.shape[1], room, new.shape[3]) for new in (keys, values)
            )
            if both is not None:
                for new, old in zip(larger, both, strict=True):
                    new[:, :, : self.length] = old[:, :, : self.length]
            both = self._kept[layer] = (larger[0], larger[1])
        both[0][:, :, self.length : end] = keys
        both[1][:, :, self.length : end] = values
        return both


@dataclass(frozen=True)
class Piece:
    """The next tokens of a text, and the logits that are wanted."""

    text: Text
    tokens: Sequence[int]
    at: Sequence[int]
    """Places, counted in `tokens`."""
    options: Sequence[Sequence[int]] | None = None
    """For each place, the K next tokens whose logits are wanted; None is the whole vocabulary."""


def read(network: Any, pieces: Sequence[Piece]) -> list[Any]:
    """Read all `pieces` in one pass, each after what was read of its text.

    Returns for each piece the next-token logits of its options: float32 [len(at), K], on the CPU.
    A text may be in a pass once. Raises SealError for a network with an attention of its own.
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
            if piece.options is None:
                found = output(hidden[places])
            else:
                rows = output.weight[torch.tensor(piece.options, device=device)]
                found = torch.einsum("nd,nkd->nk", hidden[places], rows)
            logits.append(found.float().cpu())
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
            "packed texts; name another model"
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
    """Causal attention of each piece to its own text; [1, tokens, heads, width] of all of them."""
    import torch

    answer = torch.empty_like(query)
    size = _block(query.device)
    first = 0
    for piece in pieces:
        span = slice(first, first + len(piece.tokens))
        first = span.stop
        keys, values = piece.text.extend(module.layer_idx, key[:, :, span], value[:, :, span])
        past, end = piece.text.length, piece.text.length + len(piece.tokens)
        for block in range(past // size, (end - 1) // size + 1):
            start, stop = max(past, block * size), min(end, (block + 1) * size)
            here = slice(span.start + start - past, span.start + stop - past)
            answer[:, :, here] = _look(
                query[:, :, here],
                keys[:, :, : (block + 1) * size],
                values[:, :, : (block + 1) * size],
                start - block * size,
                scaling,
                sliding_window,
            )
    return answer.transpose(1, 2), None


def _look(
    query: Any, keys: Any, values: Any, start: int, scaling: float | None, window: int | None
) -> Any:
    """What the tokens of `query` find, [1, heads, n, width]; the first of them is number `start` of
    the last block of keys. Heads that share keys are one head of more tokens; tokens that fill a
    group of ROWS are zeros."""
    import torch

    _, heads, count, width = query.shape
    before = start % ROWS
    rows = -(-(before + count) // ROWS) * ROWS
    whole = torch.nn.functional.pad(query, (0, 0, before, rows - before - count))
    mask = _mask(keys.shape[2], _block(query.device), window, query.device)
    mask = mask[start - before : start - before + rows]
    shared = keys.shape[1]
    found = torch.nn.functional.scaled_dot_product_attention(
        whole.reshape(1, shared, heads // shared * rows, width),
        keys,
        values,
        attn_mask=mask.repeat(heads // shared, 1),
        scale=scaling,
    )
    return found.reshape(1, heads, rows, width)[:, :, before : before + count]


def _block(device: Any) -> int:
    return BLOCK.get(device.type, BLOCK["cuda"])


@lru_cache(maxsize=256)
def _mask(length: int, block: int, window: int | None, device: Any) -> Any:
    """What the last `block` of `length` tokens may look at: bool [block, length]."""
    import torch

    where = torch.arange(length - block, length, device=device)[:, None]
    there = torch.arange(length, device=device)[None]
    mask = there <= where
    return mask & (there > where - window) if window else mask

"""Packed reading: pieces of many texts in one pass of the network, without padding.

The tokens of all pieces stand in one row, so every linear map sees them at once and none in vain;
only attention keeps the texts apart. Each text has keys and values of its own, which can be cut
back. It plugs into transformers' attention interface, and so reads any causal model that uses it;
Llama's layers it goes through by itself (`llama.py`).

How a text is cut into pieces changes nothing: a token's attention is computed with the same block
of neighbours, over the same length of keys, whoever else is in the pass, so that its sums are
always added up in the same order. (He et al., "Defeating nondeterminism in LLM inference", 2025,
on batch-invariant kernels.) This file knows tokens and logits, not words and speakers.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from seal.errors import SealError
from seal.llm import llama

_ATTENTION = "seal_packed"

_OWN = ("attn_logit_softcapping", "final_logit_softcapping", "logits_scaling", "logit_scale")
"""What transformers' configurations call steps that are left out here."""

BLOCK = {"cpu": 64, "cuda": 512}
"""Tokens whose keys are looked at together: token t looks at those of the blocks up to its own, and
the later ones are masked. Small ones mask little in vain, large ones are few calls."""

ROWS = 8
"""Tokens that look at once are whole groups of so many: a product takes other ways for fewer."""

WORTH_A_THREAD = 64
"""Tokens for which a thread goes through the layers alone: each has to fetch all weights."""

UNEVEN = 1.1
"""How much more than its part a thread may have to read: else all go together."""


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
        """Add the keys and values [new, heads, width] of a layer, and return all of them, each
        [1, heads, room, width], with room up to the end of the block. `length` does not change
        yet."""
        end = self.length + len(keys)
        both = self._kept.get(layer)
        if both is None or both[0].shape[2] < end:
            block = _block(keys.device)
            room = -(-end // block) * block
            larger = tuple(
                new.new_zeros(1, new.shape[1], room, new.shape[2]) for new in (keys, values)
            )
            if both is not None:
                for new, old in zip(larger, both, strict=True):
                    new[:, :, : self.length] = old[:, :, : self.length]
            both = self._kept[layer] = (larger[0], larger[1])
        both[0][0, :, self.length : end] = keys.transpose(0, 1)
        both[1][0, :, self.length : end] = values.transpose(0, 1)
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
    A text may be in a pass once. Where there is enough for each of torch's threads, they share the
    pieces out and go through the layers alone, without waiting for each other at every step.
    Raises SealError for a network with an attention of its own.
    """
    import torch

    decoder = network.get_decoder()
    threads = torch.get_num_threads() if network.device.type == "cpu" else 1
    tokens = sum(len(piece.tokens) for piece in pieces)
    with nullcontext() if llama.are_llama(decoder) else _attention(decoder):
        shares = _share_out([len(piece.tokens) for piece in pieces], threads)
        most = max(sum(len(pieces[place].tokens) for place in share) for share in shares)
        fair = tokens / threads
        if threads == 1 or fair < WORTH_A_THREAD or most > UNEVEN * fair:
            return _read(network, pieces)
        answers: dict[int, Any] = {}
        found = _pool(threads).map(
            lambda share: _read(network, [pieces[place] for place in share]), shares
        )
        for share, logits in zip(shares, found, strict=True):
            answers.update(zip(share, logits, strict=True))
        return [answers[place] for place in range(len(pieces))]


def _read(network: Any, pieces: Sequence[Piece]) -> list[Any]:
    import torch

    device = network.device
    tokens: list[int] = []
    positions: list[int] = []
    places: list[int] = []
    for piece in pieces:
        places += [len(tokens) + place for place in piece.at]
        tokens += piece.tokens
        positions += range(piece.text.length, piece.text.length + len(piece.tokens))
    row, where, wanted = (
        torch.tensor(each, dtype=torch.long, device=device) for each in (tokens, positions, places)
    )
    decoder = network.get_decoder()
    with torch.inference_mode():
        if llama.are_llama(decoder):
            hidden = llama.run(decoder, row, where, wanted, partial(attend, pieces))
        else:
            found = decoder(
                input_ids=row[None], position_ids=where[None], use_cache=False, pieces=pieces
            )
            hidden = found.last_hidden_state[0, wanted]
        output = network.get_output_embeddings()
        logits = []
        for piece in pieces:
            mine, hidden = hidden[: len(piece.at)], hidden[len(piece.at) :]
            if piece.options is None:
                answer = output(mine)
            else:
                rows = output.weight[torch.tensor(piece.options, device=device)]
                answer = torch.einsum("nd,nkd->nk", mine, rows)
            logits.append(answer.float().cpu())
            piece.text.length += len(piece.tokens)
    return logits


def _share_out(lengths: Sequence[int], count: int) -> list[list[int]]:
    """The places of `lengths` in `count` shares at most, of about equal sums; none is empty."""
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        least = loads.index(min(loads))
        shares[least].append(place)
        loads[least] += lengths[place]
    return [share for share in shares if share]


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that have one of torch's threads each."""
    import torch

    def have_one() -> None:
        torch.get_num_threads()  # a thread's first look takes everybody's number: before, not after
        torch.set_num_threads(1)

    pool = ThreadPoolExecutor(threads, initializer=have_one)
    all_begun = threading.Barrier(threads)
    list(pool.map(lambda _: all_begun.wait(), range(threads)))
    torch.set_num_threads(threads)  # else threads to come would have one, too
    return pool


def check_readable(decoder: Any) -> None:
    """Raise SealError for a decoder that cannot be read packed, or only wrongly: its attention, or
    what becomes of its logits, is its own."""
    if not decoder._supports_attention_backend:
        raise SealError(
            f"{type(decoder).__name__} has an attention of its own, which cannot read "
            "packed texts; name another model"
        )
    for name in _OWN:
        if getattr(decoder.config, name, None) not in (None, 1.0):
            raise SealError(
                f"{type(decoder).__name__} has a step of its own ({name}), which is not "
                "known here; name another model"
            )


@contextmanager
def _attention(decoder: Any) -> Iterator[None]:
    """Within it, a decoder's attention is the packed one."""
    from transformers import AttentionInterface

    check_readable(decoder)
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
    s_aux: Any = None,
    **others: Any,
) -> tuple[Any, None]:
    """`attend` as transformers calls it: [1, heads, tokens, width] in, [1, tokens, heads, width]
    out."""
    if s_aux is not None:
        raise SealError("model: its attention has sinks, which are not known here; name another")
    queries, keys, values = (part[0].transpose(0, 1) for part in (query, key, value))
    found = attend(pieces, module.layer_idx, queries, keys, values, scaling, sliding_window)
    return found[None], None


def attend(
    pieces: Sequence[Piece],
    layer: int,
    queries: Any,
    keys: Any,
    values: Any,
    scaling: float | None = None,
    window: int | None = None,
) -> Any:
    """Causal attention of each piece to its own text. `queries` [N, heads, width] of the tokens of
    all pieces, `keys` and `values` [N, shared, width]: heads that share keys are one head of more
    rows. Returns [N, heads, width]."""
    import torch

    _, heads, width = queries.shape
    shared = keys.shape[1]
    group = heads // shared
    size = _block(queries.device)
    answer = torch.empty_like(queries, memory_format=torch.contiguous_format)
    first = 0
    for piece in pieces:
        span = slice(first, first + len(piece.tokens))
        first = span.stop
        kept_keys, kept_values = piece.text.extend(layer, keys[span], values[span])
        past, end = piece.text.length, piece.text.length + len(piece.tokens)
        start, stop = past // ROWS * ROWS, -(-end // ROWS) * ROWS
        inside = slice(past - start, end - start)
        asked = queries.new_zeros(shared, stop - start, group, width)
        asked[:, inside] = queries[span].view(-1, shared, group, width).transpose(0, 1)
        asked = asked.view(1, shared, -1, width)
        found = torch.empty_like(asked)
        for block in range(past // size, (end - 1) // size + 1):
            low, high = max(start, block * size), min(stop, (block + 1) * size)
            rows = slice((low - start) * group, (high - start) * group)
            mask = _mask(block, size, group, window, asked.dtype, asked.device)
            found[:, :, rows] = torch.nn.functional.scaled_dot_product_attention(
                asked[:, :, rows],
                kept_keys[:, :, : (block + 1) * size],
                kept_values[:, :, : (block + 1) * size],
                attn_mask=mask[(low - block * size) * group : (high - block * size) * group],
                scale=scaling,
            )
        seen = found.view(shared, stop - start, group, width)[:, inside]
        answer[span].view(-1, shared, group, width).copy_(seen.transpose(0, 1))
    return answer


def _block(device: Any) -> int:
    return BLOCK.get(device.type, BLOCK["cuda"])


@lru_cache(maxsize=256)
def _mask(block: int, size: int, group: int, window: int | None, dtype: Any, device: Any) -> Any:
    """What the tokens of block number `block` may look at, each in `group` rows one after the
    other: 0 or minus infinity, [size * group, keys]."""
    import torch

    length = (block + 1) * size
    where = torch.arange(length - size, length, device=device)[:, None]
    there = torch.arange(length, device=device)[None]
    hidden = there > where
    if window:
        hidden |= there <= where - window
    mask = torch.zeros(hidden.shape, dtype=dtype, device=device)
    return mask.masked_fill(hidden, float("-inf")).repeat_interleave(group, dim=0)

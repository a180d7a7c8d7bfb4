"""Packed reading: pieces of many texts in one pass of the network, without padding.

The tokens of all pieces stand in one row, so every linear map sees them at once and none in vain;
only attention keeps the texts apart. Each text has a KV cache of its own, which can be truncated.
Any causal model is read with this attention in its own's place (`own_attention.py`); Llama's layers
are gone through here (`llama.py`).

How a text is cut into pieces changes nothing: a token's attention is computed with the same block
of neighbours, over the same length of keys, whoever else is in the pass, so that its sums are
always added up in the same order. (He et al., "Defeating nondeterminism in LLM inference", 2025,
on batch-invariant kernels.) This file knows tokens and logits, not words and speakers.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from seal.llm import llama
from seal.llm.own_attention import check_readable, own_attention

BLOCK_TOKENS = {"cpu": 64, "cuda": 512}
"""Tokens in a block, by device. Token t attends to the keys of all blocks up to its own, the later
ones masked. Small blocks mask little in vain, large ones take few calls."""

QUERY_ROWS = 8
"""Queries are padded to a multiple of this: with fewer rows, kernels sum in another order."""

MIN_TOKENS_PER_THREAD = 64
"""Below this, one thread per share of the texts does not pay: each thread reads all weights."""

MAX_IMBALANCE = 1.1
"""Split a pass over threads only if the largest share is at most this many times the mean."""


class KVCache:
    """Keys and values of one text, layer by layer."""

    def __init__(self) -> None:
        self.length = 0
        """Tokens in the cache."""
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def truncate(self, length: int) -> None:
        """Drop all but the first `length` tokens."""
        self.length = min(self.length, length)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values [new, heads, width] of one layer.

        Returns all of that layer's, each [1, heads, capacity, width]; the capacity is a whole
        number of blocks. `length` does not change: the reader raises it after the last layer.
        """
        end = self.length + len(keys)
        both = self._layers.get(layer)
        if both is None or both[0].shape[2] < end:
            block = _block_tokens(keys.device)
            capacity = -(-end // block) * block
            larger = tuple(
                new.new_zeros(1, new.shape[1], capacity, new.shape[2]) for new in (keys, values)
            )
            if both is not None:
                for new, old in zip(larger, both, strict=True):
                    new[:, :, : self.length] = old[:, :, : self.length]
            both = self._layers[layer] = (larger[0], larger[1])
        both[0][0, :, self.length : end] = keys.transpose(0, 1)
        both[1][0, :, self.length : end] = values.transpose(0, 1)
        return both


@dataclass(frozen=True)
class Piece:
    """The next tokens of a text, and the logits that are wanted."""

    cache: KVCache
    """What was read of the text so far."""
    tokens: Sequence[int]
    logit_indices: Sequence[int]
    """The tokens, by index in `tokens`, after which next-token logits are wanted."""
    allowed_tokens: Sequence[Sequence[int]] | None = None
    """For each of those, the K next tokens whose logits are wanted; None is the vocabulary."""


def read(network: Any, pieces: Sequence[Piece]) -> list[Tensor]:
    """Read all `pieces` in one pass of the network, each after what its cache holds.

    Returns for each piece the next-token logits: float32 [len(logit_indices), K], on the CPU, K
    being the number of allowed tokens or the size of the vocabulary. A cache may be in a pass once.
    Where there is enough for each of torch's threads, they share the pieces out and go through the
    layers alone, without waiting for each other at every step. Raises SealError for a network with
    an attention of its own.
    """
    decoder = network.get_decoder()
    threads = torch.get_num_threads() if network.device.type == "cpu" else 1
    lengths = [len(piece.tokens) for piece in pieces]
    known = llama.is_llama(decoder)
    if not known:
        check_readable(decoder)
    with nullcontext() if known else own_attention(decoder):
        shares = _balance(lengths, threads)
        largest = max(sum(lengths[index] for index in share) for share in shares)
        mean = sum(lengths) / threads
        if threads == 1 or mean < MIN_TOKENS_PER_THREAD or largest > MAX_IMBALANCE * mean:
            return _read(network, pieces)
        answers: dict[int, Tensor] = {}
        results = _pool(threads).map(
            lambda share: _read(network, [pieces[index] for index in share]), shares
        )
        for share, logits in zip(shares, results, strict=True):
            answers.update(zip(share, logits, strict=True))
        return [answers[index] for index in range(len(pieces))]


def _read(network: Any, pieces: Sequence[Piece]) -> list[Tensor]:
    device = network.device
    all_tokens: list[int] = []
    all_positions: list[int] = []
    all_indices: list[int] = []
    for piece in pieces:
        all_indices += [len(all_tokens) + index for index in piece.logit_indices]
        all_tokens += piece.tokens
        all_positions += range(piece.cache.length, piece.cache.length + len(piece.tokens))
    tokens, positions, logit_indices = (
        torch.tensor(each, dtype=torch.long, device=device)
        for each in (all_tokens, all_positions, all_indices)
    )
    decoder = network.get_decoder()
    attention = partial(attend, pieces)
    with torch.inference_mode():
        if llama.is_llama(decoder):
            hidden = llama.forward(decoder, tokens, positions, logit_indices, attention)
        else:
            output = decoder(
                input_ids=tokens[None],
                position_ids=positions[None],
                use_cache=False,
                attend=attention,
            )
            hidden = output.last_hidden_state[0, logit_indices]
        head = network.get_output_embeddings()
        logits = []
        for piece in pieces:
            count = len(piece.logit_indices)
            states, hidden = hidden[:count], hidden[count:]
            if piece.allowed_tokens is None:
                answer = head(states)
            else:
                rows = head.weight[torch.tensor(piece.allowed_tokens, device=device)]
                answer = torch.einsum("nd,nkd->nk", states, rows)
            logits.append(answer.float().cpu())
            piece.cache.length += len(piece.tokens)
    return logits


def _balance(lengths: Sequence[int], count: int) -> list[list[int]]:
    """Deal the indices of `lengths` out into at most `count` shares of about equal sums.

    No share is empty.
    """
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        least = loads.index(min(loads))
        shares[least].append(index)
        loads[least] += lengths[index]
    return [share for share in shares if share]


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Start as many threads, each of which has one of torch's threads."""

    def use_one() -> None:
        torch.get_num_threads()  # a thread's first look takes the common number: before, not after
        torch.set_num_threads(1)

    pool = ThreadPoolExecutor(threads, initializer=use_one)
    all_begun = threading.Barrier(threads)
    list(pool.map(lambda _: all_begun.wait(), range(threads)))
    torch.set_num_threads(threads)  # or threads started later would use one as well
    return pool


def attend(
    pieces: Sequence[Piece],
    layer: int,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    scaling: float | None = None,
    window: int | None = None,
) -> Tensor:
    """Compute causal attention of each piece to its own text: [N, heads, width].

    `queries` [N, heads, width] are of the N tokens of all pieces, `keys` and `values`
    [N, shared, width]: heads that share keys are computed as one head of more rows. `window` is
    that of sliding-window attention, in tokens.
    """
    _, heads, width = queries.shape
    shared = keys.shape[1]
    group = heads // shared
    size = _block_tokens(queries.device)
    answer = torch.empty_like(queries, memory_format=torch.contiguous_format)
    first = 0
    for piece in pieces:
        span = slice(first, first + len(piece.tokens))
        first = span.stop
        all_keys, all_values = piece.cache.extend(layer, keys[span], values[span])
        past, end = piece.cache.length, piece.cache.length + len(piece.tokens)
        start, stop = past // QUERY_ROWS * QUERY_ROWS, -(-end // QUERY_ROWS) * QUERY_ROWS
        inside = slice(past - start, end - start)
        padded = queries.new_zeros(shared, stop - start, group, width)
        padded[:, inside] = queries[span].view(-1, shared, group, width).transpose(0, 1)
        padded = padded.view(1, shared, -1, width)
        output = torch.empty_like(padded)
        for block in range(past // size, (end - 1) // size + 1):
            low, high = max(start, block * size), min(stop, (block + 1) * size)
            rows = slice((low - start) * group, (high - start) * group)
            mask = _mask(block, size, group, window, padded.dtype, padded.device)
            output[:, :, rows] = scaled_dot_product_attention(
                padded[:, :, rows],
                all_keys[:, :, : (block + 1) * size],
                all_values[:, :, : (block + 1) * size],
                attn_mask=mask[(low - block * size) * group : (high - block * size) * group],
                scale=scaling,
            )
        unpadded = output.view(shared, stop - start, group, width)[:, inside]
        answer[span].view(-1, shared, group, width).copy_(unpadded.transpose(0, 1))
    return answer


def _block_tokens(device: torch.device) -> int:
    return BLOCK_TOKENS.get(device.type, BLOCK_TOKENS["cuda"])


@lru_cache(maxsize=256)
def _mask(
    block: int,
    size: int,
    group: int,
    window: int | None,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return what the tokens of a block may attend to: 0 or minus infinity, [size * group, keys].

    `block` is its index; each token has `group` rows, one after the other.
    """
    length = (block + 1) * size
    queries = torch.arange(length - size, length, device=device)[:, None]
    keys = torch.arange(length, device=device)[None]
    hidden = keys > queries
    if window:
        hidden |= keys <= queries - window
    mask = torch.zeros(hidden.shape, dtype=dtype, device=device)
    return mask.masked_fill(hidden, float("-inf")).repeat_interleave(group, dim=0)

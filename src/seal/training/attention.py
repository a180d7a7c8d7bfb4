"""Attention within the documents of a packed row: each token looks at its own text alone.

On the CPU each document is computed by itself. On a GPU that would be too many small kernels:
there the documents go through one kernel of variable lengths, or, where torch has none that works,
through one causal pass of padded copies. Every way is compared with the first before it is used.
It knows tensors, not what they mean.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

TOLERANCE = 0.05
"""Largest difference that bfloat16 may make, of a number of about 1 or as a share of a larger."""


ROUNDED = 32
"""Documents are computed in so many tokens, or a multiple, on a CPU in bfloat16."""


LARGEST = 80.0
"""A product of query and key is no larger; e to it, and to less it, is still a number."""


@dataclass(frozen=True)
class Documents:
    """Where the documents of a row of N tokens lie."""

    lengths: list[int]
    """Tokens of each of the D documents."""
    bounds: Tensor
    """int32 [D + 1]: where each begins, and N."""
    padded: Tensor
    """long [N]: each token's place in D rows of `longest`."""
    longest: int


Attention = Callable[[Tensor, Tensor, Tensor, Documents, float], Tensor]
"""Queries [N, heads, width], keys and values [N, shared heads, width], the documents, and the scale
of the products, to [N, heads, width]."""


def _each(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    where: Documents,
    causal: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> Tensor:
    """`causal` of each document, of [1, heads, n, width] each."""
    group = queries.shape[1] // keys.shape[1]
    keys, values = (part.repeat_interleave(group, dim=1) for part in (keys, values))
    parts = [part.transpose(0, 1)[None].split(where.lengths, 2) for part in (queries, keys, values)]
    answers = [causal(*one) for one in zip(*parts, strict=True)]
    return torch.cat(answers, 2)[0].transpose(0, 1)


def apart(queries: Tensor, keys: Tensor, values: Tensor, where: Documents, scale: float) -> Tensor:
    """Each document by itself."""

    def causal(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)

    return _each(queries, keys, values, where, causal)


def padded(queries: Tensor, keys: Tensor, values: Tensor, where: Documents, scale: float) -> Tensor:
    """All documents in one causal pass, each padded at its end to the longest."""
    group = queries.shape[1] // keys.shape[1]
    keys, values = (part.repeat_interleave(group, dim=1) for part in (keys, values))
    count = len(where.lengths)
    rows = []
    for part in (queries, keys, values):
        empty = part.new_zeros(count * where.longest, *part.shape[1:])
        filled = empty.index_copy(0, where.padded, part)
        rows.append(filled.view(count, where.longest, *part.shape[1:]).transpose(1, 2))
    query, key, value = rows
    answer = scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
    return answer.transpose(1, 2).reshape(count * where.longest, *queries.shape[1:])[where.padded]


def varlen(queries: Tensor, keys: Tensor, values: Tensor, where: Documents, scale: float) -> Tensor:
    """All documents in torch's own kernel of variable lengths (CUDA, bfloat16)."""
    from torch.nn.attention.varlen import varlen_attn

    group = queries.shape[1] // keys.shape[1]
    keys, values = (part.repeat_interleave(group, dim=1) for part in (keys, values))
    known = inspect.signature(varlen_attn).parameters
    options: dict[str, Any] = {"is_causal": True}
    if "window_size" in known:
        options = {"window_size": (-1, 0)}
    if "scale" in known:
        options["scale"] = scale
    else:  # it divides by the root of the width
        queries = queries * (scale * queries.shape[2] ** 0.5)
    bounds, longest = where.bounds, where.longest
    answer: Tensor = varlen_attn(  # type: ignore[assignment]
        queries, keys, values, bounds, bounds, longest, longest, **options
    )
    return answer


class _Quick(torch.autograd.Function):
    """Causal attention of documents on a CPU, in products of matrices in bfloat16, for which such a
    CPU has instructions. Queries that share keys are rows of one product: [shared, group x n]."""

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, keys: Tensor, values: Tensor, lengths: list[int], scale: float
    ) -> Tensor:
        shared = keys.shape[1]
        weighed, _ = _compiled()
        answer = torch.empty_like(queries)
        saved = []
        for place, count in _places(lengths):
            query, key, value = (
                _document(part, shared, place, count) for part in (queries, keys, values)
            )
            size = key.shape[1]
            products = (query @ key.transpose(1, 2)).view(shared, -1, size, size)
            weights, sums = (
                part.flatten(1, 2) for part in weighed(products, _earlier(size), scale)
            )
            _return(answer, (weights @ value) / sums, place, count)
            saved += [query, key, value, weights, sums]
        ctx.save_for_backward(*saved)
        ctx.lengths, ctx.scale = lengths, scale
        return answer

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        saved = ctx.saved_tensors
        shared, width = saved[1].shape[0], saved[1].shape[-1]
        wanted = given[0]
        _, way_back = _compiled()
        gradients = [
            wanted.new_empty(len(wanted), heads, width)
            for heads in (wanted.shape[1], shared, shared)
        ]
        for number, (place, count) in enumerate(_places(ctx.lengths)):
            query, key, value, weights, sums = saved[5 * number : 5 * number + 5]
            given_here = _document(wanted, shared, place, count) / sums
            changes = way_back(weights, given_here @ value.transpose(1, 2), sums, ctx.scale)
            back = (
                changes @ key,
                changes.transpose(1, 2) @ query,
                weights.transpose(1, 2) @ given_here,
            )
            for whole, part in zip(gradients, back, strict=True):
                _return(whole, part, place, count)
        return gradients[0], gradients[1], gradients[2], None, None


def _places(lengths: list[int]) -> Iterator[tuple[int, int]]:
    """Where each document begins, and its tokens."""
    place = 0
    for count in lengths:
        yield place, count
        place += count


def _document(whole: Tensor, shared: int, place: int, count: int) -> Tensor:
    """[shared, group x n, width] of a document in [N, heads, width]; n is rounded up, and what
    fills up is nought: every new size of a product costs time and memory that stay."""
    heads, width = whole.shape[1:]
    size = -(-count // ROUNDED) * ROUNDED
    part = whole.new_empty(heads, size, width)
    part[:, count:] = 0
    part[:, :count] = whole[place : place + count].transpose(0, 1)
    return part.view(shared, -1, width)


def _return(whole: Tensor, part: Tensor, place: int, count: int) -> None:
    """Write what is of the shape of `_document` to its place."""
    heads, width = whole.shape[1:]
    whole[place : place + count] = part.view(heads, -1, width)[:, :count].transpose(0, 1)


def _weighed(products: Tensor, earlier: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Attention's weights of products [shared, group, n, n] of queries and keys, not yet divided by
    their sums [shared, group, n, 1], and these."""
    weights = (products.float() * scale).clamp(-LARGEST, LARGEST).exp() * earlier
    return weights.to(products.dtype), weights.sum(-1, keepdim=True).to(products.dtype)


def _changes(weights: Tensor, gained: Tensor, sums: Tensor, scale: float) -> Tensor:
    """The gradient of the products, from the weights and theirs (Dao et al., 2022); `gained` is
    divided by the sums."""
    larger, gained = weights.float(), gained.float()
    common = (larger * gained).sum(-1, keepdim=True) / sums.float()
    return (larger * (gained - common) * scale).to(weights.dtype)


@lru_cache(maxsize=1)
def _compiled() -> tuple[Any, Any]:
    return torch.compile(_weighed, dynamic=True), torch.compile(_changes, dynamic=True)


@lru_cache(maxsize=64)
def _earlier(count: int) -> Tensor:
    """[n, n]: one where the second token is not after the first, and may be looked at."""
    return torch.ones(count, count).tril()


def quick(queries: Tensor, keys: Tensor, values: Tensor, where: Documents, scale: float) -> Tensor:
    """Each document by itself, on a CPU that multiplies matrices in bfloat16."""
    answer: Tensor = _Quick.apply(queries, keys, values, where.lengths, scale)
    return answer


def choose(device: str, dtype: torch.dtype, heads: int, shared: int, width: int) -> Attention:
    """The fastest way that works on the device, for such heads."""
    ways: tuple[Attention, ...] = (varlen, padded)
    if device == "cpu":
        ways = (quick,) if dtype == torch.bfloat16 else ()
    for way in ways:
        try:
            if agrees(way, device, dtype, heads, shared, width):
                return way
        except Exception:
            continue  # whatever this torch or this GPU lacks: there is another way
    return apart


def agrees(
    way: Attention, device: str, dtype: torch.dtype, heads: int, shared: int, width: int
) -> bool:
    """Does `way` give what `apart` gives, and the same gradients?"""
    lengths = [3, 70, 1, 300]
    where = documents(lengths, device)
    generator = torch.Generator().manual_seed(0)
    drawn = [
        torch.randn(sum(lengths), count, width, generator=generator).to(device, dtype)
        for count in (heads, shared, shared, heads)
    ]
    answers = []
    for tried in (way, apart):
        query, key, value = inputs = [part.clone().requires_grad_() for part in drawn[:3]]
        answer = tried(query, key, value, where, width**-0.5)
        (answer * drawn[3]).sum().backward()
        answers.append([answer.detach(), *(part.grad for part in inputs)])
    return all(
        one is not None
        and other is not None
        and bool(((one - other).abs() <= TOLERANCE * (1 + other.abs())).all())
        for one, other in zip(*answers, strict=True)
    )


def documents(lengths: list[int], device: str) -> Documents:
    """The documents of these lengths, one after the other."""
    longest = max(lengths)
    counts = torch.tensor(lengths)
    bounds = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    numbers = torch.arange(len(lengths)).repeat_interleave(counts)
    places = torch.arange(int(bounds[-1])) - bounds[numbers] + numbers * longest
    blocking = not device.startswith("cuda")
    if not blocking:
        bounds, places = bounds.pin_memory(), places.pin_memory()
    return Documents(
        lengths,
        bounds.int().to(device) if blocking else bounds.to(device, non_blocking=True).int(),
        places.to(device, non_blocking=not blocking),
        longest,
    )

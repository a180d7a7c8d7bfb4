"""Attention within the documents of a packed row: each token looks at its own text alone.

On the CPU each document is computed by itself. On a GPU that would be too many small kernels:
there the documents go through one kernel of variable lengths, or, where torch has none that works,
through one causal pass of padded copies. Every way is compared with the first before it is used.
It knows tensors, not what they mean.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

TOLERANCE = 0.05
"""Largest difference that bfloat16 may make, of a number of about 1 or as a share of a larger."""


ROUNDED = 32
"""Documents are computed in so many tokens, or a multiple, on a CPU in bfloat16."""


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
    """Causal attention of [1, heads, n, width] on a CPU, in bfloat16, with a way back in products
    of matrices, for which such a CPU has instructions: torch's own is slower."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        answer, sums = flash(query, key, value, 0.0, True, scale=scale)
        ctx.save_for_backward(query, key, value, answer, sums)
        ctx.scale = scale
        return answer

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, answer, sums = (part[0] for part in ctx.saved_tensors)
        wanted = given[0][0]
        shared = (wanted.float() * answer.float()).sum(2, keepdim=True)
        likely, changes = _way_back()(
            query @ key.transpose(1, 2),
            wanted @ value.transpose(1, 2),
            sums.float()[:, :, None],
            shared,
            _later(query.shape[1]),
            ctx.scale,
        )
        return (
            (changes @ key)[None],
            (changes.transpose(1, 2) @ query)[None],
            (likely.transpose(1, 2) @ wanted)[None],
            None,
        )


def _weights(
    products: Tensor, wanted: Tensor, sums: Tensor, shared: Tensor, later: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention's weights [heads, n, n] and the gradient of the products of queries and keys, from
    these products, the weights' gradient, the logarithms of the sums [heads, n, 1] and what each
    row's gradients have in common (Dao et al., 2022)."""
    likely = torch.exp(products.float() * scale - sums).masked_fill(later, 0.0)
    changes = likely * (wanted.float() - shared) * scale
    return likely.to(products.dtype), changes.to(products.dtype)


@lru_cache(maxsize=1)
def _way_back() -> Any:
    return torch.compile(_weights, dynamic=True)


@lru_cache(maxsize=64)
def _later(count: int) -> Tensor:
    """[n, n]: which tokens come after which, and are not looked at."""
    return torch.ones(count, count, dtype=torch.bool).triu(1)


def quick(queries: Tensor, keys: Tensor, values: Tensor, where: Documents, scale: float) -> Tensor:
    """Each document by itself, on a CPU that multiplies matrices in bfloat16.

    Lengths are rounded up: every new size of a product costs time and memory that stay.
    """

    def causal(*one: Tensor) -> Tensor:
        count = one[0].shape[2]
        longer = [pad(part, (0, 0, 0, -count % ROUNDED)) for part in one]
        return _Quick.apply(*longer, scale)[:, :, :count]

    return _each(queries, keys, values, where, causal)


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

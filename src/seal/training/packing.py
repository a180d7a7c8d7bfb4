"""The loss of a pack: chunks in one row of tokens, read in one pass of the network.

Positions begin again at each chunk, and attention keeps them apart (`attention.py`). Logits are
computed where a label stands alone, and of those tokens alone that it may be. It knows a network's
layers, and nothing of how chunks are drawn.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seal.errors import SealError
from seal.llm.llama import is_llama
from seal.llm.own_attention import own_attention
from seal.training.arrays import Pack
from seal.training.attention import Attention, Documents, documents
from seal.training.lora import Map, mapped, parts

ROUNDED = 256
"""The states that are wanted of a pack are so many, or a multiple."""

UNSAID = -100
"""In the place of a token where none follows."""


def loss(
    network: Any,
    row: Pack,
    attention: Attention,
    dtype: torch.dtype,
    spoken: float = 0.0,
    compiled: bool = False,
) -> Tensor:
    """Sum of the labels' cross-entropy (nats) over a pack; nothing waits for the device.

    Products are computed in `dtype`. With the weight `spoken`, the mean surprise at the words' own
    tokens joins each label's. The layers of a Llama may be `compiled`, for packs of one size.
    """
    device = str(network.device)
    slots, options, targets = (_on(part, device) for part in (row.slots, row.options, row.targets))
    wanted, spoken = _rounded(slots, 0), spoken if row.said.size else 0.0
    labels = len(wanted)
    if spoken:
        wanted = torch.cat([wanted, _rounded(_on(row.said[0], device), 0)])
    head = network.get_output_embeddings()
    mixed = torch.autocast(device.split(":")[0], torch.bfloat16, dtype == torch.bfloat16)
    with mixed:
        hidden = hidden_states(network, row, attention, wanted, dtype, compiled)
    absent = options < 0
    rows = functional.embedding(options.clamp(min=0), head.weight)
    logits = (hidden[: len(row.slots), None].float() * rows.float()).sum(2)
    if getattr(head, "bias", None) is not None:
        logits = logits + head.bias[options.clamp(min=0)]
    total = -(targets * logits.masked_fill(absent, -1e9).log_softmax(dim=1)).sum()
    if spoken:
        with mixed:
            following = head(hidden[labels:].to(head.weight.dtype))
        said = _rounded(_on(row.said[1], device), UNSAID)
        surprise = functional.cross_entropy(following.float(), said, ignore_index=UNSAID)
        total = total + spoken * surprise * len(row.slots)
    return total


def hidden_states(
    network: Any,
    row: Pack,
    attention: Attention,
    wanted: Tensor,
    dtype: torch.dtype,
    compiled: bool = False,
) -> Tensor:
    """The last hidden states [len(wanted), hidden] after the tokens `wanted` of a pack."""
    device = str(network.device)
    where = documents(row.lengths, device)
    tokens = _on(row.tokens, device)
    positions = _on(np.concatenate([np.arange(length) for length in row.lengths]), device)
    decoder = network.get_decoder()
    if is_llama(decoder):
        return _llama(decoder, tokens, positions, wanted, attention, where, dtype, compiled)
    return _any_network(decoder, tokens, positions, attention, where)[wanted]


def _rounded(indices: Tensor, filling: int) -> Tensor:
    """Indices with so many more that their number is round: every new size of a product costs time
    and memory that stay."""
    return functional.pad(indices, (0, -len(indices) % ROUNDED), value=filling)


def _on(part: np.ndarray, device: str) -> Tensor:
    """The array on the device, whole numbers as indices; it may still be on its way."""
    tensor = torch.from_numpy(np.ascontiguousarray(part))
    if tensor.dtype != torch.float32:
        tensor = tensor.long()
    if device.startswith("cuda"):
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _llama(
    decoder: Any,
    tokens: Tensor,
    positions: Tensor,
    wanted: Tensor,
    attention: Attention,
    where: Documents,
    dtype: torch.dtype,
    compiled: bool,
) -> Tensor:
    """Llama's layers (as in `llm/llama.py`), with gradients: sums and norms in float32, products
    in `dtype`. Of the last layer only what is `wanted` goes on behind attention."""
    states = decoder.embed_tokens(tokens).float()
    count, width = len(tokens), decoder.layers[0].self_attn.head_dim
    cosine, sine = (
        part[0].to(dtype)[:, None]
        for part in decoder.rotary_emb(states[None], position_ids=positions[None])
    )
    before, after, given = _compiled() if compiled else (_before, _after, lambda module, _: module)
    last = len(decoder.layers) - 1
    # What is compiled sees its products' own types, and no autocast.
    with torch.autocast(states.device.type, enabled=False) if compiled else nullcontext():
        for number, layer in enumerate(decoder.layers):
            own, mlp = layer.self_attn, layer.mlp
            normed = (layer.input_layernorm.weight, layer.input_layernorm.variance_epsilon)
            maps = [given(module, dtype) for module in (own.q_proj, own.k_proj, own.v_proj)]
            queries, keys, values = before(states, normed, maps, cosine, sine, width)
            attended = attention(queries, keys, values, where, own.scaling).reshape(count, -1)
            if number == last:
                states, attended, after = states[wanted], attended[wanted], _after
            behind = layer.post_attention_layernorm
            later = (own.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)
            maps = [given(module, dtype) for module in later]
            states = after(states, attended, (behind.weight, behind.variance_epsilon), maps)
    final = (decoder.norm.weight, decoder.norm.variance_epsilon)
    return _rms_norm(states, final, torch.float32)


Norm = tuple[Tensor, float]
"""The weights [hidden] of a norm, and what keeps it from dividing by nought."""


def _before(
    states: Tensor, norm: Norm, maps: Sequence[Map], cosine: Tensor, sine: Tensor, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """A layer up to its attention: queries, keys and values [N, heads, width]."""
    normed = _rms_norm(states, norm, cosine.dtype)
    query, key, value = (mapped(normed, by).view(len(states), -1, width) for by in maps)

    def rotated(heads: Tensor) -> Tensor:
        left, right = heads.chunk(2, dim=2)
        return heads * cosine + torch.cat((-right, left), dim=2) * sine

    return rotated(query), rotated(key), value


def _after(states: Tensor, attended: Tensor, norm: Norm, maps: Sequence[Map]) -> Tensor:
    """A layer from its attention's answer on."""
    out, gate, up, down = maps
    states = states + mapped(attended, out)
    normed = _rms_norm(states, norm, attended.dtype)
    return states + mapped(functional.silu(mapped(normed, gate)) * mapped(normed, up), down)


@lru_cache(maxsize=1)
def _compiled() -> tuple[Any, Any, Any]:
    """Both, compiled, and what they take for a module: what is not a product of matrices is
    computed in few passes of memory."""
    return torch.compile(_before, dynamic=False), torch.compile(_after, dynamic=False), parts


def _rms_norm(states: Tensor, norm: Norm, dtype: torch.dtype) -> Tensor:
    weight, epsilon = norm
    shape = (states.shape[-1],)
    return torch.rms_norm(states, shape, weight.to(states.dtype), epsilon).to(dtype)


def _any_network(
    decoder: Any, tokens: Tensor, positions: Tensor, attention: Attention, where: Documents
) -> Tensor:
    """The hidden states [N, hidden] of any decoder of transformers' whose attention can be put in
    its place."""

    def attend(
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        scaling: float | None,
        window: int | None,
    ) -> Tensor:
        if window and window < where.longest:
            raise SealError("model: its attention has a short window; name another model")
        return attention(queries, keys, values, where, scaling or queries.shape[-1] ** -0.5)

    with own_attention(decoder):
        output = decoder(
            input_ids=tokens[None], position_ids=positions[None], use_cache=False, attend=attend
        )
    return output.last_hidden_state[0]

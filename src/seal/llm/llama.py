"""A forward pass through the layers of a Llama network, for reading alone.

transformers' own pass makes a new tensor at each of many small steps and computes every token to
the end. Here steps write into what is there already, and of the last layer only the tokens are
computed whose logits are wanted. Linear maps are the network's own modules, in whatever precision
they are. This file knows the network's layers, and neither texts nor what attention may look at.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Attend = Callable[[int, Tensor, Tensor, Tensor, float], Tensor]
"""A layer's index, its queries [N, heads, width], keys and values [N, shared heads, width] and the
scale of their products to what attention gives, [N, heads, width]."""


def is_llama(decoder: Any) -> bool:
    """Return whether `forward` can go through the layers of this decoder of transformers'."""
    return type(decoder).__name__ == "LlamaModel" and decoder.config.hidden_act == "silu"


def forward(
    decoder: Any, tokens: Tensor, positions: Tensor, logit_indices: Tensor, attend: Attend
) -> Tensor:
    """Return the last hidden states [len(logit_indices), hidden] of some of the N tokens.

    `tokens` and `positions` are long tensors [N]; `logit_indices` says whose states. Touvron et
    al., "LLaMA" (2023); rotary positions: Su et al., "RoFormer" (2021).
    """
    states = decoder.embed_tokens(tokens)
    count, width = len(tokens), decoder.layers[0].self_attn.head_dim
    rotary = decoder.rotary_emb(states[None], position_ids=positions[None])
    computes_in = getattr(decoder.layers[0].self_attn.q_proj, "computes_in", states.dtype)
    # Halves of a head's numbers turn about each other: [N, 1, 2, width / 2].
    cosine, sine = (part.view(count, 1, 2, width // 2) for part in rotary)
    sine = torch.cat((-sine[:, :, :1], sine[:, :, 1:]), dim=2)
    cosine, sine = cosine.to(computes_in), sine.to(computes_in)

    def heads(states: Tensor) -> Tensor:
        return states.view(count, -1, width)

    def rotated(states: Tensor) -> Tensor:
        halves = states.view(count, -1, 2, width // 2)
        return heads(torch.addcmul(halves * cosine, halves.flip(2), sine))

    last = len(decoder.layers) - 1
    for index, layer in enumerate(decoder.layers):
        attention, mlp = layer.self_attn, layer.mlp
        normed = _rms_norm(states, layer.input_layernorm).to(computes_in)
        attended = attend(
            index,
            rotated(attention.q_proj(normed)),
            rotated(attention.k_proj(normed)),
            heads(attention.v_proj(normed)),
            attention.scaling,
        ).view(count, -1)
        if index == last:
            states, attended = states[logit_indices], attended[logit_indices]
        states.add_(attention.o_proj(attended))
        normed = _rms_norm(states, layer.post_attention_layernorm).to(computes_in)
        gate = torch.nn.functional.silu(mlp.gate_proj(normed), inplace=True)
        states.add_(mlp.down_proj(gate.mul_(mlp.up_proj(normed))))
    return _rms_norm(states, decoder.norm)


def _rms_norm(states: Tensor, norm: Any) -> Tensor:
    return torch.rms_norm(states, (states.shape[-1],), norm.weight, norm.variance_epsilon)

"""Layers: one way through the layers of a Llama network, for reading alone.

transformers' own way makes a new tensor at each of many small steps and computes every token to the
end. Here steps write into what is there already, and of the last layer only the tokens are computed
whose logits are wanted. Linear maps are the network's own modules, in whatever precision they are.
It knows the network's layers, and neither texts nor what attention may look at.
"""

from collections.abc import Callable
from typing import Any


def are_llama(decoder: Any) -> bool:
    """Can `run` go through the layers of this decoder of transformers'?"""
    return type(decoder).__name__ == "LlamaModel" and decoder.config.hidden_act == "silu"


def run(
    decoder: Any,
    tokens: Any,
    positions: Any,
    wanted: Any,
    attend: Callable[[int, Any, Any, Any, float], Any],
) -> Any:
    """The last hidden states [len(wanted), hidden] of the `wanted` ones among N tokens.

    `tokens` and `positions` are long tensors [N]. `attend` is given a layer's number, its queries
    [N, heads, width], keys and values [N, shared heads, width] and the scale of their products, and
    returns what attention finds, [N, heads, width]. Touvron et al., "LLaMA" (2023); rotary
    positions: Su et al., "RoFormer" (2021).
    """
    import torch

    states = decoder.embed_tokens(tokens)
    count, width = len(tokens), decoder.layers[0].self_attn.head_dim
    turn = decoder.rotary_emb(states[None], position_ids=positions[None])
    computes_in = getattr(decoder.layers[0].self_attn.q_proj, "computes_in", states.dtype)
    # Halves of a head's numbers turn about each other: [N, 1, 2, width / 2].
    cosine, sine = (part.view(count, 1, 2, width // 2) for part in turn)
    sine = torch.cat((-sine[:, :, :1], sine[:, :, 1:]), dim=2)
    cosine, sine = cosine.to(computes_in), sine.to(computes_in)

    def heads(states: Any) -> Any:
        return states.view(count, -1, width)

    def turned(states: Any) -> Any:
        halves = states.view(count, -1, 2, width // 2)
        return heads(torch.addcmul(halves * cosine, halves.flip(2), sine))

    last = len(decoder.layers) - 1
    for number, layer in enumerate(decoder.layers):
        attention, mlp = layer.self_attn, layer.mlp
        normed = _norm(states, layer.input_layernorm).to(computes_in)
        found = attend(
            number,
            turned(attention.q_proj(normed)),
            turned(attention.k_proj(normed)),
            heads(attention.v_proj(normed)),
            attention.scaling,
        ).view(count, -1)
        if number == last:
            states, found = states[wanted], found[wanted]
        states.add_(attention.o_proj(found))
        normed = _norm(states, layer.post_attention_layernorm).to(computes_in)
        gate = torch.nn.functional.silu(mlp.gate_proj(normed), inplace=True)
        states.add_(mlp.down_proj(gate.mul_(mlp.up_proj(normed))))
    return _norm(states, decoder.norm)


def _norm(states: Any, norm: Any) -> Any:
    import torch

    return torch.rms_norm(states, (states.shape[-1],), norm.weight, norm.variance_epsilon)

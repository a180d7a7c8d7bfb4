"""The embedded encoder's network, all-MiniLM-L6-v2, of torch's layers: a BERT without its pooler.

transformers knows it too, but its import would be most of the time of a short correction. Weights
go by the names of the published file, inside and outside, and the answer is transformers' own. This
file knows nothing of words or tokens.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

_PARTS = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}
"""What the published file calls the parts of a layer, and what torch does."""

_MAPS = [f"attention.self.{name}" for name in ("query", "key", "value")]
"""Three maps of the file, which are one in torch."""


class _Embeddings(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: tokens.shape[1]]
        words = self.word_embeddings(tokens) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(words + positions)


class MiniLM(nn.Module):
    """Tokens [B, T] and which of them are there [B, T] → a state of each, taken and given as by
    transformers' BertModel."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        layer = nn.TransformerEncoderLayer(
            config.hidden_size,
            config.num_attention_heads,
            config.intermediate_size,
            dropout=0.0,
            activation=config.hidden_act,
            layer_norm_eps=config.layer_norm_eps,
            batch_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, config.num_hidden_layers, enable_nested_tensor=False
        )
        self.register_load_state_dict_pre_hook(_to_torch)
        self.register_state_dict_post_hook(_to_file)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        absent = attention_mask == 0
        states = self.encoder(self.embeddings(input_ids), src_key_padding_mask=absent)
        return SimpleNamespace(last_hidden_state=states)


def _to_torch(network: MiniLM, weights: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for layer in range(network.config.num_hidden_layers):
        theirs, ours = f"{prefix}encoder.layer.{layer}.", f"{prefix}encoder.layers.{layer}."
        for kind in ("weight", "bias"):
            for name, part in _PARTS.items():
                if f"{theirs}{name}.{kind}" in weights:
                    weights[f"{ours}{part}.{kind}"] = weights.pop(f"{theirs}{name}.{kind}")
            maps = [f"{theirs}{name}.{kind}" for name in _MAPS]
            if all(name in weights for name in maps):
                joined = torch.cat([weights.pop(name) for name in maps])
                weights[f"{ours}self_attn.in_proj_{kind}"] = joined


def _to_file(network: MiniLM, weights: dict[str, Tensor], prefix: str, _: Any) -> None:
    for layer in range(network.config.num_hidden_layers):
        theirs, ours = f"{prefix}encoder.layer.{layer}.", f"{prefix}encoder.layers.{layer}."
        for kind in ("weight", "bias"):
            for name, part in _PARTS.items():
                weights[f"{theirs}{name}.{kind}"] = weights.pop(f"{ours}{part}.{kind}")
            joined = weights.pop(f"{ours}self_attn.in_proj_{kind}")
            for name, third in zip(_MAPS, joined.chunk(3), strict=True):
                weights[f"{theirs}{name}.{kind}"] = third.clone()  # files hold no views


def load(folder: Path) -> MiniLM:
    """The network of a folder with config.json and model.safetensors. Raises OSError, or
    ValueError or RuntimeError where the weights do not fit."""
    config = SimpleNamespace(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
    network = MiniLM(config)
    weights = load_file(folder / "model.safetensors")
    wanted = ("embeddings.", "encoder.")
    unused = "embeddings.position_ids"
    network.load_state_dict(
        {n: w for n, w in weights.items() if n.startswith(wanted) and n != unused}, assign=True
    )
    return network.eval()
